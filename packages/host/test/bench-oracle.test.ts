/**
 * The oracle of the scheduler's fault suite, against instants that were worked out by hand from the dates
 * at which zones change their clocks. Nothing of the scheduler takes part.
 */
import { describe, expect, it } from "vitest";
import { compare, type Found } from "../../../bench/fault/scheduler/compare.ts";
import { readPattern } from "../../../bench/fault/scheduler/cron.ts";
import {
  createOracle,
  type Expected,
  type Plan,
  RULES,
  type Story,
} from "../../../bench/fault/scheduler/oracle.ts";
import { createWall, MINUTE_MS, wallByIntl } from "../../../bench/fault/scheduler/wall.ts";

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const at = (text: string) => Date.parse(text);
const iso = (time: number) => new Date(time).toISOString().replace(":00.000Z", "Z");

function cron(expression: string, timezone = "UTC"): Plan {
  return { schedule: { kind: "cron", cron: expression }, timezone, misfire: "fire_once" };
}

/** Its times between two instants, both left out and in as a clock would have it. */
function times(plan: Plan, from: string, to: string): string[] {
  return createOracle()
    .timesOf(plan, at(from) - 1, at(to))
    .map(iso);
}

describe("the wall of a zone", () => {
  it.each([
    { zone: "Europe/Berlin", day: "2026-03-29", step: 60 },
    { zone: "Europe/Berlin", day: "2026-10-25", step: -60 },
    { zone: "America/New_York", day: "2026-03-08", step: 60 },
    { zone: "America/New_York", day: "2026-11-01", step: -60 },
    { zone: "Australia/Lord_Howe", day: "2026-04-04", step: -30 },
    { zone: "Australia/Lord_Howe", day: "2026-10-03", step: 30 },
    { zone: "America/Santiago", day: "2026-04-05", step: -60 },
    { zone: "America/Santiago", day: "2026-09-06", step: 60 },
  ])("shows each minute of $day in $zone as it is, with a step of $step", ({ zone, day, step }) => {
    const wall = createWall(zone);
    const ask = wallByIntl(zone);
    const begin = at(`${day}T00:00Z`) / MINUTE_MS;

    const minutes = Array.from({ length: 24 * 60 }, (_, minute) => begin + minute);
    const steps = minutes.map((minute) => wall.at(minute) - wall.at(minute - 1)).filter((by) => by !== 1);

    expect(steps).toEqual([step + 1]);
    expect(minutes.filter((minute) => wall.at(minute) !== ask(minute))).toEqual([]);
  });
});

describe("a cron expression, as the oracle reads it", () => {
  it.each([
    { expression: "0 9 * * *", gives: ["2026-06-01T09:00Z", "2026-06-02T09:00Z"] },
    {
      expression: "30,45 8-9 1 * *",
      gives: ["2026-06-01T08:30Z", "2026-06-01T08:45Z", "2026-06-01T09:30Z", "2026-06-01T09:45Z"],
    },
    {
      expression: "0 */12 * * *",
      gives: ["2026-06-01T00:00Z", "2026-06-01T12:00Z", "2026-06-02T00:00Z", "2026-06-02T12:00Z"],
    },
    { expression: "0 10-20/5 2 6 ?", gives: ["2026-06-02T10:00Z", "2026-06-02T15:00Z", "2026-06-02T20:00Z"] },
    { expression: "15,45 0 0 2 * *", gives: ["2026-06-02T00:00:15.000Z", "2026-06-02T00:00:45.000Z"] },
  ])("$expression", ({ expression, gives }) => {
    expect(times(cron(expression), "2026-06-01T00:00Z", "2026-06-02T23:59Z")).toEqual(gives);
  });

  it("lets either match where day of month and weekday are both restricted, and Sunday be 0 or 7", () => {
    const fifteenth = times(cron("0 12 15 * 0"), "2026-06-12T00:00Z", "2026-06-22T00:00Z");
    const sunday = times(cron("0 12 * * 7"), "2026-06-12T00:00Z", "2026-06-22T00:00Z");

    expect(fifteenth).toEqual(["2026-06-14T12:00Z", "2026-06-15T12:00Z", "2026-06-21T12:00Z"]);
    expect(sunday).toEqual(["2026-06-14T12:00Z", "2026-06-21T12:00Z"]);
  });

  it("comes on the 29th of February every fourth year", () => {
    expect(times(cron("0 0 29 2 *"), "2026-01-01T00:00Z", "2033-01-01T00:00Z")).toEqual([
      "2028-02-29T00:00Z",
      "2032-02-29T00:00Z",
    ]);
  });

  it.each([
    "* * * *",
    "* * * * * * *",
    "MON * * * *",
    "5/10 * * * *",
    "60 * * * *",
    "9-8 * * * *",
    "*/0 * * * *",
  ])("is refused where it is none that the oracle knows: %s", (expression) => {
    expect(() => readPattern(expression)).toThrow(TypeError);
  });
});

