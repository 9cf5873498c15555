import { describe, expect, it } from "vitest";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ChatEvent } from "../src/core/events.ts";
import { ChatId } from "../src/core/ids.ts";
import { givenHost } from "./journey.ts";

describe("a person who writes to Bellhop", () => {
  it("is greeted by a model that says what it is", async () => {
    const { ask } = await givenHost();

    const { answer, state } = await ask("Hello!");

    expect(state).toBe("done");
    expect(answer).toContain("rehearsal model");
  });

  it("sees the answer while it is being said, and then the whole of it", async () => {
    const { ask } = await givenHost();

    const { frames, answer } = await ask("stream: 12 20");

    const deltas = frames.flatMap((event) => (event.type === "delta" ? event.text : []));
    expect(deltas.length).toBeGreaterThan(3);
    expect(deltas.join("")).toBe(answer);
    expect(answer.split(/\s+/)).toHaveLength(12);
  });

  it("has what it asked to remember in the group's memory, also after a restart", async () => {
    const { ask, restart, home } = await givenHost();

    await ask("remember: the cat is called Tom");
    await restart();
    const { answer } = await ask("recall:", "web:another");

    expect(answer).toContain("the cat is called Tom");
    expect(await readFile(join(home, "groups", "main", "CLAUDE.md"), "utf8")).toContain(
      "the cat is called Tom",
    );
  });

  it("goes on with the same conversation after a restart, and has another one in another chat", async () => {
    const { ask, restart } = await givenHost();

    await ask("say: one");
    await ask("say: two");
    await restart();

    expect((await ask("count:")).answer).toBe("3");
    expect((await ask("count:", "web:another")).answer).toBe("1");
    expect((await ask("count:")).answer).toBe("4");
  });

  it("gets what its agent did in the sandbox", async () => {
    const { ask, home } = await givenHost();

    await ask("write: notes.txt eggs and milk");

    expect((await ask("read: notes.txt")).answer).toContain("eggs and milk");
    expect((await ask("run: id -u; pwd")).answer).toBe("1000\n/workspace/group");
    expect(await readFile(join(home, "groups", "main", "notes.txt"), "utf8")).toContain("eggs and milk");
  });
});

describe("a follow-up", () => {
  it("joins the answer under way while a tool runs", async () => {
    const { send } = await givenHost();
    const first = await send("run: sleep 3; echo slept");
    await first.shows((event) => event.type === "activity" && event.tool === "Bash");

    const second = await send("say: and this too");

    const [one, two] = await Promise.all([first.told, second.told]);
    expect(one.answer).toContain("slept");
    expect(one.answer).toContain("and this too");
    expect(two.answer).toBe(one.answer);
  });

  it("opens the next turn while the model thinks", async () => {
    const { send } = await givenHost();
    await (
      await send("say: warm up")
    ).told;
    const first = await send("think: 2\nsay: first");
    await first.shows((event) => event.type === "turn" && event.state === "started");

    const second = await send("say: second");

    const [one, two] = await Promise.all([first.told, second.told]);
    expect(one.answer).toBe("first");
    expect(two.answer).toBe("second");
  });

  it("keeps the order of many that come at once", async () => {
    const { send } = await givenHost();
    const first = await send("think: 1\nsay: first");

    const others = [];
    for (const word of ["a", "b", "c"]) others.push(await send(`say: ${word}`));

    const told = await Promise.all([first, ...others].map(({ told }) => told));
    expect(told.every(({ state }) => state === "done")).toBe(true);
    expect(told.at(-1)?.answer).toContain("c");
  });
});

describe("what goes wrong with the model", () => {
  const cases = [
    { directive: "error: context", sentence: "too long", state: "failed" },
    { directive: "error: refusal x2", sentence: "declined", state: "failed" },
  ] as const;

  it.each(cases)("is told as one sentence: $directive", async ({ directive, sentence, state }) => {
    const { ask } = await givenHost();

    const told = await ask(directive);

    expect(told.state).toBe(state);
    expect(told.answer).toContain(sentence);
    expect(told.answer.split("\n")).toHaveLength(1);
  });

  it("is tried again, unseen, while it may pass", async () => {
    const { ask } = await givenHost();

    const { answer, state } = await ask("error: server x2\nsay: there");

    expect(state).toBe("done");
    expect(answer).toMatch(/works now.*\nthere$/);
  });

  it("is told with the time of the next attempt when the service asks for a longer wait", async () => {
    const { send } = await givenHost();

    const { shows } = await send("error: rate_limit");

    const notice = await shows((event) => event.type === "message" && event.kind === "notice");
    expect(notice).toMatchObject({ text: expect.stringMatching(/try again at \d\d:\d\d/) });
  });

  it("keeps a message while our key is refused, says so, and answers it once the key works", async () => {
    const { send, client } = await givenHost();
    const isNotice = (event: ChatEvent) => event.type === "message" && event.kind === "notice";
    const said = async (chat: string) =>
      (await client.history(ChatId.parse(chat), { limit: 50 })).events.flatMap((event) =>
        event.type === "message" && event.direction === "out" ? event.text : [],
      );

    const { shows } = await send("error: auth x1\nsay: there");
    expect(await shows(isNotice)).toMatchObject({ text: expect.stringContaining("refuses our key") });
    await expect.poll(() => said("web:notices")).toEqual([expect.stringContaining("refuses our key")]);

    // It asks after 30 s, at no cost; the rehearsal model refuses once only.
    await expect
      .poll(() => said("web:journey"), { timeout: 50_000, interval: 500 })
      .toContainEqual(expect.stringMatching(/there$/));
  }, 60_000);

  it("leaves the conversation as it was", async () => {
    const { ask } = await givenHost();
    await ask("say: one");

    await ask("error: context");

    expect((await ask("say: still here")).answer).toBe("still here");
  });
});
