import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import {
  describeSchedule,
  nextAfter,
  nextRuns,
  shortestGapMs,
  type Timetable,
  timesWithin,
} from "../schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const utc = (text: string) => Date.parse(`${text}Z`);
const written = (at: number) => new Date(at).toISOString().replace(/(:00)?\.000Z$/, "");

const cron = (text: string, timezone = "Europe/Berlin"): Timetable => ({
  schedule: { kind: "cron", cron: text },
  timezone,
});
const interval = (everyMs: number, anchor: number): Timetable => ({
  schedule: { kind: "interval", everyMs, anchor },
  timezone: "Europe/Berlin",
});
const once = (at: string): Timetable => ({
  schedule: { kind: "once", at: utc(at) },
  timezone: "Europe/Berlin",
});

const next = (timetable: Timetable, after: string, count = 3) =>
  nextRuns(timetable, utc(after), count).map(written);

describe("a cron expression", () => {
  it.each([
    ["0 7 * * *", ["2026-11-18T06:00", "2026-11-19T06:00", "2026-11-20T06:00"]],
    ["30 6 * * 1-5", ["2026-11-18T05:30", "2026-11-19T05:30", "2026-11-20T05:30"]],
    ["0 9 * JAN MON", ["2027-01-04T08:00", "2027-01-11T08:00", "2027-01-18T08:00"]],
    ["*/20 23-23 * * *", ["2026-11-18T22:00", "2026-11-18T22:20", "2026-11-18T22:40"]],
    ["10,40 5 8 * * *", ["2026-11-18T07:05:10", "2026-11-18T07:05:40", "2026-11-19T07:05:10"]],
    ["0 0 L * *", ["2026-11-29T23:00", "2026-12-30T23:00", "2027-01-30T23:00"]],
    ["0 0 15W * *", ["2026-12-14T23:00", "2027-01-14T23:00", "2027-02-14T23:00"]],
    ["0 0 * * 1#2", ["2026-12-13T23:00", "2027-01-10T23:00", "2027-02-07T23:00"]],
    ["0 0 * * 5L", ["2026-11-26T23:00", "2026-12-24T23:00", "2027-01-28T23:00"]],
    ["0 0 29 2 *", ["2028-02-28T23:00", "2032-02-28T23:00", "2036-02-28T23:00"]],
    ["@hourly", ["2026-11-18T00:00", "2026-11-18T01:00", "2026-11-18T02:00"]],
    ["@daily", ["2026-11-18T23:00", "2026-11-19T23:00", "2026-11-20T23:00"]],
    ["@weekly", ["2026-11-21T23:00", "2026-11-28T23:00", "2026-12-05T23:00"]],
    ["@monthly", ["2026-11-30T23:00", "2026-12-31T23:00", "2027-01-31T23:00"]],
    ["@yearly", ["2026-12-31T23:00", "2027-12-31T23:00", "2028-12-31T23:00"]],
  ])("names times by the clocks of its zone: %s", (text, times) => {
    expect(next(cron(text), "2026-11-17T23:30")).toEqual(times);
  });

  it("means either where both day of month and weekday are restricted", () => {
    expect(next(cron("0 0 13 * 5", "UTC"), "2026-10-01T00:00", 4)).toEqual([
      "2026-10-02T00:00",
      "2026-10-09T00:00",
      "2026-10-13T00:00",
      "2026-10-16T00:00",
    ]);
  });

  it("is strictly after, also of the time itself and of parts of a second", () => {
    const daily = cron("0 7 * * *", "UTC");
    const seven = utc("2026-11-18T07:00");

    expect(nextAfter(daily, seven - 1)).toBe(seven);
    expect(nextAfter(daily, seven)).toBe(seven + DAY);
    expect(nextAfter(daily, seven + 0.5)).toBe(seven + DAY);
  });

  it("has an end where its days have one", () => {
    expect(nextAfter(cron("0 0 31 2 *"), utc("2026-01-01T00:00"))).toBeUndefined();
  });
});