describe("a fixed hour", () => {
  it("that is skipped comes once, at the first instant after the gap", () => {
    const berlin = times(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T00:00Z", "2026-03-30T12:00Z");
    const newYork = times(cron("*/20 2 * * *", "America/New_York"), "2026-03-08T00:00Z", "2026-03-08T23:00Z");
    const lordHowe = times(
      cron("15 2 * * *", "Australia/Lord_Howe"),
      "2026-10-03T00:00Z",
      "2026-10-04T23:00Z",
    );
    const santiago = times(cron("0 0 * * *", "America/Santiago"), "2026-09-05T00:00Z", "2026-09-07T12:00Z");

    expect(berlin).toEqual(["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"]);
    expect(newYork).toEqual(["2026-03-08T07:00Z"]);
    expect(lordHowe).toEqual(["2026-10-03T15:30Z", "2026-10-04T15:15Z"]);
    expect(santiago).toEqual(["2026-09-05T04:00Z", "2026-09-06T04:00Z", "2026-09-07T03:00Z"]);
  });

  it("that is skipped merges with a regular time at the same instant", () => {
    const plan = cron("0,30 2-3 * * *", "Europe/Berlin");

    expect(times(plan, "2026-03-29T00:00Z", "2026-03-29T12:00Z")).toEqual([
      "2026-03-29T01:00Z",
      "2026-03-29T01:30Z",
    ]);
  });

  it("that is skipped comes once for all its seconds, beside the regular ones", () => {
    const plan = cron("10,20 0,30 2-3 * * *", "Europe/Berlin");

    expect(times(plan, "2026-03-29T00:00Z", "2026-03-29T01:01Z")).toEqual([
      "2026-03-29T01:00Z",
      "2026-03-29T01:00:10.000Z",
      "2026-03-29T01:00:20.000Z",
    ]);
  });

  it("that is skipped counts by the day of the gap", () => {
    // The gap is on Sunday the 6th, 0:00 to 1:00; on Saturday nothing is skipped.
    const sunday = times(cron("30 0 * * 0", "America/Santiago"), "2026-09-05T12:00Z", "2026-09-07T12:00Z");
    const saturday = times(cron("30 0 * * 6", "America/Santiago"), "2026-09-05T12:00Z", "2026-09-07T12:00Z");

    expect(sunday).toEqual(["2026-09-06T04:00Z"]);
    expect(saturday).toEqual([]);
  });

  it("that comes twice counts the first time", () => {
    const berlin = times(cron("30 2 * * *", "Europe/Berlin"), "2026-10-25T00:00Z", "2026-10-25T23:00Z");
    const newYork = times(cron("* 1 * * *", "America/New_York"), "2026-11-01T00:00Z", "2026-11-01T23:00Z");
    const lordHowe = times(
      cron("0,45 1 * * *", "Australia/Lord_Howe"),
      "2026-04-04T12:00Z",
      "2026-04-05T00:00Z",
    );
    const santiago = times(cron("15 23 * * *", "America/Santiago"), "2026-04-04T12:00Z", "2026-04-05T12:00Z");

    expect(berlin).toEqual(["2026-10-25T00:30Z"]);
    expect(newYork).toHaveLength(60);
    expect(newYork.at(-1)).toBe("2026-11-01T05:59Z");
    expect(lordHowe).toEqual(["2026-04-04T14:00Z", "2026-04-04T14:45Z"]);
    expect(santiago).toEqual(["2026-04-05T02:15Z"]);
  });

  it("does not count the second time either where one looks between the two", () => {
    const plan = cron("30 2 * * *", "Europe/Berlin");

    expect(times(plan, "2026-10-25T00:31Z", "2026-10-25T23:00Z")).toEqual([]);
  });
});

describe("an open hour", () => {
  it.each(["15 * * * *", "15 */1 * * *", "15 ? * * *"])(
    "comes in both passes of an hour: %s",
    (expression) => {
      expect(times(cron(expression, "Europe/Berlin"), "2026-10-25T00:00Z", "2026-10-25T02:59Z")).toEqual([
        "2026-10-25T00:15Z",
        "2026-10-25T01:15Z",
        "2026-10-25T02:15Z",
      ]);
    },
  );

  it("does not come in an hour that is skipped, and nothing is made up for it", () => {
    const even = times(cron("0 */2 * * *", "Europe/Berlin"), "2026-03-28T22:00Z", "2026-03-29T06:00Z");
    const half = times(cron("15 * * * *", "Australia/Lord_Howe"), "2026-10-03T14:00Z", "2026-10-03T17:00Z");

    // 23:00 on the wall of Berlin is no even hour; 0:00, then 2:00 is not there, then 4:00, 6:00 and 8:00.
    expect(even).toEqual([
      "2026-03-28T23:00Z",
      "2026-03-29T02:00Z",
      "2026-03-29T04:00Z",
      "2026-03-29T06:00Z",
    ]);
    // 1:15 at 14:45 UTC, no 2:15, 3:15 at 16:15 UTC.
    expect(half).toEqual(["2026-10-03T14:45Z", "2026-10-03T16:15Z"]);
  });
});

describe("one time, said as the wall of a zone shows it", () => {
  it.each([
    { local: "2026-07-01T09:00", zone: "Europe/Berlin", instant: "2026-07-01T07:00Z" },
    { local: "2026-03-29T02:30", zone: "Europe/Berlin", instant: "2026-03-29T01:00Z" },
    { local: "2026-10-25T02:30", zone: "Europe/Berlin", instant: "2026-10-25T00:30Z" },
    { local: "2026-04-05T01:45", zone: "Australia/Lord_Howe", instant: "2026-04-04T14:45Z" },
    { local: "2026-09-06T00:00", zone: "America/Santiago", instant: "2026-09-06T04:00Z" },
  ])("$local in $zone is $instant", ({ local, zone, instant }) => {
    expect(iso(createOracle().instantOf(local, zone))).toBe(instant);
  });
});

const NOON = at("2026-06-01T12:00Z");
const every = (everyMs: number, misfire: Plan["misfire"] = "skip"): Plan => ({
  schedule: { kind: "interval", everyMs, anchor: NOON },
  timezone: "UTC",
  misfire,
});
const once = (time: number, misfire: Plan["misfire"] = "fire_once"): Plan => ({
  schedule: { kind: "once", at: time },
  timezone: "UTC",
  misfire,
});

/** What becomes of a task made at noon. */
function became(plan: Plan, story: Story, rules = RULES): string[] {
  return createOracle(rules).expected({ createdAt: NOON, plan }, story).map(brief);
}

const brief = ({ scheduledFor, outcome, missed }: Expected) =>
  `${outcome} ${iso(scheduledFor).slice(5)}${missed > 0 ? ` (${missed})` : ""}`;

/** Up for some minutes after noon, then down, then up for some minutes more. */
function outage(upMinutes: number, downMs: number, againMinutes: number): Story {
  const gone = NOON + upMinutes * MINUTE_MS;
  const back = gone + downMs;
  return [
    { from: NOON, to: gone },
    { from: back, to: back + againMinutes * MINUTE_MS },
  ];
}

describe("what becomes of a time", () => {
  it("that comes while a host is up: it runs", () => {
    expect(became(every(10 * MINUTE_MS), outage(25, 0, 10))).toEqual([
      "run 06-01T12:10Z",
      "run 06-01T12:20Z",
      "run 06-01T12:30Z",
    ]);
  });

  it("that is at most a minute old when a host looks: it runs", () => {
    const story = (late: number): Story => [
      { from: NOON + 10 * MINUTE_MS + late, to: NOON + 15 * MINUTE_MS },
    ];

    expect(became(once(NOON + 10 * MINUTE_MS, "skip"), story(60_000))).toEqual(["run 06-01T12:10Z"]);
    expect(became(once(NOON + 10 * MINUTE_MS, "skip"), story(60_001))).toEqual(["missed 06-01T12:10Z (1)"]);
  });

  it("that is older, under fire_once: the latest runs for all, within a day", () => {
    const plan = every(10 * MINUTE_MS, "fire_once");

    expect(became(plan, outage(5, 30 * MINUTE_MS, 10))).toEqual(["run 06-01T12:30Z (2)", "run 06-01T12:40Z"]);
    expect(became(once(NOON + HOUR_MS), outage(5, DAY_MS + 55 * MINUTE_MS, 10))).toEqual([
      "run 06-01T13:00Z",
    ]);
    expect(became(once(NOON + HOUR_MS), outage(5, DAY_MS + 55 * MINUTE_MS + 1, 10))).toEqual([
      "missed 06-01T13:00Z (1)",
    ]);
  });

  it("that is older, under fire_once, when another one has just come: that one is told", () => {
    const plan = every(10 * MINUTE_MS, "fire_once");

    expect(became(plan, outage(5, 25.5 * MINUTE_MS, 5))).toEqual(["run 06-01T12:30Z (2)"]);
  });

  it("that is older, under skip: one occurrence for all", () => {
    expect(became(every(10 * MINUTE_MS), outage(5, 30 * MINUTE_MS, 10))).toEqual([
      "missed 06-01T12:30Z (3)",
      "run 06-01T12:40Z",
    ]);
    expect(became(every(10 * MINUTE_MS), outage(5, 25.5 * MINUTE_MS, 5))).toEqual([
      "missed 06-01T12:20Z (2)",
      "run 06-01T12:30Z",
    ]);
  });

  it("that is older, under catch_up: the last ten of a day run, the first of them is told of the rest", () => {
    const ran = became(every(10 * MINUTE_MS, "catch_up"), outage(5, 2 * HOUR_MS, 5));

    // Twelve came while it was down: 12:10 to 14:00; ten of them run, then 14:10 in its time.
    expect(ran).toHaveLength(11);
    expect(ran[0]).toBe("run 06-01T12:30Z (2)");
    expect(ran.slice(-2)).toEqual(["run 06-01T14:00Z", "run 06-01T14:10Z"]);
  });

  it("that is older than a day, under catch_up: told with those that run, else one occurrence", () => {
    const daily = { ...cron("0 18 * * *"), misfire: "catch_up" } as const;
    const weekly = { ...cron("0 18 * * 1"), misfire: "catch_up" } as const;

    expect(became(daily, outage(5, 3 * DAY_MS, 5))).toEqual(["run 06-03T18:00Z (2)"]);
    expect(became(weekly, outage(5, 3 * DAY_MS, 5))).toEqual(["missed 06-01T18:00Z (1)"]);
  });

  it("of forty days of minutes: one run, told of 57,599", () => {
    expect(became(every(MINUTE_MS, "fire_once"), outage(0, 40 * DAY_MS + 30_000, 0))).toEqual([
      "run 07-11T12:00Z (57599)",
    ]);
    expect(became(every(MINUTE_MS), outage(0, 40 * DAY_MS + 61_000, 0))).toEqual([
      "missed 07-11T12:00Z (57600)",
      "run 07-11T12:01Z",
    ]);
  });
});

describe("the end of a schedule", () => {
  it("is the last time that is not after endsAt", () => {
    const plan = { ...every(10 * MINUTE_MS), endsAt: NOON + 20 * MINUTE_MS };

    expect(became(plan, outage(25, 0, 30))).toEqual(["run 06-01T12:10Z", "run 06-01T12:20Z"]);
  });

  it("is the last of maxRuns times, whatever became of them", () => {
    const plan = { ...every(10 * MINUTE_MS, "fire_once"), maxRuns: 3 };

    expect(became(plan, outage(15, 2 * DAY_MS, 30))).toEqual(["run 06-01T12:10Z", "missed 06-01T12:30Z (2)"]);
  });
});

describe("a schedule that is at its end", () => {
  it("stays there, also when the clock turns out to have been a year ahead", () => {
    const year = NOON + 365 * DAY_MS;
    const plan = { ...every(DAY_MS), endsAt: NOON + 10 * DAY_MS };
    const story: Story = [
      { from: NOON, to: NOON + 25 * HOUR_MS },
      { from: year, to: year + HOUR_MS },
      { from: NOON + 26 * HOUR_MS, to: NOON + 20 * DAY_MS },
    ];

    expect(became(plan, story)).toEqual(["run 06-02T12:00Z", "missed 06-11T12:00Z (9)"]);
  });
});

describe("a clock that jumps", () => {
  it("back: waits until it has come again to where it was, and nothing comes twice", () => {
    const story: Story = [
      { from: NOON, to: NOON + 25 * MINUTE_MS },
      { from: NOON - 35 * MINUTE_MS, to: NOON + 40 * MINUTE_MS },
    ];

    expect(became(every(10 * MINUTE_MS), story)).toEqual([
      "run 06-01T12:10Z",
      "run 06-01T12:20Z",
      "run 06-01T12:30Z",
      "run 06-01T12:40Z",
    ]);
  });

  it("by a year and back: what was planned by the wrong clock is planned anew", () => {
    const year = NOON + 365 * DAY_MS;
    const story: Story = [
      { from: NOON, to: NOON + 5 * HOUR_MS },
      { from: year, to: year + 10 * MINUTE_MS },
      { from: NOON + 5.2 * HOUR_MS, to: NOON + 30 * HOUR_MS },
    ];

    expect(became(cron("0 18 * * *"), story)).toEqual([
      "run 06-01T18:00Z",
      "run 06-02T18:00Z",
      "run 05-31T18:00Z (364)",
    ]);
  });

  it("back by days, without having been ahead: planned anew, and no time twice", () => {
    const story: Story = [
      { from: NOON, to: NOON + 3 * DAY_MS },
      { from: NOON + HOUR_MS, to: NOON + 4 * DAY_MS },
    ];

    expect(became(cron("0 18 * * *"), story)).toEqual([
      "run 06-01T18:00Z",
      "run 06-02T18:00Z",
      "run 06-03T18:00Z",
      "run 06-04T18:00Z",
    ]);
  });
});

describe("a task that is changed", () => {
  it("goes by its new plan from the moment of the change, and its count goes on", () => {
    const moved = { ...cron("0 14 * * *", "Europe/Berlin"), maxRuns: 2 };
    const story: Story = [
      { from: NOON, to: NOON + HOUR_MS },
      { from: NOON + HOUR_MS, to: NOON + 5 * DAY_MS },
    ];
    const task = {
      createdAt: NOON - 1,
      plan: { ...cron("0 12 * * *"), maxRuns: 3 },
      changes: [{ stretch: 1, plan: moved }],
    };

    expect(createOracle().expected(task, story).map(brief)).toEqual(["run 06-01T12:00Z", "run 06-02T12:00Z"]);
  });
});

describe("a task that is paused", () => {
  it("has no times until it is resumed, and nothing is made up for", () => {
    const plan = every(10 * MINUTE_MS, "fire_once");
    const story: Story = [
      { from: NOON, to: NOON + 15 * MINUTE_MS },
      { from: NOON + 15 * MINUTE_MS, to: NOON + 55 * MINUTE_MS },
      { from: NOON + 55 * MINUTE_MS, to: NOON + 65 * MINUTE_MS },
    ];
    const changes = [
      { stretch: 1, plan: undefined },
      { stretch: 2, plan },
    ];

    const occurrences = createOracle().expected({ createdAt: NOON, plan, changes }, story);

    expect(occurrences.map(brief)).toEqual(["run 06-01T12:10Z", "run 06-01T13:00Z"]);
  });

  it("waits for its mark when it is resumed by a clock that is behind", () => {
    const plan = { ...every(10 * MINUTE_MS), maxRuns: 4 };
    const story: Story = [
      { from: NOON, to: NOON + 35 * MINUTE_MS },
      { from: NOON + 5 * MINUTE_MS, to: NOON + 6 * MINUTE_MS },
      { from: NOON + 6 * MINUTE_MS, to: NOON + 65 * MINUTE_MS },
    ];
    const changes = [
      { stretch: 1, plan: undefined },
      { stretch: 2, plan },
    ];

    const occurrences = createOracle().expected({ createdAt: NOON, plan, changes }, story);

    expect(occurrences.map(brief)).toEqual([
      "run 06-01T12:10Z",
      "run 06-01T12:20Z",
      "run 06-01T12:30Z",
      "run 06-01T12:40Z",
    ]);
  });
});

describe("a rule that is wrong on purpose", () => {
  it.each([
    {
      rules: { ...RULES, secondPassCounts: true },
      says: ["run 06-01T12:10Z", "run 06-01T12:20Z", "missed 06-01T12:50Z (3)"],
    },
    { rules: { ...RULES, grid: "now" as const }, says: ["run 06-01T12:10Z", "run 06-01T12:20Z"] },
    {
      rules: { ...RULES, missedTooMany: 1 },
      says: ["run 06-01T12:10Z", "run 06-01T12:20Z", "missed 06-01T12:50Z (4)"],
    },
  ])("shows: $rules", ({ rules, says }) => {
    expect(became(every(10 * MINUTE_MS), outage(25, 26.5 * MINUTE_MS, 5), rules)).toEqual(says);
  });

  it("shows in the second pass of an hour", () => {
    const plan = cron("30 2 * * *", "Europe/Berlin");
    const wrong = createOracle({ ...RULES, secondPassCounts: true });

    const said = wrong.timesOf(plan, at("2026-10-25T00:00Z"), at("2026-10-25T12:00Z"));

    expect(said.map(iso)).toEqual(["2026-10-25T00:30Z", "2026-10-25T01:30Z"]);
  });
});

describe("the comparison", () => {
  const expected: Expected[] = [
    { scheduledFor: 1000, at: 1000, outcome: "run", missed: 0 },
    { scheduledFor: 2000, at: 9000, outcome: "missed", missed: 3 },
  ];
  const first: Found = { scheduledFor: 1000, createdAt: 1000, state: "succeeded", missed: 0 };
  const second: Found = { scheduledFor: 2000, createdAt: 9000, state: "missed", missed: 3 };

  it("has nothing to say where both agree", () => {
    const agreed = { fires: 2, doubled: 0, gaps: 0, differences: [] };

    expect(compare("a", expected, [first, second])).toEqual(agreed);
    expect(compare("a", expected, [first, { ...second, createdAt: 9500 }], 500)).toEqual(agreed);
  });

  it.each([
    { what: "a gap", found: [second], counts: { gaps: 1 } },
    { what: "a time that is there twice", found: [first, second, second], counts: { doubled: 1 } },
    {
      what: "a time that nobody named",
      found: [first, second, { ...first, scheduledFor: 3000 }],
      counts: {},
    },
    { what: "another end", found: [first, { ...second, state: "waiting" as const }], counts: {} },
    { what: "another count", found: [first, { ...second, missed: 2 }], counts: {} },
    { what: "another moment", found: [first, { ...second, createdAt: 9001 }], counts: {} },
  ])("finds $what", ({ found, counts }) => {
    const comparison = compare("a", expected, found);

    expect(comparison).toMatchObject({ doubled: 0, gaps: 0, ...counts });
    expect(comparison.differences).toHaveLength(1);
  });
});
