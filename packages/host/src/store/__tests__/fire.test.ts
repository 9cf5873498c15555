import { describe, expect, it, onTestFinished } from "vitest";
import { armFailpoints } from "../../core/failpoint.ts";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import type { Task } from "../../core/task.ts";
import type { NewTaskRow, TaskRow } from "../tasks.ts";
import { type House, house, message, planned } from "./house.ts";

const MINUTE = 60_000;
const KITCHEN = ChatId.parse("web:kitchen");

/** A task whose first time has come. */
async function given(more: Partial<NewTaskRow> = {}) {
  const store = await house();
  const row = await store.task(more);
  store.clock.advance(MINUTE);
  return {
    ...store,
    row,
    now: store.clock.now(),
    /** The time that comes next fires, a minute after the last one. */
    async fireNext() {
      const task = await store.taskNow(row);
      store.clock.advance(Math.max(0, (task.due_at ?? 0) - store.clock.now()));
      return await store.fire([planned(task)]);
    },
    states: async () => (await store.runsOf(row)).map(({ state }) => state),
  };
}

/** The host dies as it passes this for the `nth` time. */
function killedInside(nth = 1): void {
  let passed = 0;
  armFailpoints((place) => {
    if (place === "fire.inside" && (passed += 1) === nth) throw new Error("killed");
  });
  onTestFinished(revived);
}

function revived(): void {
  armFailpoints(() => undefined);
}

describe("firing", () => {
  it("makes the occurrence, puts it into its session's line and moves the task on", async () => {
    const { fire, row, now, runsOf, taskNow, claimed } = await given();

    const { woken } = await fire([planned(row)]);

    const [occurrence] = await runsOf(row);
    expect(occurrence).toMatchObject({ state: "waiting", scheduled_for: now, manual: 0, ended_at: null });
    expect(woken).toEqual([
      { session: occurrence?.session_id, groupId: row.group_id, isolated: false, occurrence: occurrence?.id },
    ]);
    expect(await taskNow(row)).toMatchObject({
      state: "active",
      next_at: now + MINUTE,
      due_at: now + MINUTE,
      last_at: now,
      fired: 1,
      revision: row.revision + 1,
    });
    expect((await claimed(woken[0]?.session)).task).toMatchObject({ id: row.id, scheduledFor: now });
  });

  it("leaves nothing when it breaks off in the middle, and can be done again then", async () => {
    const { fire, db, row, runsOf, taskNow } = await given();
    killedInside();

    await expect(fire([planned(row)])).rejects.toThrow("killed");
    expect(await runsOf(row)).toEqual([]);
    expect(await taskNow(row)).toEqual(row);
    expect(await db.selectFrom("sessions").selectAll().execute()).toEqual([]);

    revived();
    await fire([planned(row)]);
    expect(await runsOf(row)).toHaveLength(1);
  });

  it("takes all tasks of a call, or none of them", async () => {
    const { fire, task, row, runsOf } = await given();
    const other = await task();
    killedInside(2);

    await expect(fire([planned(row), planned(other)])).rejects.toThrow("killed");

    expect([await runsOf(row), await runsOf(other)]).toEqual([[], []]);
  });

  it("is done once, however many hosts have planned it", async () => {
    const { fire, fireOf, row, states, taskNow } = await given();

    const both = await Promise.all([fire([planned(row)]), fireOf().fire([planned(row)])]);

    expect(both.map(({ woken }) => woken.length)).toEqual([1, 0]);
    expect(await states()).toEqual(["waiting"]);
    expect(await taskNow(row)).toMatchObject({ fired: 1, revision: row.revision + 1 });
  });

  it("does nothing for a task that somebody has changed since it was planned", async () => {
    const { fire, tasks, db, row, states, taskNow, now } = await given();
    await tasks.change(db, row.id, { prompt: "Leave the oven alone.", next_at: now + 1, due_at: now + 1 });

    const fired = await fire([planned(row)]);

    expect(fired.woken).toEqual([]);
    expect(await states()).toEqual([]);
    expect(await taskNow(row)).toMatchObject({ prompt: "Leave the oven alone.", due_at: now + 1, fired: 0 });
  });

  it("does for the other tasks of a call what is to be done, where somebody was first with one", async () => {
    const { fire, fireOf, task, row, runsOf } = await given();
    const other = await task();
    await fireOf().fire([planned(row)]);

    const { woken } = await fire([planned(row), planned(other)]);

    const [run] = await runsOf(other);
    expect(woken.map(({ occurrence }) => occurrence)).toEqual([run?.id]);
    expect(await runsOf(row)).toHaveLength(1);
  });

  it("never makes a time of a task twice, even if it is planned anew", async () => {
    const { fire, tasks, db, row, states, now } = await given();
    await fire([planned(row)]);
    const again = await tasks.change(db, row.id, { next_at: now, due_at: now });

    const fired = await fire([planned(again)]);

    expect(fired.woken).toEqual([]);
    expect(await states()).toEqual(["waiting"]);
  });

  it("keeps the mark where it is when an earlier time fires", async () => {
    const { fire, row, now, taskNow } = await given({ last_at: Date.UTC(2026, 1, 1) });

    await fire([planned(row)]);

    expect(now).toBeLessThan(Date.UTC(2026, 1, 1));
    expect((await taskNow(row)).last_at).toBe(Date.UTC(2026, 1, 1));
  });

  it("tells the run how many were missed before it", async () => {
    const { fire, row, now, claimed } = await given();

    const { woken } = await fire([planned(row, { runs: [{ scheduledFor: now, missed: 3 }], times: 4 })]);

    expect((await claimed(woken[0]?.session)).task).toMatchObject({ missed: 3, manual: false });
  });

  it("pauses a task whose chat went to another group, and says nothing there", async () => {
    const { fire, chats, row, states, taskNow, owed } = await given();
    await chats.bind(KITCHEN, GroupFolder.parse("family"));

    const fired = await fire([planned(row)]);

    expect(fired).toMatchObject({ woken: [], told: [], homeless: [{ id: row.id }] });
    expect(await taskNow(row)).toMatchObject({ state: "paused", note: expect.any(String), due_at: null });
    expect([await states(), await owed()]).toEqual([[], []]);
  });
});

