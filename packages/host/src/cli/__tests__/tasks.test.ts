import { RejectedError } from "@bellhop/sdk";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { NewTask, Occurrence, OpenedTask, TaskChange } from "../../core/task.ts";
import { changeOf, type TaskOptions, withChangeOptions, withTaskOptions } from "../task-options.ts";
import { describeBriefly, describeHistory, describeState, describeTask, listTasks } from "../task-words.ts";

const NOW = Date.UTC(2026, 11, 24, 3);
const HOUR = 3_600_000;
const AT_SEVEN = Date.UTC(2026, 11, 24, 6); // in Berlin
const ESCAPE = "\u001b[2J";

describe("bellhop tasks list", () => {
  it("has a line for each task, with its next time where it lives", () => {
    const text = listTasks(
      [
        task({}),
        task({
          id: "bcdefghj",
          group: "family",
          schedule: { kind: "interval", everyMs: 1.5 * HOUR, anchor: 0 },
          nextAt: NOW,
        }),
      ],
      NOW,
    );

    expect(text.split("\n")).toEqual([
      'k7m2q9xd  main    active  cron "0 7 * * *" (Europe/Berlin)  Thursday, 24 December 2026 at 07:00, in 3 h  Say good morning',
      "bcdefghj  family  active  every 1 h 30 min                  due now                                      Say good morning",
      "",
    ]);
  });

  it("says below one that is paused or fails why", () => {
    const text = listTasks(
      [
        task({
          state: "paused",
          note: "5 runs failed in a row:\nthe key is refused",
          nextAt: null,
          failures: 5,
        }),
      ],
      NOW,
    );

    expect(text.split("\n").slice(0, -1)).toEqual([
      expect.stringMatching(/^k7m2q9xd {2}main {2}paused .* no next time {2}Say good morning$/),
      "  5 runs failed in a row: the key is refused",
      "  The last 5 runs failed.",
    ]);
  });
});

describe("bellhop tasks show", () => {
  it("says when the task runs, what it does and where, and what holds for its runs", () => {
    const text = describeTask(
      task({
        prompt: "Say good morning.\nBe brief.",
        gate: "./check.sh",
        next: [AT_SEVEN, AT_SEVEN + 24 * HOUR],
        endsAt: AT_SEVEN + 48 * HOUR,
        maxRuns: 10,
        fired: 3,
        jitterMs: 300_000,
        model: "haiku",
        effort: "low",
        timeoutMs: 600_000,
        maxTokens: 5_000,
        maxUsd: 0.5,
        explained: ["It runs next on Thursday.", "It did not run yesterday: Bellhop was not running."],
      }),
    );

    expect(text).toBe(`\
task      k7m2q9xd, active
          It runs next on Thursday.
          It did not run yesterday: Bellhop was not running.
prompt    Say good morning.
          Be brief.
gate      ./check.sh
          If the gate fails, its chat is told.
when      cron "0 7 * * *" (Europe/Berlin)
          No time after Saturday, 26 December 2026 at 07:00.
          3 of 10 times have come.
          Each is put off by chance, by less than 5 min.
answers   in web:main (main)
talks in  a fresh conversation each time
model     haiku, effort low
late      one run for all times that were missed, if the last was within a day
overlap   a time that comes during a run is not run
limits    tried again 2 times, 10 min an attempt, 5000 tokens a run, $0.5 a run
made      by owner, Thursday, 1 January 1970 at 01:00
`);
  });

  it("shows the latest runs, and no model for a script", () => {
    const text = describeTask(task({ prompt: "", script: "./report.sh", recent: [run({})] }));

    expect(text).toContain("script    ./report.sh\n");
    expect(text).not.toContain("model ");
    expect(text).toMatch(
      /Its runs, newest first:\nThursday, 24 December 2026 at 07:00 {2}succeeded {2}12 s {2}"hi"\n$/,
    );
  });
});

