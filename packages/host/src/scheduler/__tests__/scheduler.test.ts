import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import type { TaskRow } from "../../store/tasks.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { HOUR, MINUTE, type Scheduled, scheduled, SECOND } from "./house.ts";

const DAY = 24 * HOUR;
/** So that no run stands in the way of the next one. */
const FREE = { overlap: "allow" } as const;

/** The times that have fired, after `since`, and what became of them. */
async function timesOf({ runsOf }: Pick<Scheduled, "runsOf">, row: TaskRow, since = row.created_at) {
  return (await runsOf(row)).map((run) => [run.scheduled_for - since, run.state]);
}

/** Columns of a task that is due so long after `now`. */
function dueIn(now: number, ms: number) {
  return { next_at: now + ms, due_at: now + ms };
}

describe("the scheduler", () => {
  it("fires a task at its time, and not a moment before", async () => {
    const house = await scheduled();
    const row = await house.task(FREE);
    await house.started();

    await house.advance(MINUTE - 1);
    expect(house.woken).toEqual([]);

    await house.advance(1);
    expect(await timesOf(house, row)).toEqual([[MINUTE, "waiting"]]);
    const [run] = await house.runsOf(row);
    expect(house.woken).toMatchObject([{ occurrence: run?.id, session: run?.session_id, isolated: false }]);
  });

  it("goes on with each time after it", async () => {
    const house = await scheduled();
    const row = await house.task(FREE);
    await house.started();

    for (let time = 0; time < 3; time += 1) await house.advance(MINUTE);

    const times = [1, 2, 3].map((time) => [time * MINUTE, "waiting"]);
    expect(await timesOf(house, row)).toEqual(times);
    expect(house.woken).toHaveLength(3);
  });

  it("has one timer for all tasks, and none where there is nothing to wait for", async () => {
    const house = await scheduled();
    await house.started();
    expect(house.clock.armed).toBe(0);

    for (let more = 1; more <= 3; more += 1) {
      await house.task({ ...FREE, ...dueIn(house.clock.now(), 4 * MINUTE - more * MINUTE) });
      house.scheduler.look();
      await settled();
      expect(house.clock.armed).toBe(1);
    }
    await house.advance(MINUTE);
    expect([house.woken.length, house.clock.armed]).toEqual([1, 1]);
  });

  it("asks nothing while it waits", async () => {
    const house = await scheduled();
    await house.task(dueIn(house.clock.now(), HOUR));
    await house.started();
    const { queries } = house.asked;

    for (let ticks = 0; ticks < 239; ticks += 1) await house.advance(15 * SECOND);

    expect(house.asked.queries).toBe(queries);
    expect(house.woken).toEqual([]);
  });

  it("puts each time off by chance, as far as its jitter goes", async () => {
    const house = await scheduled({ random: () => 0.5 });
    const row = await house.task({ ...FREE, jitter_ms: 40 * SECOND });
    await house.started();
    await house.advance(MINUTE);
    expect(await house.taskNow(row)).toMatchObject({
      next_at: row.created_at + 2 * MINUTE,
      due_at: row.created_at + 2 * MINUTE + 20 * SECOND,
    });

    await house.advance(MINUTE + 20 * SECOND - 1);
    expect(await timesOf(house, row)).toHaveLength(1);
    await house.advance(1);

    expect(await timesOf(house, row)).toEqual([
      [MINUTE, "waiting"],
      [2 * MINUTE, "waiting"],
    ]);
  });

  it("serves what comes due together by turns: one of each group before a second one of any", async () => {
    const house = await scheduled();
    const groups = Array.from({ length: 50 }, (_, n) => GroupFolder.parse(`g${n}`));
    for (const [n, group] of groups.entries()) {
      await house.chats.ensureGroup(group);
      const { id, group_id } = await house.chats.ensure(ChatId.parse(`web:${group}`), group);
      const place = { ...FREE, chat_id: id, group_id };
      // The first group's come due long before those of the others.
      for (let task = 0; task < (n === 0 ? 60 : 2); task += 1)
        await house.task({ ...place, ...dueIn(house.clock.now(), n === 0 ? task : MINUTE) });
    }
    house.clock.advance(MINUTE);

    await house.started();
    while (house.woken.length < 158) await settled();

    expect(new Set(house.woken.slice(0, 50).map(({ groupId }) => groupId)).size).toBe(50);
    expect(new Set(house.woken.slice(50, 100).map(({ groupId }) => groupId)).size).toBe(50);
  });

  it("lets the next run of a task end the one under way, where it is to", async () => {
    const house = await scheduled();
    await house.task({ overlap: "cancel_other" });
    await house.started();
    await house.advance(MINUTE);
    await house.claimed(house.woken[0]?.session);

    await house.advance(MINUTE);

    const { session, occurrence } = house.woken[0] ?? {};
    expect(house.gaveWay).toEqual([{ session, occurrence }]);
  });
});