describe("a cron expression with a fixed hour, when clocks change (G20)", () => {
  it.each([
    ["Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]],
    ["America/New_York", "30 2 * * *", "2026-03-07T12:00", ["2026-03-08T07:00", "2026-03-09T06:30"]],
    ["Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", ["2026-10-03T15:30", "2026-10-04T15:15"]],
    ["America/Santiago", "0 0 * * *", "2026-09-05T12:00", ["2026-09-06T04:00", "2026-09-07T03:00"]],
    ["Pacific/Apia", "0 7 * * *", "2011-12-29T18:00", ["2011-12-30T10:00", "2011-12-30T17:00"]],
  ])("runs at the first instant after the gap that holds its time: %s", (zone, text, after, times) => {
    expect(next(cron(text, zone), after, 2)).toEqual(times);
  });

  it.each([
    ["Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]],
    ["America/New_York", "30 1 * * *", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]],
    ["Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00", ["2026-04-04T14:45", "2026-04-05T15:15"]],
    ["America/Santiago", "30 23 * * *", "2026-04-04T12:00", ["2026-04-05T02:30", "2026-04-06T03:30"]],
  ])("runs at the first of two passes: %s", (zone, text, after, times) => {
    expect(next(cron(text, zone), after, 2)).toEqual(times);
  });

  it("runs once for all its times in a gap, and not twice where a time of its own follows", () => {
    expect(next(cron("*/10 2,3 * * *"), "2026-03-29T00:59", 2)).toEqual([
      "2026-03-29T01:00",
      "2026-03-29T01:10",
    ]);
    expect(next(cron("15,45 2 * * *"), "2026-03-29T00:59", 2)).toEqual([
      "2026-03-29T01:00",
      "2026-03-30T00:15",
    ]);
  });

  it("is not called back when it is asked in the second pass", () => {
    expect(next(cron("30 2 * * *"), "2026-10-25T01:10", 1)).toEqual(["2026-10-26T01:30"]);
    expect(next(cron("0,30 2,3 * * *"), "2026-10-25T00:30", 2)).toEqual([
      "2026-10-25T02:00",
      "2026-10-25T02:30",
    ]);
  });
});

describe("a cron expression whose hour begins with an asterisk, when clocks change (G20)", () => {
  it.each([
    ["Europe/Berlin", "2026-10-24T23:45"],
    ["America/New_York", "2026-11-01T04:45"],
    ["America/Santiago", "2026-04-05T01:45"],
  ])("runs in both passes: %s", (zone, after) => {
    const times = nextRuns(cron("0 * * * *", zone), utc(after), 4);

    expect(times.map((at, index) => at - (times[index - 1] ?? at))).toEqual([0, HOUR, HOUR, HOUR]);
  });

  it("runs in both passes of half an hour", () => {
    expect(next(cron("45 * * * *", "Australia/Lord_Howe"), "2026-04-04T14:00")).toEqual([
      "2026-04-04T14:45",
      "2026-04-04T15:15",
      "2026-04-04T16:15",
    ]);
  });

  it("runs in the second pass of the only hour that it names, also at the end of its day", () => {
    expect(next(cron("30 */23 4 4 *", "America/Santiago"), "2026-04-05T02:00")).toEqual([
      "2026-04-05T02:30",
      "2026-04-05T03:30",
      "2027-04-04T04:30",
    ]);
  });

  it.each([
    ["Europe/Berlin", "30 */2 * * *", "2026-03-29T00:00", ["2026-03-29T02:30", "2026-03-29T04:30"]],
    ["America/New_York", "30 ? * * *", "2026-03-08T06:00", ["2026-03-08T06:30", "2026-03-08T07:30"]],
    ["Australia/Lord_Howe", "15 * * * *", "2026-10-03T14:00", ["2026-10-03T14:45", "2026-10-03T16:15"]],
    ["America/Santiago", "0 */12 * * *", "2026-09-05T17:00", ["2026-09-06T15:00", "2026-09-07T03:00"]],
  ])("does not run for what is skipped: %s", (zone, text, after, times) => {
    expect(next(cron(text, zone), after, 2)).toEqual(times);
  });
});

describe("an interval", () => {
  it("stays on its grid for ever, and its anchor is no time of it (G19)", () => {
    const timetable = interval(90 * MINUTE, utc("2026-03-28T23:10"));

    expect(next(timetable, "2026-03-01T00:00", 2)).toEqual(["2026-03-29T00:40", "2026-03-29T02:10"]);
    expect(next(timetable, "2026-03-29T02:10", 2)).toEqual(["2026-03-29T03:40", "2026-03-29T05:10"]);
    expect(next(timetable, "2036-03-29T02:11", 1)).toEqual(["2036-03-29T03:40"]);
  });
});

describe("once", () => {
  it("is one instant", () => {
    expect(next(once("2026-12-24T17:00"), "2026-12-24T16:59")).toEqual(["2026-12-24T17:00"]);
    expect(next(once("2026-12-24T17:00"), "2026-12-24T17:00")).toEqual([]);
  });
});

describe("the times within a range", () => {
  const range = { after: utc("2026-10-24T22:00"), upTo: utc("2026-10-25T22:00") };

  it("are counted, and the last of them named, oldest first", () => {
    const { count, last } = timesWithin(cron("0 * * * *"), range, 2);

    expect(count).toBe(24);
    expect(last.map(written)).toEqual(["2026-10-25T21:00", "2026-10-25T22:00"]);
  });

  it("are the first so many, where only so many exist", () => {
    const { count, last } = timesWithin(cron("0 * * * *"), { ...range, most: 3 }, 2);

    expect(count).toBe(3);
    expect(last.map(written)).toEqual(["2026-10-25T00:00", "2026-10-25T01:00"]);
    expect(timesWithin(cron("0 * * * *"), { ...range, most: 0 }, 2)).toEqual({ count: 0, last: [] });
  });

  it("are none in a range that is empty or ends before it begins", () => {
    const backwards = { after: range.upTo, upTo: range.after };

    for (const timetable of [cron("* * * * *"), interval(MINUTE, 0), once("2026-10-25T12:00")])
      expect(timesWithin(timetable, backwards, 5)).toEqual({ count: 0, last: [] });
  });

  it.each([
    { name: "minutes", timetable: cron("* * * * *"), every: MINUTE },
    { name: "ten seconds of cron", timetable: cron("*/10 * * * * *"), every: MINUTE / 6 },
    { name: "ten seconds of an interval", timetable: interval(MINUTE / 6, 0), every: MINUTE / 6 },
  ])("are counted in a moment: forty days of $name", ({ timetable, every }) => {
    const upTo = utc("2026-11-18T12:00");
    const forty = () => timesWithin(timetable, { after: upTo - 40 * DAY, upTo }, 2);

    expect(cpuMs(forty)).toBeLessThan(500);
    expect(forty()).toEqual({ count: (40 * DAY) / every, last: [upTo - every, upTo] });
  });
});

describe("the shortest gap", () => {
  it.each([
    [cron("* * * * *"), MINUTE],
    [cron("0,10 0 3 * * *"), 10_000],
    [cron("5,58 0,59 0,23 1,31 1,8,12 *"), 7_000],
    [cron("58,59 59 23 31 12 *"), 1_000],
    [cron("0 0 29 2 *"), 4 * 365 * DAY + DAY],
    [cron("0 0 31 2 *"), Infinity],
    [interval(90_000, 5), 90_000],
    [once("2026-12-24T17:00"), Infinity],
  ])("is that of two times in a row: %j", (timetable, gap) => {
    expect(shortestGapMs(timetable, utc("2026-11-18T12:00"))).toBe(gap);
  });

  it("does not depend on a change of the clocks to come", () => {
    const timetable = cron("5 0 2,3 * * *"); // on 29 March at 3:00:00 and 3:00:05

    expect(shortestGapMs(timetable, utc("2026-03-28T12:00"))).toBe(HOUR);
  });
});

describe("a schedule in words", () => {
  it.each([
    [cron("0 7 * * 1-5"), 'cron "0 7 * * 1-5" (Europe/Berlin)'],
    [interval(90 * MINUTE, 0), "every 1 h 30 min"],
    [once("2026-12-24T17:00"), "once, on Thursday, 24 December 2026 at 18:00 (Europe/Berlin)"],
  ])("says when it runs", (timetable, words) => {
    expect(describeSchedule(timetable)).toBe(words);
  });
});

/** Around each of these days the clocks change, but in the last two zones. */
const CHANGES = [
  ["Europe/Berlin", "2026-03-29"],
  ["Europe/Berlin", "2026-10-25"],
  ["America/New_York", "2026-03-08"],
  ["America/New_York", "2026-11-01"],
  ["Australia/Lord_Howe", "2026-04-05"],
  ["Australia/Lord_Howe", "2026-10-04"],
  ["America/Santiago", "2026-04-05"],
  ["America/Santiago", "2026-09-06"],
  ["Africa/Casablanca", "2025-02-23"],
  ["Africa/Casablanca", "2025-04-06"],
  ["Pacific/Apia", "2011-12-30"],
  ["Asia/Kathmandu", "2026-03-29"],
  ["UTC", "2026-03-01"],
] as const;

interface Minute {
  readonly at: number;
  /** What the clocks show, as if it were UTC. */
  readonly local: number;
}

interface Walk {
  readonly timezone: string;
  readonly minutes: readonly Minute[];
  /** From where on the walk is compared: what comes before it is only remembered. */
  readonly after: number;
  readonly upTo: number;
}

/** The rules once more, minute by minute over what Intl shows, with nothing of the code under test. */
const walks = CHANGES.map(([timezone, day]): Walk => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  const middle = utc(`${day}T00:00`);
  const minutes: Minute[] = [];
  for (let at = middle - 3 * DAY; at <= middle + 3 * DAY; at += MINUTE) {
    const [month = 0, date = 0, year = 0, hour = 0, minute = 0] = (format.format(at).match(/\d+/g) ?? []).map(
      Number,
    );
    minutes.push({ at, local: Date.UTC(year, month - 1, date, hour, minute) });
  }
  return { timezone, minutes, after: middle - 2 * DAY, upTo: middle + 3 * DAY };
});

