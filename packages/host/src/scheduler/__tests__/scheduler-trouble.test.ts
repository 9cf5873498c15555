import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import { house as store } from "../../store/__tests__/house.ts";
import type { NewTaskRow } from "../../store/tasks.ts";
import type { Fire } from "../../store/fire.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { HOUR, MINUTE, scheduled, SECOND } from "./house.ts";

const FAMILY = GroupFolder.parse("family");
const MARS = { timezone: "Mars/Olympus" };

describe("a task that cannot be fired", () => {
  it("is paused where its group is gone, and its owner is told; the others fire", async () => {
    const house = await scheduled({ groupExists: (folder) => folder !== FAMILY });
    const { id: chat_id, group_id } = await house.chats.ensure(ChatId.parse("web:family"), FAMILY);
    const gone = await house.task({ chat_id, group_id });
    await house.task();
    await house.started();

    await house.advance(MINUTE);

    expect(await house.taskNow(gone)).toMatchObject({
      state: "paused",
      note: "Its group is not there any more.",
      due_at: null,
    });
    expect(house.told).toEqual([
      `I have paused the task ${gone.id} “Look at the oven.” of the group family. Its group is not there any more. When that is mended: bellhop tasks resume ${gone.id}`,
    ]);
    expect([await house.runsOf(gone), house.woken.length]).toEqual([[], 1]);
  });

  it("is paused where its chat went to another group", async () => {
    const house = await scheduled();
    const row = await house.task();
    await house.started();
    await house.chats.bind(row.chat_id, FAMILY);

    await house.advance(MINUTE);

    expect((await house.taskNow(row)).state).toBe("paused");
    expect(house.told).toEqual([
      expect.stringContaining("Its chat does not belong to its group any more. When that is mended"),
    ]);
  });

  it.each<[string, Partial<NewTaskRow>, number]>([
    ["to find its next time", { kind: "cron", cron: "0 * * * *", every_ms: null, anchor: null }, MINUTE],
    ["to say which time was missed", {}, 10 * MINUTE],
  ])("is paused where its zone is not known, %s; the others fire", async (_what, columns, late) => {
    const house = await scheduled();
    const lost = await house.task({ ...MARS, ...columns });
    await house.task({ misfire: "fire_once" });
    await house.started();
    house.clock.set(late - 15 * SECOND);

    await house.advance(15 * SECOND);

    expect(await house.taskNow(lost)).toMatchObject({
      state: "paused",
      note: expect.stringMatching(/^When it is due cannot be found out \(.*Mars\/Olympus.*\)\.$/),
    });
    expect(house.told).toEqual([expect.stringContaining(lost.id)]);
    expect([await house.runsOf(lost), house.woken.length]).toEqual([[], 1]);
  });

  it("is paused where its zone is not known as it is planned anew", async () => {
    const house = await scheduled({ zoneData: "2026b" });
    const cron = { kind: "cron", cron: "0 * * * *", every_ms: null, anchor: null } as const;
    const lost = await house.task({ ...MARS, ...cron });

    await house.started();

    expect(await house.taskNow(lost)).toMatchObject({ state: "paused", due_at: null });
    expect(house.told).toEqual([expect.stringContaining(lost.id)]);
  });

  it("holds up no other, whatever is wrong with it", async () => {
    const bad: { id?: string | undefined; fire?: Fire["fire"] } = {};
    const house = await scheduled({
      fire: async (planned) => {
        if (planned.some(({ row }) => row.id === bad.id)) throw new Error("nobody knows why");
        if (!bad.fire) throw new Error("it fires before it is set up");
        return await bad.fire(planned);
      },
    });
    bad.fire = house.fire;
    const row = await house.task();
    bad.id = row.id;
    for (let task = 0; task < 300; task += 1) await house.task(); // more than fit into a batch
    await house.started();

    await house.advance(MINUTE);
    for (let batch = 0; batch < 10; batch += 1) await settled();
    expect(house.woken).toHaveLength(300);

    bad.id = undefined;
    await house.advance(SECOND);
    expect(await house.runsOf(row)).toHaveLength(1);
  });
});

