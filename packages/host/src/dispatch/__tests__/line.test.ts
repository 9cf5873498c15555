import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId, SessionId } from "../../core/ids.ts";
import { createLine, type Line, type Waiting } from "../line.ts";

const SESSIONS = Array.from({ length: 64 }, () => newId(SessionId));

function waiting(groupId: number, n: number, more: Partial<Waiting> = {}): Waiting {
  const session = SESSIONS[groupId * 8 + n + (more.isolated ? 4 : 0)];
  if (!session) throw new Error("there are not so many");
  return { session, groupId, kind: "chat", isolated: false, ...more };
}

const task = (groupId: number, n: number) => waiting(groupId, n, { kind: "occurrence", isolated: true });

/** Starts whoever is next; undefined if nobody is. */
function startNext(line: Line): Waiting | undefined {
  let started: Waiting | undefined;
  line.walk((next) => {
    if (started) return "enough";
    started = next;
    return "started";
  });
  return started;
}

/** One place: each turn ends before the next begins. */
function serveAll(line: Line): Waiting[] {
  const served: Waiting[] = [];
  for (let next = startNext(line); next; next = startNext(line)) {
    line.release(next);
    served.push(next);
  }
  return served;
}

describe("the waiting line", () => {
  it("serves who came first, and within a group too", () => {
    const line = createLine();
    for (const [group, n] of [
      [1, 0],
      [2, 0],
      [1, 1],
      [3, 0],
    ] as const)
      line.add(waiting(group, n));

    expect(serveAll(line)).toMatchObject([{ groupId: 1 }, { groupId: 2 }, { groupId: 3 }, { groupId: 1 }]);
  });

  it("holds a session once, in its place, however often it is added", () => {
    const line = createLine();
    line.add(waiting(1, 0));
    line.add(waiting(2, 0));
    line.add(waiting(1, 0));
    line.add({ ...waiting(2, 0), kind: "occurrence" });
    line.add(waiting(2, 0));

    expect(serveAll(line)).toMatchObject([{ groupId: 2, kind: "occurrence" }, { groupId: 1 }]);
  });

  it("lets what a schedule wants go before chatter, of other groups too", () => {
    const line = createLine();
    line.add(waiting(1, 0));
    line.add(waiting(2, 0));
    line.add(task(2, 0));
    line.add(task(3, 0));

    expect(serveAll(line).map(({ groupId, kind }) => `${groupId} ${kind}`)).toEqual([
      "2 occurrence",
      "3 occurrence",
      "1 chat",
      "2 chat",
    ]);
  });

  it("starves no chatter behind a group that always has something scheduled, its own neither", () => {
    const line = createLine();
    for (const group of [1, 2, 3]) line.add(waiting(group, 0));
    const order: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      line.add(task(1, i % 4));
      const next = startNext(line);
      if (!next) break;
      line.release(next);
      order.push(`${next.groupId} ${next.kind}`);
    }

    expect(order).toEqual(["1 occurrence", "2 chat", "3 chat", "1 chat", "1 occurrence", "1 occurrence"]);
  });

  it("offers nobody of a lane whose turn is under way, and the group's other lane all the same", () => {
    const line = createLine();
    line.add(waiting(1, 0));
    line.add(waiting(1, 1));
    expect(startNext(line)).toEqual(waiting(1, 0));
    expect(startNext(line)).toBeUndefined();

    line.add(task(1, 0));
    line.add(task(1, 1));

    expect(startNext(line)).toEqual(task(1, 0));
    expect(startNext(line)).toBeUndefined();
    line.release(waiting(1, 0));
    expect(startNext(line)).toEqual(waiting(1, 1));
  });

  it("shows nobody twice in one walk, and everybody again in the next", () => {
    const line = createLine();
    for (const group of [1, 2, 3]) line.add(waiting(group, 0));
    const look = () => {
      const seen: number[] = [];
      line.walk(({ groupId }) => (seen.push(groupId), "passed"));
      return seen;
    };

    expect(look()).toEqual([1, 2, 3]);
    expect(look()).toEqual([1, 2, 3]);
  });

  it("forgets who is left to wait elsewhere", () => {
    const line = createLine();
    line.add(waiting(1, 0));
    line.add(waiting(1, 1));
    line.walk(({ session }) => (session === waiting(1, 0).session ? "left" : "passed"));

    expect(line.has(waiting(1, 0).session)).toBe(false);
    expect(serveAll(line)).toEqual([waiting(1, 1)]);
  });

  /**
   * Whatever comes and ends in whatever order: against a model that only counts. It knows who waits, and
   * for each group that waits, whose turns have begun since.
   */
  it("serves everybody, each session in its place, and lets no group wait behind two turns of another", () => {
    const step = fc.record({
      ends: fc.boolean(),
      group: fc.nat(5),
      n: fc.nat(3),
      isTask: fc.boolean(),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.integer({ min: 1, max: 4 }), (steps, places) => {
        const line = createLine();
        const model = new Map<SessionId, Waiting>();
        const live: Waiting[] = [];
        /** Of each lane that could start: how often each group has begun since. */
        const passedBy = new Map<string, Map<number, number>>();
        const laneOf = ({ groupId, isolated }: Waiting) => `${groupId} ${isolated}`;
        const isBusy = (one: Waiting) => live.some((other) => laneOf(other) === laneOf(one));

        function fill(): void {
          while (live.length < places) {
            for (const one of model.values())
              if (!isBusy(one) && !passedBy.has(laneOf(one))) passedBy.set(laneOf(one), new Map());
            const next = startNext(line);
            const able = [...model.values()].filter((one) => !isBusy(one));
            expect(next !== undefined).toBe(able.length > 0); // nobody is forgotten
            if (!next) return;
            expect(able).toContainEqual(next);
            // Of its own kind in its lane it was first.
            expect(able.find((one) => laneOf(one) === laneOf(next) && one.kind === next.kind)).toEqual(next);
            model.delete(next.session);
            live.push(next);
            passedBy.delete(laneOf(next));
            for (const [lane, counts] of passedBy) {
              // Another turn of the own group is a turn of the group, so it waits anew.
              if (lane.startsWith(`${next.groupId} `)) continue;
              const times = (counts.get(next.groupId) ?? 0) + 1;
              counts.set(next.groupId, times);
              expect(times, `${lane} waits behind two turns of ${next.groupId}`).toBeLessThan(2);
            }
            for (const [lane] of passedBy)
              if (lane.startsWith(`${next.groupId} `)) passedBy.set(lane, new Map());
          }
        }

        for (const { ends, group, n, isTask, pick } of steps) {
          const over = live[pick % Math.max(1, live.length)];
          if (ends && over) {
            live.splice(live.indexOf(over), 1);
            line.release(over);
          } else {
            const one = isTask ? task(group, n) : waiting(group, n);
            if (!live.some(({ session }) => session === one.session)) {
              line.add(one);
              if (!model.has(one.session)) model.set(one.session, one);
            }
          }
          fill();
        }
        while (live.length > 0) {
          const [over] = live.splice(0, 1);
          if (over) line.release(over);
          fill();
        }
        expect(model.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
