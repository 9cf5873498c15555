import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { watchClock } from "../clock-watch.ts";
import { fakeClock } from "../testing.ts";

describe("the system's clock", () => {
  it("does not take a date in two months for now", async () => {
    let fired = false;
    const cancel = systemClock.after(60 * 24 * 60 * 60_000, () => {
      fired = true;
    });

    await new Promise<void>((resolve) => systemClock.after(20, resolve));
    cancel();

    expect(fired).toBe(false);
  });
});

describe("watching the clock", () => {
  it.each([
    { by: 7 * 60 * 60_000, told: [7 * 60 * 60_000] },
    { by: -60 * 60_000, told: [-60 * 60_000] },
    { by: 2_000, told: [] },
  ])("tells a jump of $by ms once, and no drift", ({ by, told }) => {
    const clock = fakeClock();
    let off = 0;
    const jumps: number[] = [];
    const stop = watchClock({ ...clock, now: () => clock.now() + off }, (ms) => jumps.push(ms));

    clock.advance(60_000);
    off = by;
    clock.advance(60_000);
    stop();
    off = 0;
    clock.advance(60_000);

    expect(jumps).toEqual(told);
  });
});