describe("what is missed as its policy has it", () => {
  it("is told to the owner in one notice, which names five", async () => {
    const house = await scheduled();
    for (let task = 0; task < 7; task += 1) await house.task({ prompt: `Task ${task}` });
    house.clock.advance(HOUR + 30 * SECOND);

    await house.started();

    expect(house.told).toHaveLength(1);
    expect(house.told[0]?.match(/“Task \d” \(59\)/g)).toHaveLength(5);
    expect(house.told[0]).toContain(" and 2 more. They go on with their next time.");
  });

  it("is told in its chat where it is for the agent to do", async () => {
    const house = await scheduled();
    const { chat_id } = await house.task({ misfire: "fire_once", every_ms: 40 * HOUR });
    house.clock.advance(30 * HOUR);

    await house.started();

    expect([house.delivered, house.told]).toEqual([[chat_id], []]);
    expect(await house.owed()).toMatchObject([
      { kind: "notice", text: expect.stringContaining("did not run") },
    ]);
  });
});

describe("the emergency stop", () => {
  it("holds everything; afterwards it is as after an outage", async () => {
    let paused = true;
    const house = await scheduled({ paused: () => paused });
    const skips = await house.task();
    const once = await house.task({ misfire: "fire_once" });
    await house.started();

    await house.advance(10 * MINUTE + 30 * SECOND);
    expect(await house.runsOf(once)).toEqual([]);
    expect(house.clock.armed).toBe(0);

    paused = false;
    house.scheduler.look();
    await settled();
    expect((await house.runsOf(once)).map((run) => [run.state, run.missed])).toEqual([["waiting", 9]]);
    expect((await house.runsOf(skips))[0]).toMatchObject({ state: "missed", missed: 9 });
    expect(house.clock.armed).toBe(1);
  });

  it("holds also what it finds due", async () => {
    let paused = false;
    const house = await scheduled({ paused: () => paused });
    await house.task();
    await house.started();
    paused = true;

    await house.advance(MINUTE);

    expect(house.woken).toEqual([]);
  });
});

describe("a database that does not answer", () => {
  it("is asked again after a second", async () => {
    const house = await scheduled();
    const row = await house.task();
    await house.started();
    house.asked.fails = new Error("disk I/O error");

    await house.advance(MINUTE);
    await house.advance(SECOND);
    house.asked.fails = undefined;
    await house.advance(SECOND - 1);
    expect(house.woken).toEqual([]);
    await house.advance(1);

    expect(await house.runsOf(row)).toHaveLength(1);
  });
});

describe("a firing whose commit reports an error", () => {
  it("has what it fired looked for, since it may be on disk all the same, and fires nothing twice", async () => {
    const under: { fire?: Fire["fire"] } = {};
    let failing = true;
    const house = await scheduled({
      async fire(planned) {
        if (!under.fire) throw new Error("it fires before it is set up");
        const fired = await under.fire(planned);
        if (failing) throw new Error("the disk says no, after it has written");
        return fired;
      },
    });
    under.fire = house.fire;
    const row = await house.task();
    await house.started();

    await house.advance(MINUTE);
    failing = false;
    await house.advance(SECOND);

    expect(house.asked.recovered).toBe(1);
    expect(await house.runsOf(row)).toHaveLength(1);
  });
});

describe("closing", () => {
  it("waits until what is being fired is committed, and nothing fires after it", async () => {
    const held = Promise.withResolvers<void>();
    const under: { fire?: Fire["fire"] } = {};
    const house = await scheduled({
      fire: async (planned) => {
        await held.promise;
        if (!under.fire) throw new Error("it fires before it is set up");
        return await under.fire(planned);
      },
    });
    under.fire = house.fire;
    const row = await house.task();
    await house.started();
    await house.advance(MINUTE);

    let closed = false;
    const closing = house.scheduler.close().then(() => (closed = true));
    await settled();
    expect([closed, (await house.runsOf(row)).length]).toEqual([false, 0]);

    held.resolve();
    await closing;
    expect(await house.runsOf(row)).toHaveLength(1);
    expect(house.clock.armed).toBe(0);
    house.scheduler.look();
    await house.advance(HOUR);
    expect(await house.runsOf(row)).toHaveLength(1);
  });

  it("waits until what a clock has planned is planned anew", async () => {
    const held = Promise.withResolvers<void>();
    const { tasks } = await store();
    const misplanned = async () => {
      await held.promise;
      return [];
    };
    const house = await scheduled({ tasks: { ...tasks, misplanned } });
    house.scheduler.jumped(-HOUR);

    let closed = false;
    const closing = house.scheduler.close().then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);

    held.resolve();
    await closing;
  });
});