describe("the session of a run", () => {
  it("is that of its chat, or one of its own where the task is isolated", async () => {
    const { fire, task, row, inbox, db } = await given();
    const { session } = await inbox.accept(message("hello"));
    const isolated = await task({ context: "isolated" });

    const { woken } = await fire([planned(row), planned(isolated)]);

    expect(woken.map((one) => [one.isolated, one.session === session])).toEqual([
      [false, true],
      [true, false],
    ]);
    const own = await db
      .selectFrom("sessions")
      .select(["scope_kind", "scope_key"])
      .where("scope_kind", "=", "occurrence")
      .execute();
    expect(own).toEqual([{ scope_kind: "occurrence", scope_key: woken[1]?.occurrence }]);
  });

  it("is a fresh one for each run of an isolated task", async () => {
    const { fireNext } = await given({ context: "isolated", overlap: "allow" });

    const [first, second] = [await fireNext(), await fireNext()];

    expect(first.woken[0]?.session).not.toBe(second.woken[0]?.session);
  });
});

describe("the session of an isolated run that never came to a turn", () => {
  it("ends as the run gives way", async () => {
    const { fireNext, db } = await given({ context: "isolated", overlap: "cancel_other" });
    await fireNext();

    const { woken } = await fireNext();

    const inUse = await db.selectFrom("sessions").select("id").where("ended_at", "is", null).execute();
    expect(inUse).toEqual([{ id: woken[0]?.session }]);
  });
});

/** One run that waits, or is under way. */
async function openRun(overlap: Task["overlap"], how: "waiting" | "running") {
  const store = await given({ overlap });
  const { woken } = await store.fireNext();
  const claim = how === "running" ? await store.claimed(woken[0]?.session) : undefined;
  return { ...store, first: woken[0], claim };
}

describe("a time that comes while an earlier run is open", () => {
  it.each(["waiting", "running"] as const)("is skipped, and says why: %s", async (how) => {
    const { fireNext, runsOf, row } = await openRun("skip", how);

    const { woken } = await fireNext();

    const [, second] = await runsOf(row);
    expect(woken).toEqual([]);
    expect(second).toMatchObject({
      state: "skipped",
      session_id: null,
      reason: `The run of Thursday, 1 January 2026 at 13:01 was still ${how === "running" ? "running" : "waiting for its turn"}.`,
      ended_at: second?.created_at,
    });
  });

  it.each([
    ["queue_one", 1],
    ["queue_all", 10],
    ["allow", 100],
  ] as const)("waits behind a run under way with %s, %i at most", async (overlap, most) => {
    const { fireNext, states } = await openRun(overlap, "running");

    for (let time = 0; time <= most; time += 1) await fireNext();

    expect(await states()).toEqual(["running", ...Array<string>(most).fill("waiting"), "skipped"]);
  });

  it("runs once the earlier one has ended", async () => {
    const { fireNext, states, claim, turns } = await openRun("skip", "running");
    if (claim) await turns.complete(claim, { outbound: [], carried: [] });

    await fireNext();

    expect(await states()).toEqual(["succeeded", "waiting"]);
  });

  it("says of how many it was one too many", async () => {
    const { fireNext, runsOf, row } = await openRun("queue_one", "running");
    await fireNext();
    await fireNext();

    expect((await runsOf(row)).at(-1)?.reason).toBe(
      "2 earlier runs had not ended; the run of Thursday, 1 January 2026 at 13:01 was still running.",
    );
  });

  it.each([
    ["queue_one", 1],
    ["queue_all", 10],
  ] as const)("waits with those that no turn has taken yet with %s, %i at most", async (overlap, most) => {
    const { fireNext, states } = await openRun(overlap, "waiting");

    for (let time = 0; time < most; time += 1) await fireNext();

    expect(await states()).toEqual([...Array<string>(most).fill("waiting"), "skipped"]);
  });

  it("takes the place of one that waits with cancel_other", async () => {
    const { fireNext, runsOf, row } = await openRun("cancel_other", "waiting");

    const { woken, giveWay } = await fireNext();

    const [first, second] = await runsOf(row);
    expect(first).toMatchObject({ state: "cancelled", reason: "The next run of its task began." });
    expect([second?.state, woken[0]?.occurrence, giveWay]).toEqual(["waiting", second?.id, []]);
  });

  it("has the one under way give way with cancel_other, which ends by its turn", async () => {
    const { fireNext, states, first } = await openRun("cancel_other", "running");

    const { giveWay } = await fireNext();

    expect(giveWay).toEqual([{ session: first?.session, occurrence: first?.occurrence }]);
    expect(await states()).toEqual(["running", "waiting"]);
  });

  it("is nothing to another task", async () => {
    const { fire, task } = await openRun("skip", "running");

    const other = await task();

    expect((await fire([planned(other)])).woken).toHaveLength(1);
  });
});

