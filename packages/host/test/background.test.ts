import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ChatEvent, EventId } from "../src/core/events.ts";
import { ChatId } from "../src/core/ids.ts";
import { type Journey, givenHost } from "./journey.ts";

const command = (text: string) =>
  `tool: Bash ${JSON.stringify({ command: text, description: "count the stars", run_in_background: true })}`;
const UNTIL_GO = "until [ -e go ]; do sleep 0.05; done";
const subagent = (prompt: string) =>
  `tool: Agent ${JSON.stringify({ description: "look", prompt, subagent_type: "general-purpose", run_in_background: true })}`;

describe("work that an agent leaves running", () => {
  it("is told of in the chat when a command has ended, by a turn of the host's own", async () => {
    const host = await givenHost();
    const later = toldLater(host, /completed \(exit code 0\)/);

    const first = await host.ask(command("sleep 2; echo done"));
    expect(first.answer).toContain("running in background");

    expect(await later).toMatch(/completed/);
    expect((await host.ask("count:")).answer).toBe("2");
    expect((await host.host().status()).outbox).toMatchObject({ dead: 0, unknown: 0 });
  });

  it("may be a subagent that asks the model between the turns", async () => {
    const host = await givenHost();
    const later = toldLater(host, /a comet/);

    await host.ask(subagent("run: sleep 1; echo looked\nrun: sleep 1; echo a comet"));

    expect(await later).toMatch(/a comet/);
    expect((await host.ask("count:")).answer).toBe("2");
  });

  it("ends while a message is answered, and both get their answers", async () => {
    const host = await givenHost();
    const later = toldLater(host, /completed \(exit code 0\)/);
    await host.ask(command(`${UNTIL_GO}; echo done`));

    const sent = await host.send("think: 2\nsay: thought about it");
    await sent.shows((event) => event.type === "turn" && event.state === "started");
    await writeFile(join(host.home, "groups", "main", "go"), "");

    expect((await sent.told).answer).toBe("thought about it");
    expect(await later).toMatch(/completed/);
  });

  it("is over with a stop", async () => {
    const host = await givenHost();
    const sent = await host.send(`${command(`${UNTIL_GO}; touch ended`)}\nrun: tail -f /dev/null`);
    await sent.shows((event) => event.type === "activity" && event.tool === "Bash");
    await new Promise((resolve) => void setTimeout(resolve, 500));

    const asked = performance.now();
    await host.send("/stop");
    const { state } = await sent.told;

    expect(state).toBe("cancelled");
    expect(performance.now() - asked).toBeLessThan(3_000);
    expect((await host.ask("run: touch go; sleep 1; ls")).answer).not.toContain("ended");
  });
});

/** The first message of the chat's that says this, from now on. */
async function toldLater({ client }: Journey, words: RegExp): Promise<string> {
  const over = AbortSignal.timeout(30_000);

  for await (const event of client.events(ChatId.parse("web:journey"), {
    after: EventId.parse(0),
    signal: over,
  })) {
    if (isSaid(event) && words.test(event.text)) return event.text;
  }
  throw new Error("the stream ended before");
}

function isSaid(event: ChatEvent): event is Extract<ChatEvent, { type: "message" }> {
  return event.type === "message" && event.direction === "out";
}
