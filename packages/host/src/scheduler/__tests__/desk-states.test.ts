import { describe, expect, it } from "vitest";
import type { NewTask } from "../../core/task.ts";
import { HOUR, MINUTE, SECOND, settled } from "../../turns/__tests__/middle.ts";
import type { EngineScript } from "../../turns/testing.ts";
import { atDesk, KITCHEN } from "./desk-house.ts";

const DAILY = { cron: "0 7 * * *", prompt: "Good morning!", chat: KITCHEN };
const OFTEN = { every: "1m", prompt: "Look at the oven.", chat: KITCHEN };
const NOTHING_LEFT =
  "No time of this schedule is left: look at the time itself, at its end date, and at how often it may run.";
const answering: EngineScript = { onPrompt: (session) => session.answer("done") };
const failing: EngineScript = { onPrompt: (session) => session.fail({ class: "permanent", detail: "400" }) };

/** The next seven o'clock in Berlin. */
const SEVEN = Date.parse("2026-01-02T06:00Z");
const DAY = 24 * HOUR;

async function given(task: NewTask, script?: EngineScript) {
  const desk = await atDesk(script && { script });
  return { ...desk, task: await desk.owner.add(task), made: desk.clock.now() };
}

describe("pausing a task", () => {
  it("takes its times away and lets what waits be; what is under way goes on", async () => {
    const { owner, task, advance, statesOf, engine } = await given({
      ...OFTEN,
      overlap: "queue_one",
      context: "group",
    });
    await advance(MINUTE);
    await advance(MINUTE);

    const paused = await owner.pause(task.id);
    engine.latest.answer("done");
    await settled();

    expect(paused).toMatchObject({ state: "paused", note: "Paused by the owner.", nextAt: null, next: [] });
    expect(await statesOf(task)).toEqual(["succeeded", "skipped: The task was paused."]);
    await advance(HOUR);
    expect(await statesOf(task)).toHaveLength(2);
  });

  it("is harmless when it is paused already, and refused where nothing is left to pause", async () => {
    const { owner, task, rowOf } = await given(DAILY);
    await owner.pause(task.id);
    const before = await rowOf(task);

    expect((await owner.pause(task.id)).state).toBe("paused");
    expect(await rowOf(task)).toEqual(before);

    await owner.cancel(task.id);
    await expect(owner.pause(task.id)).rejects.toThrow(
      `The task ${task.id} is cancelled; there is nothing to pause.`,
    );
  });
});

describe("pausing a task whose last run is under way", () => {
  it("is refused: nothing is left to pause, and it is done then", async () => {
    const { owner, task, advance, engine } = await given({ prompt: "x", at: "+90s", chat: KITCHEN });
    await advance(90 * SECOND);

    await expect(owner.pause(task.id)).rejects.toThrow(
      `Nothing of the schedule of ${task.id} is left to pause: its last run has not ended.`,
    );
    engine.latest.answer("done");
    await settled();

    expect((await owner.show(task.id)).state).toBe("done");
  });
});

describe("resuming a task", () => {
  it("plans it from now on, and makes nothing up", async () => {
    const { owner, task, advance, made, statesOf } = await given({ ...OFTEN, misfire: "catch_up" });
    await owner.pause(task.id);
    await advance(10 * MINUTE + SECOND);

    const resumed = await owner.resume(task.id);
    await advance(MINUTE);

    expect(resumed).toMatchObject({ state: "active", note: null, nextAt: made + 11 * MINUTE });
    expect(await statesOf(task)).toEqual(["running"]);
  });

  it("begins to count its failures anew", async () => {
    const { owner, task, rowOf } = await given({ ...DAILY }, failing);
    for (let time = 0; time < 5; time += 1) {
      await owner.run(task.id);
      await settled();
    }
    expect(await rowOf(task)).toMatchObject({ state: "paused", failures: 5 });

    await owner.resume(task.id);

    expect(await rowOf(task)).toMatchObject({ state: "active", failures: 0, next_at: SEVEN });
  });

  it("is refused where no time is left, and it stays paused", async () => {
    const { owner, task, advance } = await given({ ...DAILY, until: "tomorrow 12:00" });
    await owner.pause(task.id);
    await advance(2 * DAY);

    await expect(owner.resume(task.id)).rejects.toThrow(NOTHING_LEFT);

    expect((await owner.show(task.id)).state).toBe("paused");
  });

  it("is harmless when it is active, and refused once it is cancelled", async () => {
    const { owner, task, rowOf } = await given(DAILY);
    const before = await rowOf(task);
    await owner.resume(task.id);
    expect(await rowOf(task)).toEqual(before);

    await owner.cancel(task.id);

    await expect(owner.resume(task.id)).rejects.toThrow(
      `The task ${task.id} is cancelled; it cannot be resumed.`,
    );
  });
});

describe("cancelling a task", () => {
  it("ends what waits, and its times; what is under way goes on", async () => {
    const { owner, task, advance, statesOf } = await given({
      ...OFTEN,
      overlap: "queue_one",
      context: "group",
    });
    await advance(MINUTE);
    await advance(MINUTE);

    const cancelled = await owner.cancel(task.id);

    expect(cancelled).toMatchObject({ state: "cancelled", note: "Cancelled by the owner.", nextAt: null });
    expect(await statesOf(task)).toEqual(["running", "cancelled: The task was cancelled."]);
    expect([await owner.list({ all: false }), (await owner.list({ all: true })).length]).toEqual([[], 1]);
  });

  it("is harmless when it is cancelled already", async () => {
    const { owner, task, rowOf } = await given(DAILY);
    await owner.cancel(task.id);
    const before = await rowOf(task);

    expect((await owner.cancel(task.id)).state).toBe("cancelled");
    expect(await rowOf(task)).toEqual(before);
  });
});

describe("running a task by hand", () => {
  it("begins a run beside its schedule, and tells it", async () => {
    const { owner, task, statesOf, made } = await given(DAILY, answering);

    const run = await owner.run(task.id);
    await settled();

    expect(run).toMatchObject({ task: task.id, manual: true, scheduledFor: made });
    expect(await statesOf(task)).toEqual(["succeeded"]);
    expect((await owner.show(task.id)).nextAt).toBe(SEVEN);
  });

  it("is done for one that is paused too", async () => {
    const { owner, task } = await given(DAILY, answering);
    await owner.pause(task.id);

    await owner.run(task.id);
    await settled();

    expect(await owner.show(task.id)).toMatchObject({ state: "paused", recent: [{ state: "succeeded" }] });
  });

  it("is refused while a run is open, if its policy says so, and once it is cancelled", async () => {
    const { owner, task } = await given(DAILY);
    await owner.run(task.id);
    await settled();

    await expect(owner.run(task.id)).rejects.toThrow(
      `The task ${task.id} is not run now. The run of Thursday, 1 January 2026 at 13:00 was still running.`,
    );
    await owner.cancel(task.id);
    await expect(owner.run(task.id)).rejects.toThrow(`The task ${task.id} is cancelled.`);
  });

  it("ends the one under way with cancel_other, and is done then", async () => {
    const { owner, task, statesOf } = await given({ ...DAILY, overlap: "cancel_other", context: "group" });
    await owner.run(task.id);
    await settled();

    await owner.run(task.id);
    await settled();

    expect(await statesOf(task)).toEqual(["cancelled: The next run of its task began.", "running"]);
  });
});
