import { describe, expect, it } from "vitest";
import { ChatId, MAIN } from "../../core/ids.ts";
import type { NewTask } from "../../core/task.ts";
import { house } from "../../store/__tests__/house.ts";
import { HOUR, MINUTE, SECOND } from "../../turns/__tests__/middle.ts";
import type { EngineScript } from "../../turns/testing.ts";
import { atDesk, FAMILY, FAMILY_CHAT, KITCHEN } from "./desk-house.ts";
import { wallClock } from "./house.ts";

const DAILY = { cron: "0 7 * * *", prompt: "Good morning!", chat: KITCHEN };
const OFTEN = { every: "1m", prompt: "Look at the oven.", chat: KITCHEN };
const NOTHING_LEFT =
  "No time of this schedule is left: look at the time itself, at its end date, and at how often it may run.";
const answering: EngineScript = { onPrompt: (session) => session.answer("done") };

/** The next seven o'clock in Berlin. */
const SEVEN = Date.parse("2026-01-02T06:00Z");
const DAY = 24 * HOUR;

async function given(task: NewTask, script?: EngineScript) {
  const desk = await atDesk(script && { script });
  return { ...desk, task: await desk.owner.add(task), made: desk.clock.now() };
}

describe("making a task", () => {
  it("tells its id, its next three times, and what will happen", async () => {
    const { task, rowOf } = await given(DAILY);

    expect(task).toMatchObject({
      id: expect.stringMatching(/^[a-z0-9]{8}$/),
      group: "main",
      state: "active",
      timezone: "Europe/Berlin",
      schedule: { kind: "cron", cron: "0 7 * * *" },
      nextAt: SEVEN,
      next: [SEVEN, SEVEN + DAY, SEVEN + 2 * DAY],
      createdBy: "the owner",
      recent: [],
    });
    expect(await rowOf(task)).toMatchObject({ due_at: SEVEN, revision: 1, failures: 0, fired: 0 });
  });

  it("is looked at by the scheduler at once: it fires at its time", async () => {
    const { advance, statesOf, task } = await given({ ...OFTEN, every: "90s" });

    await advance(90 * SECOND);

    expect(await statesOf(task)).toEqual(["running"]);
  });

  it("puts the first time off by chance, and tells it without that", async () => {
    const { task, rowOf } = await given({ ...DAILY, jitter: "10m" });

    expect(task.nextAt).toBe(SEVEN);
    expect((await rowOf(task)).due_at).toBe(SEVEN + 5 * MINUTE);
  });

  it("tells no more times than there are", async () => {
    expect((await given({ ...DAILY, maxRuns: 2 })).task.next).toHaveLength(2);
    expect((await given({ ...DAILY, until: "tomorrow 12:00" })).task.next).toEqual([SEVEN]);
    expect((await given({ prompt: "x", at: "17:00", chat: KITCHEN })).task.next).toHaveLength(1);
  });

  it("is refused where no time is left, and leaves nothing", async () => {
    const { owner } = await atDesk();

    await expect(owner.add({ ...DAILY, until: "18:00" })).rejects.toThrow(NOTHING_LEFT);

    expect(await owner.list({ all: true })).toEqual([]);
  });

  it("is refused to an agent whose group has as many as it may have; those at their end do not count", async () => {
    const { desk } = await atDesk();
    const agent = desk.as({ who: "an agent", group: FAMILY, all: false, chat: FAMILY_CHAT, most: 2 });
    const { chat: _, ...daily } = DAILY;
    const first = await agent.add(daily);
    await agent.pause((await agent.add(daily)).id);
    await expect(agent.add(daily)).rejects.toThrow(
      "The group family has 2 tasks, which is the most an agent may make; cancel some first.",
    );

    await agent.cancel(first.id);

    expect(await agent.add(daily)).toMatchObject({ state: "active" });
  });

  it("is done as whoever asks wants it committed, and not at all if that fails", async () => {
    const { desk, owner, audited } = await atDesk();
    const commit = () => Promise.reject(new Error("somebody else holds the turn"));
    const agent = desk.as({ who: "an agent", group: FAMILY, all: false, chat: FAMILY_CHAT, commit });

    await expect(agent.add({ every: "1h", prompt: "x" })).rejects.toThrow("somebody else holds the turn");

    expect([await owner.list({ all: true }), await audited()]).toEqual([[], []]);
  });
});

