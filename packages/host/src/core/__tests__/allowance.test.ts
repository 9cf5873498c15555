import { describe, expect, it } from "vitest";
import { createWindow } from "../allowance.ts";
import { fakeClock } from "../testing.ts";

describe("so many calls in any so long", () => {
  it("are never more, whenever they are asked for", () => {
    const clock = fakeClock();
    const window = createWindow(clock, { calls: 2, perMs: 1_000 });

    const waits = [window.book(), window.book(), window.book()];
    clock.advance(400);
    const later = window.book();

    expect(waits).toEqual([0, 0, 1_000]);
    expect(later).toBe(600);
  });

  it("leaves what others may need, and takes back what was not needed", () => {
    const clock = fakeClock();
    const window = createWindow(clock, { calls: 4, perMs: 1_000 });

    const beside = [window.take(1, 2), window.take(1, 2), window.take(1, 2)];
    window.book();
    window.book();
    window.giveBack();

    expect(beside).toEqual([true, true, false]);
    expect(window.book()).toBe(0);
    expect(window.book()).toBe(1_000);
  });
});
