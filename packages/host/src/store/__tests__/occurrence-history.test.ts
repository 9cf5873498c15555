import { describe, expect, it } from "vitest";
import { newId } from "../../core/ids.ts";
import { OccurrenceId } from "../../core/task.ts";
import { silentLog } from "../../log.ts";
import type { Claim } from "../claims.ts";
import type { NewTaskRow, TaskRow } from "../tasks.ts";
import { createUsage } from "../usage.ts";
import { house, planned } from "./house.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

async function given(more: Partial<NewTaskRow> = {}) {
  const store = await house();
  const row = await store.task(more);

  /** Its next time fires, and a turn claims it. */
  async function begun() {
    const task = await store.taskNow(row);
    store.clock.advance(Math.max(0, (task.due_at ?? 0) - store.clock.now()));
    return await store.claimed((await store.fire([planned(task)])).woken[0]?.session);
  }

  return {
    ...store,
    row,
    begun,
    ends: async () => await store.turns.complete(await begun(), { outbound: [], carried: [] }),
  };
}

describe("the history of a task", () => {
  it("is paged from the newest on", async () => {
    const { ends, occurrences, row } = await given();
    for (let time = 0; time < 5; time += 1) await ends();

    const first = await occurrences.history(row.id, { limit: 3 });
    const rest = await occurrences.history(row.id, { limit: 3, before: first.occurrences.at(-1)?.id });

    const times = [first, rest].map((page) =>
      page.occurrences.map((run) => run.scheduledFor - row.created_at),
    );
    expect(times).toEqual([
      [5 * MINUTE, 4 * MINUTE, 3 * MINUTE],
      [2 * MINUTE, MINUTE],
    ]);
    expect([first.more, rest.more]).toEqual([true, false]);
  });

  it("says what a run took: time, attempts, tokens and money", async () => {
    const { begun, turns, clock, claimed, db, occurrences, row } = await given();
    const first = await begun();
    const failure = { class: "transient", detail: "503", outbound: [] };
    await turns.retry(first, { ...failure, at: clock.now(), charged: true });
    const claim = await claimed(first.session.id);
    const usage = createUsage(db, clock, silentLog);
    for (const costMicros of [700, 50]) usage.record({ ...used(claim), costMicros });
    await usage.settled();
    clock.advance(90_000);
    await turns.complete(claim, { outbound: [], carried: [], run: { state: "succeeded", result: "ok" } });

    const { occurrences: runs } = await occurrences.history(row.id, { limit: 1 });

    expect(runs).toEqual([
      {
        id: first.task?.occurrence,
        task: row.id,
        scheduledFor: row.next_at,
        manual: false,
        state: "succeeded",
        reason: null,
        missed: 0,
        createdAt: row.next_at,
        startedAt: row.next_at,
        endedAt: clock.now(),
        durationMs: 90_000,
        attempts: 2,
        result: "ok",
        tokens: 20,
        costMicros: 750,
        turn: claim.turn,
      },
    ]);
    expect(await occurrences.find(newId(OccurrenceId))).toBeUndefined();
  });
});

function used({ turn, session: { id }, chat }: Claim) {
  const models = { provider: "test", modelAsked: "m", modelServed: "m", prices: "v1" };
  const tokens = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 4 };
  const call = { kind: "turn", httpStatus: 200, durationMs: 1 } as const;
  return { turn, session: id, group: chat.folder, ...models, ...tokens, ...call };
}

describe("tidying", () => {
  /** Runs that ended long ago, a minute apart. */
  async function old({ db }: Awaited<ReturnType<typeof house>>, { id, created_at }: TaskRow, count: number) {
    const rows = Array.from({ length: count }, (_, index) => {
      const at = created_at + index * MINUTE;
      const run = { task_id: id, scheduled_for: at, created_at: at, ended_at: at, session_id: null };
      return {
        ...run,
        id: newId(OccurrenceId),
        manual: 0,
        missed: 0,
        state: "succeeded",
        turn_id: null,
      } as const;
    });
    await db
      .insertInto("occurrences")
      .values(rows.map((run) => ({ ...run, reason: null })))
      .execute();
  }

  it("keeps the newest of each task", async () => {
    const store = await given();
    const other = await store.task();
    await old(store, store.row, 7);
    await old(store, other, 2);

    expect(await store.occurrences.prune({ after: "", keep: 3, before: 0 })).toEqual({
      deleted: 4,
      next: undefined,
    });

    const left = (await store.runsOf(store.row)).map((run) => run.scheduled_for - store.row.created_at);
    expect(left).toEqual([4 * MINUTE, 5 * MINUTE, 6 * MINUTE]);
    expect(await store.runsOf(other)).toHaveLength(2);
  });

  it("deletes what ended before the edge, however few there are", async () => {
    const store = await given();
    await old(store, store.row, 5);

    await store.occurrences.prune({ after: "", keep: 100, before: store.row.created_at + 2 * MINUTE });

    expect(await store.runsOf(store.row)).toHaveLength(3);
  });

  it("never deletes what is open", async () => {
    const { occurrences, begun, fire, taskNow, row, runsOf, clock } = await given({ overlap: "allow" });
    await begun();
    await fire([planned(await taskNow(row))]);

    await occurrences.prune({ after: "", keep: 0, before: clock.now() + DAY });

    expect((await runsOf(row)).map(({ state }) => state)).toEqual(["running", "waiting"]);
  });

  it("goes in steps, and comes to its end", async () => {
    const store = await given();
    await old(store, store.row, 1_200);

    const steps: number[] = [];
    for (let after: string | undefined = ""; after !== undefined;) {
      const { deleted, next }: { deleted: number; next: string | undefined } = await store.occurrences.prune({
        after,
        keep: 10,
        before: 0,
      });
      steps.push(deleted);
      after = next;
    }

    expect(steps).toEqual([500, 500, 190]);
    expect(await store.runsOf(store.row)).toHaveLength(10);
  });
});