describe("bellhop tasks add and edit", () => {
  it("show the id, and the next times in words", () => {
    expect(describeBriefly(task({ next: [AT_SEVEN], announce: false }), NOW)).toBe(`\
task      k7m2q9xd, active
prompt    Say good morning
when      cron "0 7 * * *" (Europe/Berlin)
next      Thursday, 24 December 2026 at 07:00, in 3 h
answers   kept to its history (main, web:main)
`);
  });
});

describe("bellhop tasks history", () => {
  it("has a line for each time: when, what became of it, how long it took, and why", () => {
    const occurrences = [
      run({ manual: true, attempts: 3, costMicros: 12_300, result: "Good morning,\nall." }),
      run({ state: "failed", reason: "the key is refused", missed: 2, startedAt: AT_SEVEN + 5 * 60_000 }),
      run({
        state: "missed",
        reason: "Bellhop was not running",
        missed: 40,
        startedAt: null,
        durationMs: null,
      }),
      run({ state: "waiting", startedAt: null, durationMs: null, result: null, attempts: 0 }),
    ];

    const text = describeHistory({ occurrences, more: false }, task({ timezone: "America/New_York" }));

    const at = "Thursday, 24 December 2026 at 01:00";
    expect(text.split("\n")).toEqual([
      `${at}  succeeded  12 s  by hand, 3 attempts, $0.0123: "Good morning, all."`,
      `${at}  failed     12 s  2 missed before it, begun 5 min late: the key is refused`,
      `${at}  missed           40 times missed: Bellhop was not running`,
      `${at}  waiting`,
      "",
    ]);
  });

  it("says how to see what is older, and when there is nothing", () => {
    const page = { occurrences: [run({})], more: true };

    expect(describeHistory(page, task({}))).toMatch(
      /\nMore: bellhop tasks history k7m2q9xd --before 0190c2f4-\S+\n$/,
    );
    expect(describeHistory({ occurrences: [], more: false }, task({}))).toBe(
      "k7m2q9xd has not run yet: Say good morning\n",
    );
  });
});

describe("what came from people, agents and scripts", () => {
  it("does not drive the terminal", () => {
    const evil = task({
      prompt: `${ESCAPE}x`,
      script: `${ESCAPE}x`,
      gate: `${ESCAPE}x`,
      model: `${ESCAPE}x`,
      note: `${ESCAPE}x`,
      createdBy: `${ESCAPE}x`,
      explained: [`${ESCAPE}x`],
      recent: [run({ reason: `${ESCAPE}x` }), run({ result: `${ESCAPE}x` })],
    });

    for (const text of [
      listTasks([evil], NOW),
      describeTask(evil),
      describeBriefly(evil, NOW),
      describeState(evil),
      describeHistory({ occurrences: evil.recent, more: true }, evil),
    ])
      expect(text).not.toContain("\u001b");
  });
});

