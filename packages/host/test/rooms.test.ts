import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createRehearsalModel } from "../src/broker/rehearsal/server.ts";
import { systemClock } from "../src/core/clock.ts";
import { givenHost, type Journey } from "./journey.ts";

const Created = z.object({ id: z.string() });

async function chatOf(group: string, { host }: Journey): Promise<string> {
  const { url, apiToken } = host();
  const response = await fetch(`${url}/api/v1/chats`, {
    method: "POST",
    headers: { authorization: `Bearer ${await apiToken("chat")}`, "content-type": "application/json" },
    body: JSON.stringify({ group }),
  });
  return Created.parse(await response.json()).id;
}

describe("two groups", () => {
  it("cannot see each other: not their files, not their memory, not their talk", async () => {
    const journey = await givenHost({ config: "groups:\n  kids:\n    assistant: Robin\n" });
    const { ask } = journey;
    const kids = await chatOf("kids", journey);
    await ask("remember: the present is a bicycle");
    await ask("write: secret.txt hidden in the cellar");

    const look = await ask(
      "run: cat /workspace/group/* 2>&1; find / -name secret.txt 2>/dev/null; ls /workspace",
      kids,
    );
    const memory = await ask("recall:", kids);
    const history = await ask('tool: history_search {"query": "bicycle"}', kids);
    const other = await ask('tool: send_message {"text": "psst", "chat": "web:journey"}', kids);

    expect(look.answer).not.toMatch(/bicycle|cellar|secret\.txt|global/);
    expect(memory.answer).not.toContain("bicycle");
    expect(memory.answer).toContain("Robin");
    expect(history.answer).not.toContain("present"); // only the search itself speaks of it here
    expect(other.answer).toContain("Only the group main");
  });

  it("have sandboxes of their own, side by side", async () => {
    const journey = await givenHost({ config: "groups:\n  kids: {}\n" });
    const { send, ask, home } = journey;
    const kids = await chatOf("kids", journey);

    const slow = await send("run: until [ -e go ]; do sleep 0.05; done; echo slow");
    await slow.shows((event) => event.type === "activity" && event.tool === "Bash");
    const quick = await ask("say: quick", kids);

    expect(quick.answer).toBe("quick");
    expect((await journey.host().status()).turns.map(({ chat }) => chat)).toEqual(["web:journey"]);
    await writeFile(join(home, "groups", "main", "go"), "");
    expect((await slow.told).answer).toBe("slow");
  });
});

describe("a persona", () => {
  it("is the group's own where it has one, else the one for all", async () => {
    const journey = await givenHost({ config: "groups:\n  kids: {}\n" });
    const { ask, home } = journey;
    const kids = await chatOf("kids", journey);
    await writeFile(join(home, "global", "IDENTITY.md"), "You are dry and brief.\n");
    await writeFile(join(home, "groups", "kids", "IDENTITY.md"), "You are a friendly pirate.\n");

    expect((await ask("recall:")).answer).toContain("dry and brief");
    const pirate = (await ask("recall:", kids)).answer;
    expect(pirate).toContain("friendly pirate");
    expect(pirate).not.toContain("dry and brief");
  });
});

describe("the tools of the host", () => {
  it("send, react and search in the turn's own chat", async () => {
    const { ask, client } = await givenHost();
    await ask("say: the dentist is on Friday");

    const { answer, frames } = await ask('tool: send_message {"text": "one moment"}\nsay: done');
    await ask('tool: react {"message_id": 1, "emoji": "👍"}');
    const found = await ask('tool: history_search {"query": "dentist"}');

    expect(answer).toContain("one moment");
    expect(answer.split("\n").at(-1)).toBe("done");
    expect(frames.filter((event) => event.type === "message")).toHaveLength(2);
    const status = await client.status();
    expect(status.outbox).toMatchObject({ open: 0, dead: 0 });
    expect(found.answer).toContain("dentist is on Friday");
  });

  it("never let out what is internal", async () => {
    const { ask } = await givenHost();

    const { answer, frames } = await ask("say: shown <internal>not this</internal> and shown");

    expect(answer).toBe("shown  and shown");
    expect(JSON.stringify(frames)).not.toContain("not this");
  });

  it("never let out the key, whatever the agent says, and never let it in", async () => {
    const key = "sk-ant-journey-0123456789";
    const model = createRehearsalModel({ clock: systemClock });
    onTestFinished(() => model.close());
    const port = await model.listen(0);
    const { ask } = await givenHost({
      env: { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}` },
    });

    const { answer, frames } = await ask(`say: the key is ${key}, really`);
    const look =
      "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c journey; env | grep ANTHROPIC_API";
    const refused = await ask(`run: ${look}`);
    await ask(`write: look.sh ${look}`); // what is refused as a command is easily got around
    const inside = await ask("run: sh look.sh");

    expect(answer).toMatch(/^the key is (\*+|\[hidden\]), really$/); // the broker or the filter, whoever sees it first
    expect(JSON.stringify(frames.filter((event) => event.type === "delta"))).not.toContain(key);
    expect(refused.answer).toContain("Refused");
    expect(inside.answer).toBe("0\nANTHROPIC_API_KEY=placeholder");
  });
});
