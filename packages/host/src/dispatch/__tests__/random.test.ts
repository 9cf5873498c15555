import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GroupFolder, newId, SessionId } from "../../core/ids.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import type { Room } from "../../turns/rooms.ts";
import { createDispatcher } from "../dispatcher.ts";

/** A room as the dispatcher sees it; what must not happen to one throws. */
interface Place extends Omit<Room, "state" | "background" | "idleSince"> {
  state: Room["state"];
  background: number;
  idleSince: number;
  gone: () => void;
}

function world(sandboxes: number) {
  const places = new Map<SessionId, Place>();
  const live = new Map<SessionId, () => void>();
  const faults: string[] = [];
  const groupOf = new Map<SessionId, { groupId: number; isolated: boolean }>();
  let onGone = (): void => undefined;
  let ticks = 0;

  function check(): void {
    const taken = new Set([...places.keys(), ...live.keys()]);
    if (taken.size > sandboxes) faults.push(`${taken.size} places are taken`);
    const lanes = [...taken].map((session) => JSON.stringify(groupOf.get(session)));
    if (new Set(lanes).size < lanes.length) faults.push("two sandboxes in one lane of a group");
  }

  const dispatcher = createDispatcher({
    turns: {
      /** The whole turn: nothing else of it matters here. */
      async claim(session) {
        if (live.has(session)) faults.push("two turns of one session");
        const place = places.get(session);
        if (place && place.state !== "idle") faults.push(`a turn in a room that is ${place.state}`);
        const over = Promise.withResolvers<void>();
        live.set(session, over.resolve);
        const own = place ?? open(session);
        own.state = "busy";
        check();
        await over.promise;
        live.delete(session);
        own.state = "idle";
        own.idleSince = ticks++;
        return undefined;
      },
      waitsIn: async () => undefined,
      due: async () => [],
      claimBackground: async () => undefined,
      release: async () => undefined,
      cancelWaiting: async () => undefined,
    },
    rooms: {
      of: (session) => places.get(session),
      list: () => [...places.values()],
      onGone: (listener) => void (onGone = listener),
      onGoesOn: () => undefined,
      async close({ session }) {
        const place = places.get(session);
        if (!place || place.state === "closing") return;
        if (place.state !== "idle" || place.background > 0 || live.has(session))
          faults.push(`a ${place.state} sandbox was closed`);
        place.state = "closing";
        await new Promise<void>((resolve) => (place.gone = resolve));
      },
    },
    start: () => {
      throw new Error("turns are over with their claim here");
    },
    bury: async () => undefined,
    sandboxes,
    clock: fakeClock(),
    log: silentLog,
  });
  const asked = new Set<SessionId>();

  function open(session: SessionId): Place {
    const never = () => Promise.reject(new Error("nobody is in there"));
    const of = groupOf.get(session) ?? { groupId: 0, isolated: false };
    const place = {
      ...of,
      session,
      group: GroupFolder.parse("main"),
      scope: session,
      chat: undefined,
      model: "a-model",
      effort: undefined,
      state: "busy",
      background: 0,
      since: 0,
      idleSince: 0,
      steers: false,
      bare: false,
      next: never,
      watch: never,
      gone: () => undefined,
      get door(): never {
        throw new Error("nobody goes in");
      },
      get engine(): never {
        throw new Error("nobody is in there");
      },
    } satisfies Place;
    const kept: Place = place;
    places.set(session, kept);
    return kept;
  }

  return {
    faults,
    asked,
    wake(session: SessionId, groupId: number, isolated: boolean): void {
      groupOf.set(session, { groupId, isolated });
      asked.add(session);
      dispatcher.wake(session, groupId, { isolated, kind: isolated ? "occurrence" : "chat" });
    },
    end(pick: number): void {
      const [session, over] = [...live][pick % Math.max(1, live.size)] ?? [];
      if (!session || !over) return;
      asked.delete(session);
      over();
    },
    /** A sandbox that was closing has gone. */
    vanish(pick: number): void {
      const closing = [...places.values()].filter(({ state }) => state === "closing");
      const place = closing[pick % Math.max(1, closing.length)];
      if (!place) return;
      places.delete(place.session);
      place.gone();
      onGone();
    },
    /** Work goes on beside the conversation, or has ended. */
    background(pick: number, running: number): void {
      const idle = [...places.values()].filter(({ state }) => state === "idle");
      const place = idle[pick % Math.max(1, idle.length)];
      if (!place) return;
      place.background = running;
      dispatcher.look();
    },
    calm: () => {
      for (const place of places.values()) place.background = 0;
      dispatcher.look();
    },
    isStill: () => live.size === 0 && ![...places.values()].some(({ state }) => state === "closing"),
  };
}

const SESSIONS = Array.from({ length: 5 }, () => Array.from({ length: 4 }, () => newId(SessionId)));
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the dispatcher, whatever comes in whatever order", () => {
  it("keeps to the cap and to the places of a group, closes nothing busy, and serves everybody", async () => {
    const step = fc.record({
      what: fc.constantFrom("wake", "wake", "wake", "end", "end", "vanish", "vanish", "busy", "calm"),
      group: fc.nat(4),
      n: fc.nat(3),
      pick: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, sandboxes) => {
          const house = world(sandboxes);
          for (const { what, group, n, pick } of steps) {
            const session = SESSIONS[group]?.[n];
            if (what === "wake" && session) house.wake(session, group, n === 3);
            if (what === "end") house.end(pick);
            if (what === "vanish") house.vanish(pick);
            if (what === "busy" || what === "calm") house.background(pick, what === "busy" ? 1 : 0);
            await settled();
          }

          house.calm();
          for (let i = 0; i < 200 && (house.asked.size > 0 || !house.isStill()); i += 1) {
            house.end(0);
            house.vanish(0);
            await settled();
          }

          expect(house.faults).toEqual([]);
          expect([...house.asked]).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