describe("times that come together, and on time", () => {
  it.each([
    ["skip", ["waiting", "skipped", "skipped"]],
    ["queue_one", ["waiting", "skipped", "skipped"]],
    ["queue_all", ["waiting", "waiting", "waiting"]],
    ["cancel_other", ["cancelled", "cancelled", "waiting"]],
  ] as const)("are as if they had come one after another: %s", async (overlap, expected) => {
    const { fire, row, states, taskNow } = await given({ overlap });
    const at = row.next_at ?? 0;
    const runs = [0, 1, 2].map((later) => ({ scheduledFor: at + later, missed: 0 }));

    await fire([planned(row, { runs, times: 3 })]);

    expect(await states()).toEqual(expected);
    expect(await taskNow(row)).toMatchObject({ fired: 3, last_at: at + 2 });
  });
});

describe("a catch-up", () => {
  const three = (row: TaskRow) =>
    planned(row, {
      runs: [0, 1, 2].map((late) => ({ scheduledFor: (row.next_at ?? 0) + late, missed: 0 })),
      times: 3,
      catchUp: true,
    });

  it.each(["skip", "queue_one", "cancel_other"] as const)(
    "does not count against itself with %s",
    async (overlap) => {
      const { fire, row, states, taskNow } = await given({ overlap });

      await fire([three(row)]);

      expect(await states()).toEqual(["waiting", "waiting", "waiting"]);
      expect(await taskNow(row)).toMatchObject({ fired: 3, last_at: (row.next_at ?? 0) + 2 });
    },
  );

  it("is skipped as a whole while an earlier run is open", async () => {
    const { fire, row, taskNow, states } = await openRun("skip", "running");

    await fire([three(await taskNow(row))]);

    expect(await states()).toEqual(["running", "skipped", "skipped", "skipped"]);
  });
});

describe("times that were missed", () => {
  const missed = async ({ taskNow }: House, row: TaskRow) => {
    const now = await taskNow(row);
    return planned(now, { runs: [], times: 4, missed: { scheduledFor: (now.next_at ?? 0) + 3, count: 4 } });
  };

  it("are one record, and their chat is told once", async () => {
    const store = await given({ misfire: "fire_once" });
    const { fire, row, now, runsOf, owed } = store;

    const { told, woken, skipped } = await fire([await missed(store, row)]);

    expect(await runsOf(row)).toMatchObject([
      { state: "missed", scheduled_for: now + 3, missed: 4, session_id: null, ended_at: now },
    ]);
    expect([told, woken, skipped]).toEqual([[KITCHEN], [], []]);
    expect(await owed()).toMatchObject([
      {
        kind: "notice",
        chat_id: KITCHEN,
        text: "The task “Look at the oven.” did not run. Due: Thursday, 1 January 2026 at 13:01. 4 times came while I was not running, while everything was paused, or as the clock was set forward.",
      },
    ]);
  });

  it("are named to whoever asked where its policy is to skip them, and its chat hears nothing", async () => {
    const store = await given({ misfire: "skip" });

    const { told, skipped } = await store.fire([await missed(store, store.row)]);

    expect([told, skipped]).toMatchObject([[], [{ task: { id: store.row.id }, count: 4 }]]);
    expect(await store.owed()).toEqual([]);
  });

  it("end a task that has no further time", async () => {
    const { fire, row, taskNow, now } = await given({ misfire: "fire_once" });

    await fire([planned(row, { runs: [], missed: { scheduledFor: now, count: 1 }, next: undefined })]);

    expect(await taskNow(row)).toMatchObject({ state: "done", next_at: null, due_at: null });
  });
});