describe("the options of a task", () => {
  it("become what the API takes; times and durations as they were written", () => {
    const said = parsed(
      withTaskOptions(new Command()),
      "--cron|0 7 * * *|--prompt|hello|--chat|desk|--silent|--gate|./g.sh|--gate-failure|wake|--context|group|" +
        "--effort|high|--misfire|skip|--overlap|queue_one|--retries|0|--at-most-once|--until|+90s|--max-runs|5|" +
        "--jitter|300000|--timeout|10m|--max-tokens|1000|--max-usd|0.25|--model|haiku|--timezone|Asia/Tokyo",
    );

    expect(NewTask.parse(said)).toEqual({
      cron: "0 7 * * *",
      prompt: "hello",
      chat: "terminal:desk",
      announce: false,
      gate: "./g.sh",
      gateFailure: "wake",
      context: "group",
      effort: "high",
      misfire: "skip",
      overlap: "queue_one",
      retries: 0,
      atMostOnce: true,
      until: "+90s",
      maxRuns: 5,
      jitter: 300_000,
      timeout: "10m",
      maxTokens: 1_000,
      maxUsd: 0.25,
      model: "haiku",
      timezone: "Asia/Tokyo",
    });
  });

  it.each([
    ["--at|+90s", { at: "+90s" }],
    ["--at|17:00", { at: "17:00" }],
    ["--every|1h30m", { every: "1h30m" }],
    ["--every|90000", { every: 90_000 }],
    ["--jitter|0", { jitter: 0 }],
    ["--script|./report.sh", { script: "./report.sh" }],
    ["--chat|telegram:-100", { chat: "telegram:-100" }],
    ["", {}],
  ])("%s", (words, change) => {
    expect(parsed(withTaskOptions(new Command()), words)).toEqual(change);
  });

  it("are taken away by their opposites in a change", () => {
    const said = parsed(
      withChangeOptions(new Command()),
      "--announce|--no-script|--no-gate|--no-model|--no-effort|--no-at-most-once|--no-until|--no-max-runs|" +
        "--no-timeout|--no-max-tokens|--no-max-usd",
    );

    expect(TaskChange.parse(said)).toEqual({
      announce: true,
      script: null,
      gate: null,
      model: null,
      effort: null,
      atMostOnce: false,
      until: null,
      maxRuns: null,
      timeout: null,
      maxTokens: null,
      maxUsd: null,
    });
    expect(parsed(withChangeOptions(new Command()), "")).toEqual({});
  });

  it.each([
    "--misfire|sometimes",
    "--overlap|maybe",
    "--context|nowhere",
    "--gate-failure|panic",
    "--effort|none",
    "--retries|two",
    "--max-usd|-1",
    "--cron|@daily|--every|1h",
    "--at|17:00|--every|1h",
  ])("refuse %s", (words) => {
    expect(() => parsed(withTaskOptions(new Command()), words)).toThrow(/^error: /);
  });

  it("refuse a chat that cannot be one", () => {
    expect(() => parsed(withTaskOptions(new Command()), "--chat|a:")).toThrow(RejectedError);
  });
});

/** What is sent, as JSON has it; the words of the command parted by `|`. */
function parsed(command: Command, words: string): unknown {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  command.parse(words === "" ? [] : words.split("|"), { from: "user" });
  return JSON.parse(JSON.stringify(changeOf(command.opts<TaskOptions>())));
}

function task(more: object): OpenedTask {
  return OpenedTask.parse({
    id: "k7m2q9xd",
    group: "main",
    chat: "web:main",
    prompt: "Say good morning",
    script: null,
    gate: null,
    gateFailure: "notify",
    schedule: { kind: "cron", cron: "0 7 * * *" },
    timezone: "Europe/Berlin",
    context: "isolated",
    model: null,
    effort: null,
    announce: true,
    misfire: "fire_once",
    overlap: "skip",
    retries: 2,
    atMostOnce: false,
    endsAt: null,
    maxRuns: null,
    jitterMs: 0,
    timeoutMs: null,
    maxTokens: null,
    maxUsd: null,
    state: "active",
    note: null,
    nextAt: AT_SEVEN,
    fired: 0,
    failures: 0,
    createdBy: "owner",
    createdAt: 0,
    updatedAt: 0,
    next: [],
    explained: [],
    recent: [],
    ...more,
  });
}

function run(more: object): Occurrence {
  return Occurrence.parse({
    id: "0190c2f4-7a3b-4c1d-9e2f-1a2b3c4d5e6f",
    task: "k7m2q9xd",
    scheduledFor: AT_SEVEN,
    manual: false,
    state: "succeeded",
    reason: null,
    missed: 0,
    createdAt: AT_SEVEN,
    startedAt: AT_SEVEN,
    endedAt: AT_SEVEN + 12_000,
    durationMs: 12_000,
    attempts: 1,
    result: "hi",
    tokens: 0,
    costMicros: 0,
    turn: null,
    ...more,
  });
}
