import { RejectedError } from "@bellhop/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationInWords, parseDuration, parseInstant } from "../when.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const utc = (text: string) => Date.parse(`${text}Z`);
const written = (at: number) => new Date(at).toISOString().replace(/(:00)?\.000Z$/, "");

describe("a duration", () => {
  it.each([
    ["500ms", 500],
    ["45s", 45 * SECOND],
    ["90m", 90 * MINUTE],
    ["1h30m", 90 * MINUTE],
    ["1h 30m", 90 * MINUTE],
    ["2d", 2 * DAY],
    ["1w", 7 * DAY],
    ["90 minutes", 90 * MINUTE],
    [" 2  Hours ", 2 * HOUR],
    ["1 day", DAY],
    ["1 hour and 30 minutes", 90 * MINUTE],
    ["2 days, 3 hrs", 2 * DAY + 3 * HOUR],
    ["1.5h", 90 * MINUTE],
    ["0.1h", 6 * MINUTE],
    [60_000, MINUTE],
  ])("is understood: %j", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    "",
    "90",
    "m",
    "h1",
    "1x",
    "1h1h",
    "5m1h",
    "1h and",
    "-5m",
    "1.0001s",
    "1 month",
    "soon",
    1.5,
    Number.NaN,
  ])("is refused where it is none, with what is right: %j", (text) => {
    expect(() => parseDuration(text)).toThrow(RejectedError);
    expect(() => parseDuration(text)).toThrow(/is no duration\. .* as in 45s, 90m, 1h30m/);
  });

  it.each([
    ["0s", /too short/],
    [0, /too short/],
    [-5, /too short/],
    ["3653d", /too long/],
    ["600w", /too long/],
  ])("is more than nothing and at most ten years: %j", (text, words) => {
    expect(() => parseDuration(text)).toThrow(words);
  });
});

describe("a duration in words", () => {
  it.each([
    [0, "0 s"],
    [500, "500 ms"],
    [45 * SECOND, "45 s"],
    [90 * SECOND, "1 min 30 s"],
    [90 * MINUTE, "1 h 30 min"],
    [2 * DAY, "2 d"],
    [7 * DAY + 1, "7 d 1 ms"],
  ])("says no more than is needed: %d", (ms, words) => {
    expect(durationInWords(ms)).toBe(words);
  });

  it("is exact: reading it gives the same again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_652 * DAY }), (ms) => {
        expect(parseDuration(durationInWords(ms))).toBe(ms);
      }),
    );
  });
});

/** A Wednesday, four in the afternoon. */
const berlin = { now: utc("2026-11-18T15:00"), timezone: "Europe/Berlin" };

