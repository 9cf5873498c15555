import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Clock, systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import type { HostTool } from "../../turns/engine.ts";
import { createClaudeEngine } from "../claude/claude.ts";
import { engineContract, failures, last, ready } from "./contract.ts";
import { createRoom, sandboxHere, type TestRoom, type TestSession } from "./room.ts";

const claude = (clock: Clock = systemClock) => createClaudeEngine({ clock, log: silentLog });

const sandbox = await sandboxHere();

describe.skipIf(sandbox.missing)(`the claude engine${sandbox.note}`, () => {
  engineContract(claude, {
    say: (text) => `say: ${text}`,
    count: "count:",
    work: (ms) => `run: tail -f /dev/null & sleep ${ms / 1000}; kill %1`,
    hang: "run: tail -f /dev/null",
  });

  let room: TestRoom;
  beforeEach(async () => {
    room = await createRoom();
  });
  afterEach(async () => {
    await room.close();
  });

  it("takes a follow-up in while a tool runs", async () => {
    const session = room.open(claude());
    const first = session.say("run: sleep 1; echo worked");
    await session.until("activity", ({ tool }) => tool !== undefined);

    const followUp = session.say("say: and the follow-up");
    const { carried } = await session.until("done");

    expect(consumed(session)).toEqual([first.id, followUp.id]);
    expect(carried).toEqual([]);
    expect(text(session)).toContain("and the follow-up");
  });

  it("gives a follow-up that comes before a tool when the tool begins", async () => {
    const session = room.open(claude());
    const first = session.say("think: 1\nrun: sleep 1; echo worked");
    await session.until("consumed");

    const followUp = session.say("say: and the follow-up");
    await session.until("done");

    expect(consumed(session)).toEqual([first.id, followUp.id]);
    expect(text(session)).toContain("and the follow-up");
  });

  it("holds a follow-up while the model thinks: void at the end, and answered once when given again", async () => {
    const session = room.open(claude());
    const first = session.say("think: 1\nsay: thought");
    await session.until("consumed");

    const followUp = session.say("count:");
    const { carried } = await session.until("done");
    expect(carried).toEqual([]);
    expect(consumed(session)).toEqual([first.id]);

    session.again(followUp);
    await session.until("done");
    expect(consumed(session)).toEqual([first.id, followUp.id]);
    expect(text(session)).toBe("thought\n2");
  });

  it("answers a prompt again whose first attempt failed, at the position and at the latest point", async () => {
    const session = room.open(claude());
    await session.ask("say: one");
    const { engineSession } = ready(session.seen);
    const { position } = last(session.seen, "position");
    const prompt = session.say("error: server x2\ncount:");
    expect((await session.until("done")).failure?.class).toBe("transient");

    const second = room.open(claude(), { resume: { engineSession, position } });
    second.again(prompt);
    expect((await second.until("done")).failure?.class).toBe("transient");

    const third = room.open(claude(), { resume: { engineSession } });
    third.again(prompt);
    await third.until("done");
    expect(text(third)).not.toBe("");
  });

  it("says that a position is stale", async () => {
    const before = room.open(claude());
    await before.ask("say: one");
    await before.session.close();

    const { engineSession } = ready(before.seen);
    const session = room.open(claude(), {
      resume: { engineSession, position: "6f1c0f0a-3b9d-4b4e-9d5e-0d8f2f6a1b2c" },
    });
    session.say("count:");

    expect(failures(await session.rest())).toEqual(["stale_position"]);
  });

  it("calls a garbage transcript a stale session", async () => {
    const before = room.open(claude());
    await before.ask("say: one");
    await before.session.close();
    const { engineSession } = ready(before.seen);
    const folder = join(room.engineHome, "projects", "-workspace-group");
    for (const name of await readdir(folder))
      if (name.endsWith(".jsonl")) await writeFile(join(folder, name), "garbage\n");

    const session = room.open(claude(), { resume: { engineSession } });
    session.say("count:");

    expect(failures(await session.rest())).toEqual(["stale_session"]);
  });

  it("measures what is written of a conversation, and nothing that lies in its place", async () => {
    const session = room.open(claude());
    await session.ask("say: one");
    await session.session.close();
    const { engineSession } = ready(session.seen);
    const measured = () => claude().measure?.({ home: room.engineHome, engineSession });
    const file = join(room.engineHome, "projects", "-workspace-group", `${engineSession}.jsonl`);
    expect(await measured()).toBe((await readFile(file)).byteLength);

    await rm(file);
    expect(await measured()).toBeUndefined();
    await symlink("/etc/passwd", file);
    expect(await measured()).toBeUndefined();
  });

  it("goes on from the position that an interrupted answer left", async () => {
    const before = room.open(claude());
    before.say("run: sleep 20");
    await before.until("activity", ({ tool }) => tool !== undefined);
    await before.session.interrupt();
    await before.rest();

    const { engineSession } = ready(before.seen);
    const { position } = last(before.seen, "position");
    const session = room.open(claude(), { resume: { engineSession, position } });

    expect((await session.ask("say: still here")).text).toBe("still here");
  });

  it.each([
    ["rate_limit", "rate_limited"],
    ["overloaded", "rate_limited"],
    ["auth", "auth"],
    ["server", "transient"],
    ["context", "overflow"],
    ["refusal x2", "refused"],
  ])("sorts the API's %s as %s", async (kind, expected) => {
    const session = room.open(claude());

    session.say(`error: ${kind}`);
    const events = await session.rest();

    expect(failures(events)).toEqual([expected]);
    expect(events.filter((event) => event.type === "reply" && event.text.includes("API Error"))).toEqual([]);
  });

  it("lets the agent call the host's tools, and says which use of a tool it is", async () => {
    const { tool, calls } = notebook();
    const session = room.open(claude(), { tools: [tool] });

    const { text: answer } = await session.ask('tool: note {"text":"milk"}');

    expect(calls).toEqual([{ input: { text: "milk" }, toolUseId: expect.stringMatching(/^toolu_/) }]);
    expect(answer).toContain("noted milk");
  });

  it("serves no call of the host's tools whose input does not fit", async () => {
    const { tool, calls } = notebook();
    const session = room.open(claude(), { tools: [tool] });

    const { text: answer } = await session.ask('tool: note {"text":7}');

    expect(answer).toMatch(/text/);
    expect(calls).toEqual([]);
  });

  it("serves a burst of calls of the host's tools, and refuses the rest", async () => {
    const { tool, calls } = notebook();
    const session = room.open(claude(fakeClock()), { tools: [tool] });

    const { text: answer } = await session.ask(
      Array.from({ length: 25 }, () => 'tool: note {"text":"a"}').join("\n"),
    );

    expect(calls).toHaveLength(20);
    expect(answer).toContain("Too many calls");
  });

  it("lets a subagent call the host's tools as well, under uses of its own", async () => {
    const { tool, calls } = notebook();
    const session = room.open(claude(), { tools: [tool] });
    const task = { description: "d", prompt: 'tool: note {"text":"tea"}', subagent_type: "general-purpose" };

    await session.ask(`tool: Agent ${JSON.stringify(task)}`);

    expect(calls).toEqual([{ input: { text: "tea" }, toolUseId: expect.stringMatching(/^toolu_/) }]);
  });

  it("shows the agent its memory: the house's and the group's own", async () => {
    await writeFile(join(room.group, "CLAUDE.md"), "The group likes tea.\n");

    const { text: answer } = await room.open(claude()).ask("recall:");

    expect(answer).toContain("The house speaks of the blue door.");
    expect(answer).toContain("The group likes tea.");
  });

  it.each(["/clear", "/compact", "@/etc/hostname"])("takes %s for what a person wrote", async (words) => {
    const session = room.open(claude());
    await session.ask("say: one");

    await session.ask(words);

    expect((await session.ask("count:")).text).toBe("3");
    expect(session.seen.filter(({ type }) => type === "ready")).toHaveLength(1);
  });

  it("keeps from the agent what would start turns by itself", async () => {
    const { text: answer } = await room
      .open(claude())
      .ask('tool: ScheduleWakeup {"delaySeconds":60,"prompt":"x"}');

    expect(answer).toMatch(/ScheduleWakeup/);
    expect(answer).toMatch(/not offered|no tool|not available|unknown/i);
  });
});

function notebook() {
  const calls: { input: unknown; toolUseId: string }[] = [];
  const input = z.object({ text: z.string() });
  const tool: HostTool = {
    name: "note",
    description: "Writes a note.",
    input,
    async call(given, { toolUseId }) {
      const { text } = input.parse(given);
      calls.push({ input: { text }, toolUseId });
      return { text: `noted ${text}` };
    },
  };
  return { tool, calls };
}

function consumed({ seen }: TestSession): string[] {
  return seen.flatMap((event) => (event.type === "consumed" ? event.prompts : []));
}

function text({ seen }: TestSession): string {
  return seen.flatMap((event) => (event.type === "reply" ? [event.text] : [])).join("\n");
}
