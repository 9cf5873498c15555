import { describe, expect, it } from "vitest";
import { atWork, DAILY, withTask } from "./at-work.ts";

const SEVENS =
  "Friday, 2 January 2026 at 07:00 (in 18 h); then on Saturday, 3 January 2026 at 07:00 (in 1 d 18 h); then on Sunday, 4 January 2026 at 07:00 (in 2 d 18 h)";
const LEAST = "(The owner can allow less, down to 10 s: limits.taskIntervalSeconds in config.yaml.)";

describe("schedule_task", () => {
  it("answers with the id and the next three local times", async () => {
    const { call, rows } = await atWork();

    const result = await call("schedule_task", DAILY);

    const [row] = await rows();
    expect(result).toEqual({
      text: `Task ${row?.id} (active): cron "0 7 * * *" (Europe/Berlin). It runs next on ${SEVENS}. Its answer goes to web:kitchen, from a fresh conversation each time.`,
    });
    expect(row).toMatchObject({ chat_id: "web:kitchen", created_by: "Ada, through the agent of main" });
  });

  it("says back what a time in words means", async () => {
    const { call } = await atWork();

    expect((await call("schedule_task", { at: "in 10 minutes", prompt: "x" })).text).toContain(
      "once, on Thursday, 1 January 2026 at 13:10 (Europe/Berlin). It runs next on Thursday, 1 January 2026 at 13:10 (in 10 min).",
    );
  });

  it("takes everything that a task can have", async () => {
    const { call, rows } = await atWork();

    await call("schedule_task", {
      every: 3_600_000,
      prompt: "x",
      timezone: "Asia/Tokyo",
      context: "group",
      gate: "./check.sh",
      gate_failure: "wake",
      announce: false,
      model: "a-larger-model",
      effort: "high",
      misfire: "catch_up",
      overlap: "queue_one",
      until: "2026-12-24T18:00",
      max_runs: 7,
      jitter: "5m",
      timeout: "10m",
      retries: 0,
      at_most_once: true,
      max_tokens: 1_000,
      max_usd: 0.5,
    });

    expect(await rows()).toMatchObject([
      {
        every_ms: 3_600_000,
        timezone: "Asia/Tokyo",
        context: "group",
        gate: "./check.sh",
        gate_failure: "wake",
        announce: 0,
        model: "a-larger-model",
        effort: "high",
        misfire: "catch_up",
        overlap: "queue_one",
        ends_at: Date.parse("2026-12-24T09:00Z"),
        max_runs: 7,
        jitter_ms: 300_000,
        timeout_ms: 600_000,
        retries: 0,
        at_most_once: 1,
        max_tokens: 1_000,
        max_micros: 500_000,
      },
    ]);
  });

  it("makes one task for one call, however often it is made, and gives the same answer", async () => {
    const { call, rows, clock } = await atWork();

    const first = await call("schedule_task", DAILY, "use");
    clock.advance(1_000);
    const again = await call("schedule_task", { every: "1h", prompt: "another" }, "use");

    expect(again).toEqual(first);
    expect(await rows()).toHaveLength(1);
  });

  it.each<[object, string]>([
    [{ prompt: "x" }, "Say when: one of cron, every, at."],
    [{ every: "1h" }, "Say what is to be done: a prompt, or a script."],
    [{ every: "1h", at: "17:00", prompt: "x" }, "A task has one schedule: give one of cron, every, at."],
    [
      { every: "30s", prompt: "x" },
      `This would run every 30 s; a task may run every 1 min at most. ${LEAST}`,
    ],
    [
      { every: "1h", prompt: "x", script: "df" },
      "A task has a prompt or a script, not both: a script is the whole task, without any model.",
    ],
    [{ ...DAILY, timezone: "Berlin" }, '"Berlin" is not a time zone; write it as in Europe/Berlin.'],
    [{ ...DAILY, chat: "telegram:1" }, "There is no chat telegram:1."],
    [
      { ...DAILY, misfire: "never" },
      'The input does not fit: ✖ Invalid option: expected one of "fire_once"|"skip"|"catch_up"\n  → at misfire',
    ],
    [
      { ...DAILY, retries: 11 },
      "The input does not fit: ✖ Too big: expected number to be <=10\n  → at retries",
    ],
    [
      { cron: "0 25 * * *", prompt: "x" },
      '"0 25 * * *" is no cron expression: the hour is "25", and may be 0 to 23 or *, also as a list (1,5), a range from low to high (1-5) or a step (*/5). For example, "30 7 * * 1-5" is 7:30 from Monday to Friday.',
    ],
    [
      { at: "yesterday", prompt: "x" },
      '"yesterday" is no time that can be read. Write it like one of these: 2026-12-24T18:00 (in Europe/Berlin), 2026-12-24T18:00+01:00, 17:00, 5:30 pm, today 17:00, tomorrow 9:00, friday 17:00, next friday at 17:00, +90s, in 10 minutes.',
    ],
    [
      { ...DAILY, chat: "web:garden", group: "main" },
      "The chat web:garden belongs to the group garden, not to main.",
    ],
    [
      { ...DAILY, until: "18:00" },
      "No time of this schedule is left: look at the time itself, at its end date, and at how often it may run.",
    ],
  ])("answers %o with what is wrong, and makes nothing", async (input, sentence) => {
    const { call, rows } = await atWork();

    const { text, isError } = await call("schedule_task", input);

    expect({ text, isError }).toEqual({ text: sentence, isError: true });
    expect(await rows()).toEqual([]);
  });
});

