import { describe, expect, it } from "vitest";
import { stretchAt } from "../calendar.ts";

const HOUR = 3_600_000;

describe("a calendar day", () => {
  it("is as long as the clocks there make it", () => {
    const spring = stretchAt("Europe/Berlin", "day", Date.UTC(2026, 2, 29, 12));
    const autumn = stretchAt("Europe/Berlin", "day", Date.UTC(2026, 9, 25, 12));

    expect(spring).toMatchObject({ label: "2026-03-29", from: Date.UTC(2026, 2, 28, 23) });
    expect(spring.until - spring.from).toBe(23 * HOUR);
    expect(autumn.until - autumn.from).toBe(25 * HOUR);
  });

  it("is found again after another one was asked for", () => {
    const [one, two] = [Date.UTC(2026, 10, 26, 12), Date.UTC(2026, 10, 27, 12)];

    expect([one, two, one].map((at) => stretchAt("UTC", "day", at).label)).toEqual([
      "2026-11-26",
      "2026-11-27",
      "2026-11-26",
    ]);
  });
});

describe("a calendar month", () => {
  it("goes from its first day to that of the next, also over the year's end", () => {
    expect(stretchAt("America/New_York", "month", Date.UTC(2027, 0, 1, 2))).toEqual({
      label: "2026-12",
      from: Date.UTC(2026, 11, 1, 5),
      until: Date.UTC(2027, 0, 1, 5),
    });
  });
});
