/** The engine's program is the agent's: nothing that it prints may do anything, or cost the host anything. */
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Clock, systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import type { EngineEvent, HostTool } from "../../turns/engine.ts";
import { createClaudeEngine } from "../claude/claude.ts";
import { failures } from "./contract.ts";
import { createRoom, sandboxHere, type TestRoom } from "./room.ts";

const MIB = 1024 * 1024;
/** What the collector may not have picked up yet at the peak; the programs print a hundred times as much. */
const GARBAGE = 128 * MIB;
const forged = (clock: Clock = systemClock) =>
  createClaudeEngine({
    program: fileURLToPath(new URL("forged-cli.mjs", import.meta.url)),
    clock,
    log: silentLog,
  });

const sandbox = await sandboxHere();

describe.skipIf(sandbox.missing)(`a forged program${sandbox.note}`, () => {
  let room: TestRoom;
  beforeEach(async () => {
    room = await createRoom();
  });
  afterEach(async () => {
    await room.close();
  });

  it.each([
    ["malformed", "no JSON object"],
    ["oversized", "a line longer than"],
    ["fast", "lines a second"],
    ["deep", "nested deeper"],
    ["duplicate", "lines a second"],
    ["stderr", "on stderr"],
  ])("that prints %s lines is killed, once, and costs no memory", async (deed, reason) => {
    const { tool, notes } = notebook();
    const session = room.open(forged(), { tools: [tool] });
    const memory = watchMemory();
    session.say(deed);

    const events = await session.rest();

    expect(events.filter(({ type }) => type === "closed")).toHaveLength(1);
    expect(failures(events)).toEqual(["crashed"]);
    expect(events.at(-1)).toMatchObject({
      type: "closed",
      failure: { detail: expect.stringMatching(/^the agent's program broke the protocol: /) },
    });
    expect(events.at(-1)).toMatchObject({ failure: { detail: expect.stringContaining(reason) } });
    expect(notes).toEqual([]);
    expect(events.filter(({ type }) => type === "done").length).toBeLessThanOrEqual(1);
    expect(await memory.growth()).toBeLessThan(GARBAGE);
  });

  it("that asks and does not read is killed", async () => {
    const session = room.open(forged(), { tools: wordy() });
    const memory = watchMemory();
    session.say("unread");

    const events = await session.rest();

    expect(failures(events)).toEqual(["crashed"]);
    expect(events.at(-1)).toMatchObject({
      failure: { detail: expect.stringContaining("more than it reads") },
    });
    expect(await memory.growth()).toBeLessThan(GARBAGE);
  });

  it("that lies gets nothing done but what its own group may do", async () => {
    const { tool, notes } = notebook();
    const session = room.open(forged(), { tools: [tool] });

    const { text } = await session.ask("lying");
    await sleep(100); // time for what should not happen

    // `note` is bound to its own group by closure; what the forged input says of others is not looked at.
    expect(notes).toEqual(["x"]);
    expect(text).toBe("said a stranger");
    expect(Object.prototype).not.toHaveProperty("polluted");
    await session.session.close();
    expect(failures(session.seen)).toEqual([]);
  });

  it("that hides lines in a line prints one line", async () => {
    const session = room.open(forged());

    const { text, done } = await session.ask("smuggle");

    expect(text).toBe("a\u2028b\u2029c");
    expect(done.failure).toBeUndefined();
  });

  it("that does not stop when asked is killed", async () => {
    const clock = fakeClock();
    const session = room.open(forged(clock));
    session.say("deaf");
    await session.until("consumed");

    await session.session.interrupt();
    clock.advance(2_000);

    expect((await session.until("done")).failure?.class).toBe("cancelled");
    expect(await session.rest()).toEqual([{ type: "closed" }]);
  });

  it("whose answer ends just as it is stopped goes on with nothing", async () => {
    const session = room.open(forged());
    session.say("late");
    await session.until("activity", ({ tool }) => tool === "Bash");
    session.say("queued");
    await session.until("activity", ({ tool }) => tool === "Read");

    await session.session.interrupt();

    expect(await session.until("done")).toEqual({ type: "done", carried: [] });
    expect(await session.rest()).toEqual([{ type: "closed" }]);
  });

  it("that drops its prompt has crashed", async () => {
    const session = room.open(forged());
    session.say("drop");

    expect(failures(await session.rest())).toEqual(["crashed"]);
  });

  it("that ends a turn of its own making ends none of ours", async () => {
    const session = room.open(forged());

    const { text } = await session.ask("rogue");

    expect(text).toBe("ours");
  });

  it("that goes on by itself with what it was given says so before it does", async () => {
    const session = room.open(forged());
    const first = session.say("carry");
    await session.until("activity", ({ tool }) => tool !== undefined);

    const second = session.say("more");
    const done = await session.until("done");
    await session.until("done");

    expect(done.carried).toEqual([second.id]);
    expect(order(session.seen)).toEqual([
      `consumed ${first.id}`,
      "done",
      `consumed ${second.id}`,
      "reply the second",
      "done",
    ]);
  });

  it("that goes on by itself takes the prompt along that comes just then: one answer, and done once", async () => {
    const session = room.open(forged());
    const first = session.say("ahead");
    await session.until("done");

    const second = session.say("more");
    const done = await session.until("done");

    expect(done.carried).toEqual([]);
    expect(order(session.seen)).toEqual([
      `consumed ${first.id}`,
      "done",
      "reply the news",
      "reply and more of it",
      `consumed ${second.id}`,
      "reply the answer",
      "done",
    ]);
  });

  it("that goes on by itself again and again is killed", async () => {
    const session = room.open(forged(fakeClock()));
    session.say("restless");

    const events = await session.rest();

    expect(events.filter((event) => event.type === "background" && event.ended !== undefined)).toHaveLength(
      12,
    );
    expect(events.at(-1)).toMatchObject({
      failure: { detail: expect.stringContaining("goes on by itself") },
    });
  });
});

function order(events: readonly EngineEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === "consumed") return [`consumed ${event.prompts.join()}`];
    if (event.type === "reply") return [`reply ${event.text}`];
    return event.type === "done" ? ["done"] : [];
  });
}

function notebook(): { tool: HostTool; notes: string[] } {
  const notes: string[] = [];
  const input = z.object({ text: z.string() });
  return {
    notes,
    tool: {
      name: "note",
      description: "Writes a note.",
      input,
      async call(given) {
        notes.push(input.parse(given).text);
        return { text: "noted" };
      },
    },
  };
}

/** Tools whose list is long, so that its answers fill a pipe quickly. */
function wordy(): HostTool[] {
  return Array.from({ length: 50 }, (_, n) => ({
    name: `tool_${n}`,
    description: "so many words ".repeat(700),
    input: z.object({}),
    call: async () => ({ text: "" }),
  }));
}

/** How far this process grew, at its largest. */
function watchMemory() {
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10);
  return {
    async growth() {
      await sleep(20);
      clearInterval(timer);
      if (process.env["BELLHOP_SHOW_MEMORY"])
        process.stdout.write(`peak +${Math.round((peak - before) / MIB)} MiB\n`);
      return peak - before;
    },
  };
}