function numbersOf(field: string, low: number, high: number): ReadonlySet<number> {
  const all = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  return new Set(
    field.split(",").flatMap((part) => {
      const [range = "", step = "1"] = part.split("/");
      const [from = low, to = from] = /^[*?]$/.test(range) ? [low, high] : range.split("-").map(Number);
      return all.filter((number) => number >= from && number <= to && (number - from) % Number(step) === 0);
    }),
  );
}

function matcher(text: string): (local: number) => boolean {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = text.split(" ");
  const minutes = numbersOf(minute, 0, 59);
  const hours = numbersOf(hour, 0, 23);
  const days = numbersOf(day, 1, 31);
  const months = numbersOf(month, 1, 12);
  const weekdays = numbersOf(weekday, 0, 6);
  return (local) => {
    const date = new Date(local);
    const [inDays, inWeekdays] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
    const either = day !== "*" && weekday !== "*" ? inDays || inWeekdays : inDays && inWeekdays;
    const month = months.has(date.getUTCMonth() + 1);
    return either && month && hours.has(date.getUTCHours()) && minutes.has(date.getUTCMinutes());
  };
}

function walked(text: string, { minutes, after, upTo }: Walk): number[] {
  const matches = matcher(text);
  const wildcard = /^[*?]/.test(text.split(" ")[1] ?? "");
  const seen = new Set<number>();
  const times: number[] = [];
  let last: Minute | undefined;
  for (const minute of minutes) {
    const runs = wildcard
      ? matches(minute.local)
      : (matches(minute.local) && !seen.has(minute.local)) || skippedBefore(minute, last).some(matches);
    if (runs && minute.at > after && minute.at <= upTo) times.push(minute.at);
    seen.add(minute.local);
    last = minute;
  }
  return times;
}

