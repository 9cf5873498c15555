import { describe, expect, it } from "vitest";
import { NewTask, TaskChange } from "../../core/task.ts";
import { house } from "../../store/__tests__/house.ts";
import { patchOf, valuesOf } from "../request.ts";

/** Thursday, 13:00 in Berlin. */
const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAILY = { cron: "0 7 * * *", prompt: "Good morning!" };
const LEAST = "(The owner can allow less, down to 10 s: limits.taskIntervalSeconds in config.yaml.)";

function values(task: NewTask, shortestMs = MINUTE) {
  return valuesOf(NewTask.parse(task), { now: NOW, timezone: "Europe/Berlin", bounds: { shortestMs } });
}

/** A task as it is stored, and what a change makes of it an hour later. */
async function given(task: NewTask) {
  const { task: stored } = await house();
  const row = await stored(values(task));
  return {
    row,
    edit: (change: TaskChange, shortestMs = MINUTE) =>
      patchOf(row, TaskChange.parse(change), { now: NOW + HOUR, bounds: { shortestMs } }),
  };
}

describe("a new task", () => {
  it.each([
    ["cron", { cron: "0 7 * * *" }, "fire_once"],
    ["at", { at: "17:00" }, "fire_once"],
    ["every", { every: "90m" }, "skip"],
  ])("has what nobody named as one expects: %s", (_how, when, misfire) => {
    expect(values({ ...when, prompt: "x" })).toMatchObject({
      prompt: "x",
      script: null,
      gate: null,
      gate_failure: "notify",
      timezone: "Europe/Berlin",
      context: "isolated",
      model: null,
      effort: null,
      announce: 1,
      misfire,
      overlap: "skip",
      retries: 2,
      at_most_once: 0,
      ends_at: null,
      max_runs: null,
      jitter_ms: 0,
      timeout_ms: null,
      max_tokens: null,
      max_micros: null,
    });
  });

  it("keeps what was named", () => {
    const named = {
      timezone: "America/New_York",
      context: "group",
      model: "a-model",
      effort: "low",
      announce: false,
      misfire: "catch_up",
      overlap: "queue_all",
      retries: 0,
      atMostOnce: true,
      until: "2026-12-24T18:00",
      maxRuns: 3,
      jitter: "5m",
      timeout: "10m",
      maxTokens: 1_000,
      maxUsd: 0.25,
      gate: "./check.sh",
      gateFailure: "wake",
    } as const;

    expect(values({ ...DAILY, ...named })).toMatchObject({
      timezone: "America/New_York",
      announce: 0,
      retries: 0,
      at_most_once: 1,
      ends_at: Date.parse("2026-12-24T23:00Z"),
      max_runs: 3,
      jitter_ms: 5 * MINUTE,
      timeout_ms: 10 * MINUTE,
      max_tokens: 1_000,
      max_micros: 250_000,
      gate_failure: "wake",
    });
  });

  it("has a grid that begins now, or its one instant, or its fields", () => {
    expect(values({ every: "90m", prompt: "x" })).toMatchObject({ every_ms: 90 * MINUTE, anchor: NOW });
    expect(values({ at: "17:00", prompt: "x" })).toMatchObject({ kind: "once", anchor: NOW + 4 * HOUR });
    expect(values(DAILY)).toMatchObject({ kind: "cron", cron: "0 7 * * *", anchor: null });
  });

  it("may be a script, which has no prompt then", () => {
    expect(values({ every: "1h", script: "df -h" })).toMatchObject({ script: "df -h", prompt: "" });
  });

  it("has a budget of something, however little that is", () => {
    expect(values({ ...DAILY, maxUsd: 0.000_000_1 }).max_micros).toBe(1);
  });

  it.each<[string, NewTask, string]>([
    ["without a time", { prompt: "x" }, "Say when: one of cron, every, at."],
    [
      "with two schedules",
      { ...DAILY, every: "1h" },
      "A task has one schedule: give one of cron, every, at.",
    ],
    ["without anything to do", { every: "1h" }, "Say what is to be done: a prompt, or a script."],
    [
      "with a prompt and a script",
      { ...DAILY, script: "df -h" },
      "A task has a prompt or a script, not both: a script is the whole task, without any model.",
    ],
    [
      "with a gate before a script",
      { every: "1h", script: "df -h", gate: "./check.sh" },
      "A script needs no gate: what it prints is the message, and nothing means silence.",
    ],
    [
      "that comes too often",
      { every: "59s", prompt: "x" },
      `This would run every 59 s; a task may run every 1 min at most. ${LEAST}`,
    ],
    [
      "whose seconds are too dense",
      { cron: "0,20 * * * * *", prompt: "x" },
      `This would run every 20 s; a task may run every 1 min at most. ${LEAST}`,
    ],
    [
      "whose jitter lets times change places",
      { every: "1h", prompt: "x", jitter: "60m" },
      "The jitter (1 h) must be less than the time between two runs (1 h).",
    ],
    [
      "that has ended already",
      { ...DAILY, until: "2025-12-24T18:00" },
      '"2025-12-24T18:00" is Wednesday, 24 December 2025 at 18:00 (Europe/Berlin), and that is not in the future. Give a later time.',
    ],
    [
      "whose time has passed",
      { at: "2026-01-01T12:59", prompt: "x" },
      '"2026-01-01T12:59" is Thursday, 1 January 2026 at 12:59 (Europe/Berlin), and that is not in the future. Give a later time.',
    ],
    [
      "in a zone that nobody knows",
      { ...DAILY, timezone: "Mars/Olympus" },
      '"Mars/Olympus" is not a time zone; write it as in Europe/Berlin.',
    ],
  ])("is refused %s, in words that say how to mend it", (_what, task, sentence) => {
    expect(() => values(task)).toThrow(sentence);
  });

  it("may come as often as every 10 s where the owner allows that", () => {
    expect(values({ every: "10s", prompt: "x" }, 10_000)).toMatchObject({ every_ms: 10_000 });
    expect(() => values({ every: "9s", prompt: "x" }, 10_000)).toThrow("a task may run every 10 s at most");
    expect(values({ cron: "*/10 * * * * *", prompt: "x" }, 10_000).cron).toBe("*/10 * * * * *");
    expect(() => values({ cron: "*/9 * * * * *", prompt: "x" }, 10_000)).toThrow("This would run every 6 s");
  });

  it("may have any jitter where there is only one time", () => {
    expect(values({ at: "17:00", prompt: "x", jitter: "3h" })).toMatchObject({ jitter_ms: 3 * HOUR });
  });
});