describe("list_tasks", () => {
  it("has a line for each task of the group, the latest fifty", async () => {
    const { call, rows } = await atWork();
    expect(await call("list_tasks", {})).toEqual({ text: "There are no tasks." });
    for (let task = 0; task < 52; task += 1) await call("schedule_task", DAILY);

    const lines = (await call("list_tasks", {})).text.split("\n");

    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe("and 2 older ones");
    expect((await rows()).map(({ id }) => id)).toContain(lines[0]?.slice(0, 8));
    expect(lines[0]?.slice(8)).toBe(
      ' [main] active: cron "0 7 * * *" (Europe/Berlin); next Friday, 2 January 2026 at 07:00 (in 18 h); "Good morning!"',
    );
  });

  it("has those that are at their end only if it is asked for them", async () => {
    const { call, id } = await withTask();
    await call("cancel_task", { id });

    expect((await call("list_tasks", {})).text).toBe("There are no tasks.");
    expect((await call("list_tasks", { all: true })).text).toContain(`${id} [main] cancelled`);
  });
});

describe("get_task", () => {
  it("tells all of a task, and what became of its runs", async () => {
    const { call, id, db } = await withTask({ ...DAILY, gate: 'grep "x" list' });
    await call("run_task_now", { id });
    await db
      .updateTable("occurrences")
      .set({ state: "failed", reason: "No such file.", ended_at: 1 })
      .execute();

    expect((await call("get_task", { id: id.slice(0, 5) })).text.split("\n")).toEqual([
      `Task ${id} (active): cron "0 7 * * *" (Europe/Berlin). It runs next on ${SEVENS}. Its answer goes to web:kitchen, from a fresh conversation each time.`,
      'Scheduled by "Ada, through the agent of main".',
      `It runs next on ${SEVENS}.`,
      expect.stringMatching(/^The run by hand of Thursday, .* at 13:00 \(.*\) failed: No such file\.$/),
      "Its prompt:",
      '"Good morning!"',
      "Its gate:",
      '"grep \\"x\\" list"',
      "Its last runs, newest first:",
      expect.stringContaining("- Thursday, 1 January 2026 at 13:00, by hand: failed"),
    ]);
    expect((await call("get_task", { id, runs: 0 })).text).not.toContain("Its last runs");
  });
});

describe("update_task", () => {
  it("changes what is named, and keeps the id", async () => {
    const { call, id, rows } = await withTask();

    const result = await call("update_task", { id, every: "2h", gate_failure: "ignore" });

    expect(result.text).toMatch(
      new RegExp(`^Task ${id} \\(active\\): every 2 h. It runs next on Thursday, 1 January 2026 at 15:00`),
    );
    expect(await rows()).toMatchObject([
      { id, every_ms: 7_200_000, gate_failure: "ignore", prompt: DAILY.prompt },
    ]);
  });

  it("takes away what is null", async () => {
    const { call, id, rows } = await withTask({ ...DAILY, model: "m", until: "2026-12-24T18:00" });

    await call("update_task", { id, model: null, until: null });

    expect(await rows()).toMatchObject([{ model: null, ends_at: null }]);
  });

  it("says what is wrong, and changes nothing", async () => {
    const { call, id, rows } = await withTask();
    const before = await rows();

    expect(await call("update_task", { id, every: "1s" })).toEqual({
      isError: true,
      text: `This would run every 1 s; a task may run every 1 min at most. ${LEAST}`,
    });
    expect(await rows()).toEqual(before);
  });
});

describe("pause_task, resume_task and cancel_task", () => {
  it("say what the task is then", async () => {
    const { call, id } = await withTask();
    const head = `Task ${id} (%): cron "0 7 * * *" (Europe/Berlin).`;
    const by = "by Ada, through the agent of main.";

    const said = [];
    for (const name of ["pause_task", "resume_task", "cancel_task"])
      said.push((await call(name, { id })).text);

    const tail = " Its answer goes to web:kitchen, from a fresh conversation each time.";
    expect(said).toEqual([
      `${head.replace("%", "paused")} Paused ${by}${tail}`,
      `${head.replace("%", "active")} It runs next on ${SEVENS}.${tail}`,
      `${head.replace("%", "cancelled")} Cancelled ${by}${tail}`,
    ]);
    expect(await call("resume_task", { id })).toEqual({
      isError: true,
      text: `The task ${id} is cancelled; it cannot be resumed.`,
    });
  });
});

describe("run_task_now", () => {
  it("puts one run in the line, once for one call", async () => {
    const { call, id, runs } = await withTask({ ...DAILY, overlap: "allow" });

    const first = await call("run_task_now", { id }, "use");
    const again = await call("run_task_now", { id }, "use");

    expect(first.text).toMatch(/^It is in the line and runs as soon as there is room for it/);
    expect(again).toEqual(first);
    expect(await runs()).toMatchObject([{ manual: 1 }]);
  });

  it("is refused while an earlier run is open", async () => {
    const { call, id, runs } = await withTask();
    await call("run_task_now", { id });

    const { text, isError } = await call("run_task_now", { id });

    expect([isError, text.startsWith(`The task ${id} is not run now. The run of Thursday`)]).toEqual([
      true,
      true,
    ]);
    expect(await runs()).toHaveLength(1);
  });
});