/** The local times between two minutes that follow each other. */
function skippedBefore(minute: Minute, last: Minute | undefined): number[] {
  const skipped: number[] = [];
  for (let local = (last ?? minute).local + MINUTE; local < minute.local; local += MINUTE)
    skipped.push(local);
  return skipped;
}

const minuteField = fc.oneof(
  fc.constantFrom("*", "*/7", "*/15", "0", "30", "15,45", "0-10", "50-59/3"),
  fc.integer({ min: 0, max: 59 }).map(String),
);
const hourField = fc.oneof(
  fc.constantFrom("*", "?", "*/2", "*/23", "2", "1", "3", "0", "23", "1-3", "0,2,23", "2-3", "0-23"),
  fc.integer({ min: 0, max: 23 }).map(String),
);
const dayField = fc.oneof(
  { weight: 3, arbitrary: fc.constant("*") },
  fc.constantFrom("1", "28-31", "5,6,25", "1-15"),
  fc.integer({ min: 1, max: 31 }).map(String),
);
const monthField = fc.oneof({ weight: 4, arbitrary: fc.constant("*") }, fc.constantFrom("3,10", "4-11", "2"));
const weekdayField = fc.oneof(
  { weight: 3, arbitrary: fc.constant("*") },
  fc.constantFrom("0", "6", "1-5", "0,6"),
);
const expression = fc
  .tuple(minuteField, hourField, dayField, monthField, weekdayField)
  .map((fields) => fields.join(" "));