describe("a change of a task", () => {
  it("touches nothing that is not named, and plans nothing anew then", async () => {
    const { edit } = await given(DAILY);

    expect(edit({})).toEqual({ patch: {}, replan: false });
    expect(edit({ prompt: "Good evening!" })).toEqual({
      patch: { prompt: "Good evening!", script: null },
      replan: false,
    });
    expect(edit({ announce: false, atMostOnce: true, retries: 0 })).toEqual({
      patch: { announce: 0, at_most_once: 1, retries: 0 },
      replan: false,
    });
  });

  it("takes away what is null", async () => {
    const more = { model: "a-model", until: "2026-12-24T18:00", maxRuns: 3, timeout: "5m", maxUsd: 1 };
    const { edit } = await given({ ...DAILY, ...more, gate: "./check.sh" });

    expect(
      edit({ model: null, until: null, maxRuns: null, timeout: null, maxUsd: null, gate: null }),
    ).toMatchObject({
      patch: { model: null, ends_at: null, max_runs: null, timeout_ms: null, max_micros: null, gate: null },
      replan: true,
    });
  });

  it("leaves the grid of an interval where it is, if it is the same interval again", async () => {
    const { edit } = await given({ every: "90m", prompt: "x" });

    expect(edit({ every: "1h30m" })).toMatchObject({
      patch: { every_ms: 90 * MINUTE, anchor: NOW },
      replan: true,
    });
    expect(edit({ every: "91m" }).patch).toMatchObject({ every_ms: 91 * MINUTE, anchor: NOW + HOUR });
  });

  it("may put another kind of schedule in the place of the one it had", async () => {
    const { edit } = await given(DAILY);

    expect(edit({ at: "in 10 minutes" })).toMatchObject({
      patch: { kind: "once", cron: null, every_ms: null, anchor: NOW + HOUR + 10 * MINUTE },
      replan: true,
    });
    expect(edit({ every: "2h" }).patch).toMatchObject({ kind: "interval", cron: null, anchor: NOW + HOUR });
  });

  it.each<TaskChange>([
    { timezone: "Asia/Tokyo" },
    { until: "2026-12-24T18:00" },
    { maxRuns: 5 },
    { jitter: "1m" },
  ])("has the next time found anew where it may be another one: %o", async (change) => {
    const { edit } = await given(DAILY);

    expect(edit(change).replan).toBe(true);
  });

  it("puts a prompt in the place of a script, and a script in that of a prompt", async () => {
    const script = await given({ every: "1h", script: "df -h" });
    const prompt = await given(DAILY);

    expect(script.edit({ prompt: "x" }).patch).toEqual({ prompt: "x", script: null });
    expect(prompt.edit({ script: "df -h" }).patch).toEqual({ prompt: "", script: "df -h" });
  });

  it("may take a gate away as it makes a task a script", async () => {
    const { edit } = await given({ ...DAILY, gate: "./check.sh" });

    expect(edit({ script: "df -h", gate: null }).patch).toMatchObject({ script: "df -h", gate: null });
    expect(() => edit({ script: "df -h" })).toThrow(
      "A script needs no gate; take the gate away in the same change.",
    );
  });

  it("is refused where a jitter that was named before would let times change places now", async () => {
    const { edit } = await given({ every: "1h", prompt: "x", jitter: "30m" });

    expect(() => edit({ every: "5m" })).toThrow(
      "The jitter (30 min) must be less than the time between two runs (5 min).",
    );
    expect(edit({ every: "5m", jitter: "1m" }).patch).toMatchObject({ jitter_ms: MINUTE });
  });

  it("cannot take a script away and put nothing in its place", async () => {
    const { edit } = await given({ every: "1h", script: "df -h" });

    expect(() => edit({ script: null })).toThrow("Nothing would be left to do: give a prompt.");
    expect(edit({ script: null, prompt: "x" }).patch).toEqual({ script: null, prompt: "x" });
  });

  it.each<[string, TaskChange, string]>([
    ["two schedules", { cron: "0 8 * * *", every: "1h" }, "A task has one schedule"],
    ["a prompt and a script", { prompt: "x", script: "df -h" }, "A task has a prompt or a script, not both"],
    ["a time that comes too often", { every: "30s" }, `This would run every 30 s; a task may run`],
    ["a jitter of a day", { jitter: "1d" }, "The jitter (1 d) must be less than the time between"],
    ["an end in the past", { until: "2026-01-01T13:59" }, "and that is not in the future"],
    ["a zone that nobody knows", { timezone: "Mars/Olympus" }, "is not a time zone"],
  ])("is refused with %s", async (_what, change, sentence) => {
    const { edit } = await given(DAILY);

    expect(() => edit(change)).toThrow(sentence);
  });
});