describe("a wall clock that is set forward", () => {
  it("is noticed within 15 s, without any question to the database before", async () => {
    const house = await scheduled();
    const row = await house.task({ ...FREE, ...dueIn(house.clock.now(), HOUR) });
    await house.started();
    const { queries } = house.asked;
    house.clock.set(HOUR);

    await house.advance(15 * SECOND - 1);
    expect(house.asked.queries).toBe(queries);
    await house.advance(1);

    expect(await timesOf(house, row)).toEqual([[HOUR, "waiting"]]);
  });

  it("is treated like an outage of that length", async () => {
    const house = await scheduled();
    const skips = await house.task(FREE);
    const once = await house.task({ ...FREE, misfire: "fire_once" });
    await house.started();
    house.clock.set(10 * MINUTE + 30 * SECOND);

    house.scheduler.jumped(10 * MINUTE + 30 * SECOND);
    await settled();

    expect((await house.runsOf(skips)).map((run) => [run.state, run.missed])).toEqual([
      ["missed", 9],
      ["waiting", 0],
    ]);
    expect((await house.runsOf(once)).map((run) => [run.state, run.missed])).toEqual([["waiting", 9]]);
    expect(house.told).toEqual([expect.stringContaining(`${skips.id} “Look at the oven.” (9)`)]);
  });
});

describe("a wall clock that is set back", () => {
  it("fires nothing a second time, and goes on when it has come to where it was", async () => {
    const house = await scheduled();
    const row = await house.task(FREE);
    await house.started();
    await house.advance(MINUTE);

    house.clock.set(-10 * MINUTE);
    house.scheduler.jumped(-10 * MINUTE);
    await settled();
    for (let minute = 0; minute < 10; minute += 1) await house.advance(MINUTE);
    expect(house.woken).toHaveLength(1);

    await house.advance(MINUTE);
    expect(await timesOf(house, row)).toEqual([
      [MINUTE, "waiting"],
      [2 * MINUTE, "waiting"],
    ]);
  });

  it("plans anew what a clock has fired that was more than a day ahead", async () => {
    const house = await scheduled();
    const row = await house.task(FREE);
    await house.started();
    house.clock.set(2 * DAY);
    await house.advance(15 * SECOND);
    expect((await house.taskNow(row)).last_at).toBeGreaterThan(row.created_at + DAY);
    const before = house.woken.length;

    house.clock.set(-2 * DAY);
    house.scheduler.jumped(-2 * DAY);
    await settled();
    expect(await house.taskNow(row)).toMatchObject({
      next_at: row.created_at + MINUTE,
      last_at: house.clock.now(),
    });

    await house.advance(MINUTE);
    expect(house.woken).toHaveLength(before + 1);
  });

  it.each([
    ["leaves a mark alone that is a day ahead", DAY, DAY + MINUTE],
    ["takes a mark away that is more than a day ahead", DAY + 1, MINUTE],
  ])("%s, also at the start", async (_what, mark, next) => {
    const house = await scheduled();
    const row = await house.task();
    const now = house.clock.now();
    await house.tasks.change(house.db, row.id, { last_at: now + mark, ...dueIn(now, DAY + MINUTE) });

    await house.started();

    expect((await house.taskNow(row)).next_at).toBe(now + next);
  });
});

describe("zone data that are not those a time was found with", () => {
  /** Each day at seven in Berlin, but found for eight. */
  async function given(next: string) {
    const house = await scheduled({ zoneData: "2026b" });
    const at = Date.parse(next);
    const cron = { kind: "cron", cron: "0 7 * * *", every_ms: null, anchor: null } as const;
    const when = { next_at: at, due_at: at, misfire: "fire_once" } as const;
    const row = await house.task({ ...cron, ...when, zone_data: "2026a" });
    return { ...house, row };
  }

  it("have the next time found anew at the start", async () => {
    const { started, taskNow, row } = await given("2026-01-02T07:00Z");

    await started();

    const at = Date.parse("2026-01-02T06:00Z");
    expect(await taskNow(row)).toMatchObject({ next_at: at, due_at: at, zone_data: "2026b" });
  });

  it("do not take away a time that is overdue; they count from the next one on", async () => {
    const { started, taskNow, row, runsOf } = await given("2026-01-01T07:00Z");

    await started();

    const runs = await runsOf(row);
    expect(runs).toMatchObject([{ state: "waiting", scheduled_for: Date.parse("2026-01-01T07:00Z") }]);
    expect(await taskNow(row)).toMatchObject({
      next_at: Date.parse("2026-01-02T06:00Z"),
      zone_data: "2026b",
    });
  });

  it("are nothing to tasks that know no zones", async () => {
    const house = await scheduled({ zoneData: "2026b" });
    const row = await house.task({ zone_data: "2026a" });

    await house.started();

    expect(await house.taskNow(row)).toEqual(row);
  });
});

describe("the start", () => {
  it("makes up for what came while nobody was there, by each task's policy", async () => {
    const house = await scheduled();
    const hourly = { every_ms: HOUR, ...dueIn(house.clock.now(), HOUR) };
    const all = await house.task({ ...hourly, ...FREE, misfire: "catch_up" });
    const one = await house.task({ ...hourly, misfire: "fire_once" });
    const none = await house.task({ ...hourly, misfire: "skip" });
    house.clock.advance(3 * HOUR + 30 * MINUTE);

    await house.started();

    expect(await timesOf(house, all)).toEqual([1, 2, 3].map((time) => [time * HOUR, "waiting"]));
    expect(await timesOf(house, one)).toEqual([[3 * HOUR, "waiting"]]);
    expect(await timesOf(house, none)).toEqual([[3 * HOUR, "missed"]]);
    for (const row of [all, one, none])
      expect(await house.taskNow(row)).toMatchObject({ next_at: row.created_at + 4 * HOUR, fired: 3 });
  });
});
