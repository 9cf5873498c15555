import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantOf, isTimeZone, spanAt } from "../zone.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const utc = (text: string) => Date.parse(`${text}Z`);

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks show, field by field, as if it were UTC. */
function shown(timezone: string, at: number): number {
  const format =
    formats.get(timezone) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone: timezone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  formats.set(timezone, format);
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

const zone = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
const instant = fc.integer({ min: utc("1950-01-01T00:00") / 1_000, max: utc("2060-01-01T00:00") / 1_000 });

describe("the span of a zone", () => {
  it.each([
    { timezone: "Europe/Berlin", at: "2026-03-29T01:00", before: 60, after: 120 },
    { timezone: "Europe/Berlin", at: "2026-10-25T01:00", before: 120, after: 60 },
    { timezone: "America/New_York", at: "2026-03-08T07:00", before: -300, after: -240 },
    { timezone: "America/New_York", at: "2026-11-01T06:00", before: -240, after: -300 },
    { timezone: "Australia/Lord_Howe", at: "2026-04-04T15:00", before: 660, after: 630 },
    { timezone: "Australia/Lord_Howe", at: "2026-10-03T15:30", before: 630, after: 660 },
    { timezone: "America/Santiago", at: "2026-04-05T03:00", before: -180, after: -240 },
    { timezone: "America/Santiago", at: "2026-09-06T04:00", before: -240, after: -180 },
    { timezone: "Africa/Casablanca", at: "2025-02-23T02:00", before: 60, after: 0 },
    { timezone: "Africa/Casablanca", at: "2025-04-06T02:00", before: 0, after: 60 },
    { timezone: "Pacific/Apia", at: "2011-12-30T10:00", before: -600, after: 840 },
    { timezone: "America/Recife", at: "2000-10-08T03:00", before: -180, after: -120 },
    { timezone: "America/Recife", at: "2000-10-15T02:00", before: -120, after: -180 },
    { timezone: "Africa/Monrovia", at: "1972-01-07T00:44:30", before: -44.5, after: 0 },
  ])("begins to the second where the clocks change: $timezone, $at", ({ timezone, at, before, after }) => {
    const change = utc(at);

    expect(spanAt(timezone, change)).toMatchObject({
      from: change,
      offset: after * MINUTE,
      before: before * MINUTE,
    });
    expect(spanAt(timezone, change - 1)).toMatchObject({ to: change, offset: before * MINUTE });
  });

  it.each([
    ["UTC", 0],
    ["Asia/Kathmandu", 345],
    ["America/Bogota", -300],
    ["+05:30", 330],
  ])("has the same offset before it where clocks never change: %s", (timezone, minutes) => {
    for (let at = utc("2020-01-01T00:00"); at < utc("2030-01-01T00:00");) {
      const span = spanAt(timezone, at);
      expect(span).toMatchObject({ offset: minutes * MINUTE, before: minutes * MINUTE });
      at = span.to;
    }
  });

  it("says what the clocks show, in every zone and at any time", () => {
    fc.assert(
      fc.property(zone, instant, (timezone, second) => {
        const at = second * SECOND;
        const span = spanAt(timezone, at);

        expect(at + span.offset).toBe(shown(timezone, at));
        expect(span.from <= at && at < span.to).toBe(true);
        expect(spanAt(timezone, span.to)).toMatchObject({ from: span.to, before: span.offset });
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuses what is no instant", () => {
    expect(() => spanAt("UTC", Number.NaN)).toThrow(RangeError);
  });
});

describe("the instant of a local time", () => {
  it.each([
    { timezone: "Europe/Berlin", local: "2026-11-22T18:00", is: "2026-11-22T17:00" },
    { timezone: "Europe/Berlin", local: "2026-03-29T02:30", is: "2026-03-29T01:00" },
    { timezone: "Europe/Berlin", local: "2026-03-29T03:00", is: "2026-03-29T01:00" },
    { timezone: "Europe/Berlin", local: "2026-10-25T02:30", is: "2026-10-25T00:30" },
    { timezone: "Europe/Berlin", local: "2026-10-25T03:00", is: "2026-10-25T02:00" },
    { timezone: "America/New_York", local: "2026-03-08T02:00", is: "2026-03-08T07:00" },
    { timezone: "America/New_York", local: "2026-11-01T01:59:59", is: "2026-11-01T05:59:59" },
    { timezone: "Australia/Lord_Howe", local: "2026-10-04T02:10", is: "2026-10-03T15:30" },
    { timezone: "Australia/Lord_Howe", local: "2026-04-05T01:45", is: "2026-04-04T14:45" },
    { timezone: "America/Santiago", local: "2026-09-06T00:00", is: "2026-09-06T04:00" },
    { timezone: "America/Santiago", local: "2026-04-04T23:30", is: "2026-04-05T02:30" },
    { timezone: "Pacific/Apia", local: "2011-12-30T12:00", is: "2011-12-30T10:00" },
  ])("is the first one, or the first after a gap: $timezone, $local", ({ timezone, local, is }) => {
    expect(new Date(instantOf(timezone, utc(local)))).toEqual(new Date(utc(is)));
  });

  it("is the earliest at which clocks show it, in every zone", () => {
    fc.assert(
      fc.property(zone, instant, (timezone, second) => {
        const local = second * SECOND;
        const at = instantOf(timezone, local);

        const skipped = shown(timezone, at) > local && shown(timezone, at - SECOND) < local;
        expect(skipped || shown(timezone, at) === local).toBe(true);
        for (let earlier = local - 16 * HOUR; earlier < at; earlier += 15 * MINUTE)
          expect(shown(timezone, earlier)).not.toBe(local);
      }),
    );
  });

  it("leads back from every instant of a day on which clocks change", () => {
    const start = utc("2026-10-24T12:00");

    for (let at = start; at < start + DAY; at += 15 * MINUTE) {
      const first = instantOf("Europe/Berlin", at + spanAt("Europe/Berlin", at).offset);
      expect(shown("Europe/Berlin", first)).toBe(shown("Europe/Berlin", at));
      expect(at - first === 0 || at - first === HOUR).toBe(true);
    }
  });
});

describe("a time zone's name", () => {
  it("is one that the system knows", () => {
    expect(["Europe/Berlin", "UTC", "Mars/Olympus", ""].map(isTimeZone)).toEqual([true, true, false, false]);
  });
});