const walk = fc.constantFrom(...walks);

/** Times in (after, upTo], by asking for one after the other. */
function asked(timetable: Timetable, after: number, upTo: number): number[] {
  const times: number[] = [];
  for (let at = nextAfter(timetable, after); at !== undefined && at <= upTo; at = nextAfter(timetable, at)) {
    if (at <= (times.at(-1) ?? after)) throw new Error(`${at} does not come after the one before`);
    times.push(at);
  }
  return times;
}

describe("any cron expression, where clocks change", () => {
  it("runs when a walk over the real clock says so, minute by minute", () => {
    fc.assert(
      fc.property(expression, walk, (text, walk) => {
        const times = asked(cron(text, walk.timezone), walk.after, walk.upTo);

        expect(times.map(written)).toEqual(walked(text, walk).map(written));
      }),
      { numRuns: 500 },
    );
  });

  it("is counted as it runs", () => {
    const part = fc.integer({ min: 0, max: 5 * 24 * 3_600 });
    fc.assert(
      fc.property(
        fc.tuple(expression, walk, part, part, fc.option(fc.nat(50), { nil: Infinity }), fc.nat(12)),
        ([text, { timezone, after }, one, other, most, keep]) => {
          const range = {
            after: after + Math.min(one, other) * 1_000,
            upTo: after + Math.max(one, other) * 1_000,
          };
          const times = asked(cron(text, timezone), range.after, range.upTo).slice(0, most);

          expect(timesWithin(cron(text, timezone), { ...range, most }, keep)).toEqual({
            count: times.length,
            last: keep === 0 ? [] : times.slice(-keep),
          });
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("any interval", () => {
  const every = fc.integer({ min: 1, max: 10 * DAY });
  const anchor = fc.integer({ min: utc("2020-01-01T00:00"), max: utc("2030-01-01T00:00") });

  it("is on its grid, at the first point after", () => {
    fc.assert(
      fc.property(every, anchor, anchor, (everyMs, anchor, after) => {
        const at = nextAfter(interval(everyMs, anchor), after) ?? Number.NaN;

        expect((at - anchor) % everyMs).toBe(0);
        expect(at).toBeGreaterThan(Math.max(after, anchor));
        expect(at - everyMs).toBeLessThanOrEqual(Math.max(after, anchor));
      }),
    );
  });

  it("is counted as it runs", () => {
    fc.assert(
      fc.property(
        fc.tuple(every, anchor, fc.integer({ min: -200, max: 200 }), fc.nat(200), fc.nat(250), fc.nat(12)),
        ([everyMs, anchor, from, length, most, keep]) => {
          const range = { after: anchor + from * everyMs + 1, upTo: anchor + (from + length) * everyMs };
          const times = asked(interval(everyMs, anchor), range.after, range.upTo).slice(0, most);

          expect(timesWithin(interval(everyMs, anchor), { ...range, most }, keep)).toEqual({
            count: times.length,
            last: keep === 0 ? [] : times.slice(-keep),
          });
        },
      ),
    );
  });
});
