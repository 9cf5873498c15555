/**
 * What every engine promises (turns/engine.ts), run against the real thing: its real program, in a
 * real sandbox. An engine's own test file runs this and adds what only it can do.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentEngine } from "../../turns/engine.ts";
import { NO_SANDBOX } from "../../turns/failure-words.ts";
import { createRoom, type TestRoom } from "./room.ts";

/** How one says these things to the agent under test. */
export interface Words {
  /** Answers exactly this. */
  readonly say: (text: string) => string;
  /** Answers with how many messages the conversation has had. */
  readonly count: string;
  /** Runs a tool for this long. */
  readonly work: (ms: number) => string;
  /** Runs a tool that never ends. */
  readonly hang: string;
}

/** What `interrupt()` promises: to be asked and, if that helps nothing, killed; and a little for the machine. */
const STOPPED_WITHIN_MS = 2_500;

export function engineContract(engine: () => AgentEngine, words: Words): void {
  let room: TestRoom;
  beforeEach(async () => {
    room = await createRoom();
  });
  afterEach(async () => {
    await room.close();
  });

  describe("a session", () => {
    it("answers a prompt: consumed, pieces, the whole, a position, done", async () => {
      const session = room.open(engine());

      const prompt = session.say(words.say("dinner is at eight"));
      await session.until("done");

      const told = session.seen.filter(({ type }) => !["activity", "delta", "offers"].includes(type));
      expect(told).toEqual([
        { type: "ready", engineSession: expect.any(String) },
        { type: "consumed", prompts: [prompt.id] },
        { type: "reply", text: "dinner is at eight" },
        { type: "position", position: expect.any(String) },
        { type: "done", carried: [] },
      ]);
      const pieces = session.seen.filter((event) => event.type === "delta");
      expect(pieces.map(({ text }) => text).join("")).toBe("dinner is at eight");
    });

    it("keeps its conversation from prompt to prompt", async () => {
      const session = room.open(engine());

      await session.ask(words.say("one"));

      expect((await session.ask(words.count)).text).toBe("2");
    });

    it("is resumed after its end, at its position and at its latest point", async () => {
      const before = room.open(engine());
      await before.ask(words.say("one"));
      const { engineSession } = ready(before.seen);
      const { position } = last(before.seen, "position");
      await before.session.close();

      const at = room.open(engine(), { resume: { engineSession, position } });
      expect((await at.ask(words.count)).text).toBe("2");
      await at.session.close();

      const latest = room.open(engine(), { resume: { engineSession } });
      expect((await latest.ask(words.count)).text).toBe("3");
      expect(ready(latest.seen).engineSession).toBe(engineSession);
    });

    it("that nobody knows is stale, and says so once", async () => {
      const session = room.open(engine(), {
        resume: { engineSession: "6f1c0f0a-3b9d-4b4e-9d5e-0d8f2f6a1b2c", position: undefined },
      });
      session.say(words.count);

      const events = await session.rest();

      expect(failures(events)).toEqual(["stale_session"]);
      expect(events.at(-1)?.type).toBe("closed");
    });

    it("is closed without a failure when it is closed", async () => {
      const session = room.open(engine());
      await session.ask(words.say("one"));

      await session.session.close();

      expect(await session.rest()).toEqual([{ type: "closed" }]);
    });

    it("can be closed before it began", async () => {
      const session = room.open(engine());

      await session.session.close();

      expect(await session.rest()).toEqual([{ type: "closed" }]);
    });

    it("stops when it is interrupted while a tool never ends, and is over", async () => {
      const session = room.open(engine());
      session.say(words.hang);
      await session.until("activity", ({ tool }) => tool !== undefined);
      const asked = performance.now();

      await session.session.interrupt();
      const { failure, carried } = await session.until("done");

      expect(performance.now() - asked).toBeLessThan(STOPPED_WITHIN_MS);
      expect(failure?.class).toBe("cancelled");
      expect(carried).toEqual([]);
      expect(await session.rest()).toEqual([{ type: "closed" }]);
    });

    it("stops with what was given meanwhile: it is void, and runs nowhere", async () => {
      const session = room.open(engine());
      session.say(words.hang);
      await session.until("activity", ({ tool }) => tool !== undefined);
      session.say(words.say("never said"));

      await session.session.interrupt();
      const { carried } = await session.until("done");

      expect(carried).toEqual([]);
      expect(await session.rest()).toEqual([{ type: "closed" }]);
      expect(JSON.stringify(session.seen)).not.toContain("never said");
    });

    it("goes on after a stop, at the place it named or else at its last one", async () => {
      const before = room.open(engine());
      await before.ask(words.say("one"));
      before.say(words.hang);
      await before.until("activity", ({ tool }) => tool !== undefined);
      await before.session.interrupt();
      await before.rest();

      const resume = {
        engineSession: ready(before.seen).engineSession,
        position: last(before.seen, "position").position,
      };
      const session = room.open(engine(), { resume });

      expect((await session.ask(words.count)).text).toBe("3");
    });

    it("stops at once when it is interrupted before its program is up", async () => {
      const session = room.open(engine());
      session.say(words.hang);
      const asked = performance.now();

      await session.session.interrupt();

      expect((await session.until("done")).failure?.class).toBe("cancelled");
      expect(performance.now() - asked).toBeLessThan(STOPPED_WITHIN_MS);
      expect(await session.rest()).toEqual([{ type: "closed" }]);
    });

    it("whose program is killed in the middle of an answer has crashed", async () => {
      const session = room.open(engine());
      session.say(words.work(20_000));
      await session.until("activity", ({ tool }) => tool !== undefined);

      await session.kill();

      expect(failures(await session.rest())).toEqual(["crashed"]);
    });

    it("whose sandbox cannot be made is closed with the reason", async () => {
      const session = engine().open({
        sandbox: Promise.reject(new Error("no room")),
        model: "sonnet",
        instructions: "",
        tools: [],
      });

      const events = [];
      for await (const event of session.events) events.push(event);

      expect(events).toEqual([
        { type: "closed", failure: { class: "transient", detail: "no room", words: NO_SANDBOX } },
      ]);
    });
  });
}

type Events = Awaited<ReturnType<ReturnType<TestRoom["open"]>["rest"]>>;

/** The classes of every failure told, in order. */
export function failures(events: Events): string[] {
  return events.flatMap((event) => ("failure" in event && event.failure ? [event.failure.class] : []));
}

export function ready(events: Events) {
  return last(events, "ready");
}

export function last<T extends Events[number]["type"]>(events: Events, type: T) {
  const found = events.findLast(
    (event): event is Extract<Events[number], { type: T }> => event.type === type,
  );
  if (!found) throw new Error(`no ${type} among ${JSON.stringify(events)}`);
  return found;
}
