import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
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

const withBackground = () => createClaudeEngine({ clock: systemClock, log: silentLog, background: true });

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

  describe("whose record of the conversation is broken", () => {
    /** A conversation of two answers that has ended, and what became of its transcript. */
    async function broken(how: (file: string) => Promise<void>) {
      const before = room.open(claude());
      await before.ask("say: one");
      await before.ask("say: two");
      await before.session.close();
      const { engineSession } = ready(before.seen);
      const { position } = last(before.seen, "position");
      await how(join(room.engineHome, "projects", "-workspace-group", `${engineSession}.jsonl`));
      return { engineSession, position };
    }

    async function failuresOf(resume: { engineSession: string; position?: string }) {
      const session = room.open(claude(), { resume });
      session.say("count:");
      await session.until("done").catch(() => undefined); // `closed` tells as well
      return failures(session.seen);
    }

    const lines = async (file: string) => (await readFile(file, "utf8")).trimEnd().split("\n");

    it.each<[string, (file: string) => Promise<void>]>([
      ["is garbage", (file) => writeFile(file, "garbage\n")],
      ["is empty", (file) => writeFile(file, "")],
      ["is gone", (file) => rm(file)],
      ["is gone with its folder", (file) => rm(dirname(file), { recursive: true })],
    ])("says that the session is stale where it %s, with a position and without", async (_how, how) => {
      const { engineSession, position } = await broken(how);

      expect(await failuresOf({ engineSession, position })).toEqual(["stale_session"]);
      expect(await failuresOf({ engineSession })).toEqual(["stale_session"]);
    });

    it.each<[string, (file: string) => Promise<void>]>([
      [
        "in the middle of a line",
        async (file) => {
          const text = await readFile(file, "utf8");
          await writeFile(file, text.slice(0, Math.floor(text.length / 2)));
        },
      ],
      [
        "between two lines",
        async (file) => {
          const all = await lines(file);
          await writeFile(file, `${all.slice(0, Math.ceil(all.length / 2)).join("\n")}\n`);
        },
      ],
    ])("says that the position is stale where it was cut %s, and nothing without one", async (_how, how) => {
      let whole = 0;
      const { engineSession, position } = await broken(async (file) => {
        whole = (await readFile(file)).byteLength;
        await how(file);
      });
      // What no error tells, the length does.
      expect(await claude().measure?.({ home: room.engineHome, engineSession })).toBeLessThan(whole);

      expect(await failuresOf({ engineSession, position })).toEqual(["stale_position"]);
      expect(await failuresOf({ engineSession })).toEqual([]);
    });
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

  it("says how long a tool may take, where its call says so", async () => {
    const session = room.open(claude());
    session.say('tool: Bash {"command":"sleep 0.2","description":"d","timeout":300000}');

    await session.until("done");

    expect(session.seen).toContainEqual({ type: "activity", tool: "Bash", forMs: 300_000 });
  });

  it("offers what a person may type to it, the group's own included, and takes it only as a command", async () => {
    await mkdir(join(room.group, ".claude", "commands"), { recursive: true });
    await writeFile(join(room.group, ".claude", "commands", "greet.md"), "say: greetings from a file");
    const session = room.open(claude());
    session.say("/greet");
    const { commands } = await session.until("offers");
    await session.until("done");
    const typed = session.seen.length;

    session.type("/greet");
    await session.until("done");

    expect(commands.toSorted()).toEqual(["compact", "context", "greet"]);
    expect(JSON.stringify(session.seen.slice(0, typed))).not.toContain("greetings");
    expect(JSON.stringify(session.seen.slice(typed))).toContain("greetings from a file");
  });

  it("tells what a command of its own did, which no model has said", async () => {
    const session = room.open(claude());
    for (const word of ["one", "two", "three"]) await session.ask(`say: ${word}`);

    session.type("/context");
    await session.until("done");
    session.type("/compact");
    await session.until("done");

    expect(text(session)).toContain("Context Usage");
    expect(text(session)).toContain("now a summary");
  });

  it("leaves nothing running after an answer, unless it is told to", async () => {
    const session = room.open(claude());

    await session.ask(IN_BACKGROUND("sleep 0.5; echo worked"));

    expect(session.seen.filter(({ type }) => type === "background")).toEqual([]);
    expect(text(session)).toMatch(/unexpected parameter.*run_in_background/);
  });

  describe("whose agent leaves work running", () => {
    it("goes on by itself when a command has ended: an answer like any other, that says what ended", async () => {
      const session = room.open(withBackground());
      await session.ask(IN_BACKGROUND("sleep 1; echo worked"));
      const before = session.seen.length;

      await session.until("done");

      const told = session.seen.slice(before).filter(({ type }) => !["activity", "delta"].includes(type));
      expect(told).toEqual([
        { type: "background", running: 0 },
        { type: "background", running: 0, ended: expect.stringContaining("completed") },
        { type: "reply", text: expect.stringContaining("completed") },
        { type: "position", position: expect.any(String) },
        { type: "done", carried: [] },
      ]);
      expect(session.seen.slice(0, before)).toContainEqual({ type: "background", running: 1 });
      expect((await session.ask("count:")).text).toBe("2");
    });

    it("goes on by itself when a subagent has ended, and tells what it found", async () => {
      const session = room.open(withBackground());
      await session.ask(SUBAGENT("run: sleep 1; echo found it"));

      const { ended } = await session.until("background", (event) => event.ended !== undefined);
      await session.until("done");

      expect(ended).toContain("found it");
      expect(text(session)).toContain("found it");
    });

    it("serves the tools of the host to a subagent during an answer, and not between answers", async () => {
      const { tool, calls } = notebook();
      const session = room.open(withBackground(), { tools: [tool] });
      await session.ask(`${SUBAGENT('tool: note {"text":"during"}')}\nrun: sleep 1.5`);
      expect(calls).toMatchObject([{ input: { text: "during" } }]);

      await session.ask(SUBAGENT('run: sleep 1\ntool: note {"text":"between"}'));
      const { ended } = await session.until("background", (event) => event.ended?.includes("host") === true);
      await session.until("done");

      expect(ended).toContain("No answer is under way");
      expect(calls).toHaveLength(1);
    });

    it("ends it with a stop", async () => {
      const session = room.open(withBackground());
      const work = "until [ -e go ]; do sleep 0.05; done; touch ended";
      session.say(`${IN_BACKGROUND(work)}\nrun: tail -f /dev/null`);
      await session.until("background", ({ running }) => running === 1);
      await session.until("activity", ({ tool }) => tool !== undefined);

      await session.session.interrupt();
      await session.rest();
      await writeFile(join(room.group, "go"), "");
      await setTimeout(1_000);

      expect(await readdir(room.group)).not.toContain("ended");
    });
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

const IN_BACKGROUND = (command: string) =>
  `tool: Bash ${JSON.stringify({ command, description: "d", run_in_background: true })}`;
const SUBAGENT = (prompt: string) =>
  `tool: Agent ${JSON.stringify({ description: "d", prompt, subagent_type: "general-purpose", run_in_background: true })}`;

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