describe("the chat of a task that names none", () => {
  const { chat: _, ...daily } = DAILY;

  it("is the one that it was asked for in", async () => {
    const { family, desk } = await atDesk();
    const inKitchen = desk.as({ who: "Ada", group: MAIN, all: true, chat: KITCHEN });

    expect((await family.add(daily)).chat).toBe(FAMILY_CHAT);
    expect((await inKitchen.add(daily)).chat).toBe(KITCHEN);
  });

  it("is the one where its group spoke last, which the owner's notices are not", async () => {
    const { owner, says, clock, bind } = await atDesk({ script: answering });
    await bind("web:notices", "main");
    for (const chat of [KITCHEN, "web:office", "web:notices"]) {
      clock.advance(SECOND);
      await says(chat, "hello");
    }

    expect((await owner.add(daily)).chat).toBe("web:office");
    expect((await owner.add({ ...daily, group: FAMILY })).chat).toBe(FAMILY_CHAT);
  });

  it("has to be named where its group has none", async () => {
    const { owner, chats } = await atDesk({ script: answering });
    await chats.bind(FAMILY_CHAT, MAIN);

    await expect(owner.add({ ...daily, group: FAMILY })).rejects.toThrow(
      "The group family has no chat to answer in: bind one (bellhop chats bind CHAT family) or name one.",
    );
  });

  it("is made at the desk for the owner's own, as it is where they name one there", async () => {
    const { owner, db, chats } = await atDesk({ script: answering });
    await db.deleteFrom("chats").execute();

    expect((await owner.add(daily)).chat).toBe("terminal:tasks");
    expect((await owner.add({ ...daily, chat: ChatId.parse("web:new") })).chat).toBe("web:new");
    expect(await chats.find(ChatId.parse("web:new"))).toMatchObject({ folder: "main" });
  });
});

describe("changing a task", () => {
  it("keeps its id and its grid, and finds the next time anew", async () => {
    const { owner, task, made, advance } = await given({ ...OFTEN, every: "1h" });
    await advance(20 * MINUTE);

    const same = await owner.edit(task.id, { every: "60m", prompt: "Look again." });
    expect(same).toMatchObject({ id: task.id, prompt: "Look again.", nextAt: made + HOUR });

    const other = await owner.edit(task.id, { every: "2h" });
    expect(other.next).toEqual([2, 4, 6].map((hours) => made + 20 * MINUTE + hours * HOUR));
  });

  it("moves it to another chat of its group", async () => {
    const { owner, task, bind } = await given(DAILY);
    await bind("web:office", "main");

    expect((await owner.edit(task.id, { chat: ChatId.parse("web:office") })).chat).toBe("web:office");
  });

  it("leaves a paused one paused: it is planned when it is resumed", async () => {
    const { owner, task, rowOf, made } = await given(DAILY);
    await owner.pause(task.id);

    const edited = await owner.edit(task.id, { every: "1h" });

    expect(edited).toMatchObject({ state: "paused", nextAt: null, next: [] });
    expect(await rowOf(task)).toMatchObject({ due_at: null, kind: "interval" });
    expect((await owner.resume(task.id)).nextAt).toBe(made + HOUR);
  });

  it("gives one that is done new times", async () => {
    const { owner, task, advance } = await given({ prompt: "x", at: "+90s", chat: KITCHEN }, answering);
    await advance(90 * SECOND);
    expect((await owner.show(task.id)).state).toBe("done");

    expect((await owner.edit(task.id, { prompt: "y" })).state).toBe("done");
    expect(await owner.edit(task.id, { at: "+60s" })).toMatchObject({ state: "active", note: null });
    await advance(MINUTE);

    expect((await owner.history(task.id, { limit: 5 })).occurrences).toHaveLength(2);
  });

  it("is refused where no time would be left, and changes nothing", async () => {
    const { owner, task, rowOf } = await given(DAILY);
    const before = await rowOf(task);

    await expect(owner.edit(task.id, { until: "18:00", prompt: "x" })).rejects.toThrow(NOTHING_LEFT);

    expect(await rowOf(task)).toEqual(before);
  });

  it("is refused once it is cancelled", async () => {
    const { owner, task } = await given(DAILY);
    await owner.cancel(task.id);

    await expect(owner.edit(task.id, { prompt: "x" })).rejects.toThrow(
      `The task ${task.id} is cancelled; make a new one.`,
    );
  });
});

describe("a task that is changed after the clock was set back", () => {
  /** It has fired once; then the clock goes back by half a minute. */
  async function setBack(more: Partial<NewTask> = {}) {
    const clock = wallClock();
    const desk = await atDesk({ after: await house({ clock }), script: answering });
    const task = await desk.owner.add({ ...OFTEN, ...more });
    await desk.advance(MINUTE);
    clock.set(-30 * SECOND);
    return { ...desk, task };
  }

  it("goes on with the time after the last one that it has had", async () => {
    const { owner, task } = await setBack();
    await owner.pause(task.id);

    expect((await owner.resume(task.id)).nextAt).toBe(task.createdAt + 2 * MINUTE);
    expect((await owner.edit(task.id, { jitter: "1s" })).nextAt).toBe(task.createdAt + 2 * MINUTE);
  });

  it("has as many runs as it is to have", async () => {
    const { owner, task, advance } = await setBack({ maxRuns: 3 });

    await owner.edit(task.id, { maxRuns: 2 });
    for (let minute = 0; minute < 3; minute += 1) await advance(MINUTE);

    const { fired, recent, state } = await owner.show(task.id);
    expect([fired, recent.length, state]).toEqual([2, 2, "done"]);
  });
});