describe("a time", () => {
  it.each([
    ["2026-12-24T18:00", "2026-12-24T17:00"],
    ["2026-12-24 18:00", "2026-12-24T17:00"],
    ["2026-12-24 18:00:30", "2026-12-24T17:00:30"],
    ["2026-12-24 at 6pm", "2026-12-24T17:00"],
    ["2026-12-24T18:00Z", "2026-12-24T18:00"],
    ["2026-12-24T18:00:00.000Z", "2026-12-24T18:00"],
    ["2026-12-24T18:00+05:30", "2026-12-24T12:30"],
    ["2026-12-24 18:00 -0500", "2026-12-24T23:00"],
    ["2028-02-29 12:00", "2028-02-29T11:00"],
  ])("is a date with a time, local or with an offset: %s", (text, at) => {
    expect(written(parseInstant(text, berlin))).toBe(at);
  });

  it.each([
    ["17:00", "2026-11-18T16:00"],
    ["16:00", "2026-11-19T15:00"],
    ["9:00", "2026-11-19T08:00"],
    ["17:00:30", "2026-11-18T16:00:30"],
    ["5pm", "2026-11-18T16:00"],
    ["5:30 pm", "2026-11-18T16:30"],
    ["12 AM", "2026-11-18T23:00"],
    ["12pm", "2026-11-19T11:00"],
    ["at 17:00", "2026-11-18T16:00"],
  ])("is the next such time of day: %s", (text, at) => {
    expect(written(parseInstant(text, berlin))).toBe(at);
  });

  it.each([
    ["today 17:00", "2026-11-18T16:00"],
    ["Tomorrow at 9:00", "2026-11-19T08:00"],
    ["tomorrow 9am", "2026-11-19T08:00"],
    ["friday 17:00", "2026-11-20T16:00"],
    ["fri 17:00", "2026-11-20T16:00"],
    ["tuesday 17:00", "2026-11-24T16:00"],
    ["wednesday 17:00", "2026-11-18T16:00"],
    ["wednesday 9:00", "2026-11-25T08:00"],
    ["next wednesday 17:00", "2026-11-25T16:00"],
    ["next friday at 17:00", "2026-11-20T16:00"],
    ["NEXT  Monday 5 PM", "2026-11-23T16:00"],
  ])("is the next such day with a time: %s", (text, at) => {
    expect(written(parseInstant(text, berlin))).toBe(at);
  });

  it.each([
    ["+90s", "2026-11-18T15:01:30"],
    ["+ 2h", "2026-11-18T17:00"],
    ["in 10 minutes", "2026-11-18T15:10"],
    ["In 1h30m", "2026-11-18T16:30"],
    ["in 1 day", "2026-11-19T15:00"],
  ])("is a while from now: %s", (text, at) => {
    expect(written(parseInstant(text, berlin))).toBe(at);
  });

  it.each([
    ["2026-03-29 02:30", "2026-03-28T12:00", "2026-03-29T01:00"],
    ["tomorrow 2:30", "2026-03-28T12:00", "2026-03-29T01:00"],
    ["2026-10-25 02:30", "2026-10-24T12:00", "2026-10-25T00:30"],
    ["2:30", "2026-10-25T01:00", "2026-10-26T01:30"],
    ["tomorrow 12:00", "2026-10-24T22:30", "2026-10-26T11:00"],
  ])("goes by the clocks, also where they change: %s (G20)", (text, now, at) => {
    expect(written(parseInstant(text, { now: utc(now), timezone: "Europe/Berlin" }))).toBe(at);
  });

  it("goes by the day there, not by that of UTC", () => {
    const auckland = { now: utc("2026-11-18T15:00"), timezone: "Pacific/Auckland" };

    expect(written(parseInstant("tomorrow 9:00", auckland))).toBe("2026-11-19T20:00");
    expect(written(parseInstant("thursday 9:00", auckland))).toBe("2026-11-18T20:00");
  });

  it.each([
    [
      "today 9:00",
      /is Wednesday, 18 November 2026 at 09:00 \(Europe\/Berlin\), and that is not in the future/,
    ],
    ["2025-01-01T00:00Z", /is Wednesday, 1 January 2025 at 01:00 \(Europe\/Berlin\)/],
    ["today 16:00", /at 16:00 \(Europe\/Berlin\), and that is not in the future/],
  ])("is refused where it has passed, with what it was taken for: %s", (text, words) => {
    expect(() => parseInstant(text, berlin)).toThrow(RejectedError);
    expect(() => parseInstant(text, berlin)).toThrow(words);
  });

  it.each(["2026-12-24", "tomorrow", "friday", "next fri"])("is refused without a time: %s", (text) => {
    expect(() => parseInstant(text, berlin)).toThrow(RejectedError);
    expect(() => parseInstant(text, berlin)).toThrow(
      `is a day without a time. Say when on that day, as in "${text} 9:00".`,
    );
  });

  it.each(["2027-02-31 10:00", "2027-02-29 10:00", "2026-13-01 10:00", "2027-02-31", "2026-11-31T10:00Z"])(
    "is refused on a day that does not exist: %s",
    (text) => {
      expect(() => parseInstant(text, berlin)).toThrow(RejectedError);
      expect(() => parseInstant(text, berlin)).toThrow(/There is no day 202/);
    },
  );

  it.each([
    "",
    "soon",
    "25:00",
    "12:60",
    "10:00:60",
    "13pm",
    "0am",
    "17:00 pm",
    "at 5",
    "5",
    "17:00Z",
    "someday 9:00",
    "t17:00",
    "2026-12-24T24:00",
    "2026-12-24T18:00+99:00",
    "friday 9:00+01:00",
    "9:00 friday",
    "24.12.2026 18:00",
  ])("is refused where it cannot be read, with what can: %j", (text) => {
    expect(() => parseInstant(text, berlin)).toThrow(RejectedError);
    expect(() => parseInstant(text, berlin)).toThrow(
      /is no time that can be read\. .*2026-12-24T18:00.*in 10 minutes/,
    );
  });

  it("says what is wrong with a duration", () => {
    expect(() => parseInstant("in a while", berlin)).toThrow('"a while" is no duration');
    expect(() => parseInstant("+0s", berlin)).toThrow("too short");
  });

  it("lies in the future, or is refused, whatever is written", () => {
    const word = fc.constantFrom(
      ..."today tomorrow next friday at in + - t : z am pm 17:00 9 2026-12-24 10 min 1h".split(" "),
    );
    const text = fc.oneof(
      fc.array(word, { maxLength: 6 }).map((words) => words.join(" ")),
      fc.string({ maxLength: 30 }),
    );

    fc.assert(
      fc.property(text, (text) => {
        expect(understood(text)).toBeGreaterThan(berlin.now);
      }),
      { numRuns: 500 },
    );
  });
});

/** What is refused counts as some time to come. */
function understood(text: string): number {
  try {
    return parseInstant(text, berlin);
  } catch (error) {
    if (error instanceof RejectedError) return Infinity;
    throw error;
  }
}
