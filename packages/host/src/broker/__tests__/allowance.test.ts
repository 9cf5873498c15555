import { describe, expect, it } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { createDoorAllowance } from "../allowance.ts";

const MIB = 1024 * 1024;

describe("the allowance of a door", () => {
  it("holds 64 MiB at once, and more as requests end", () => {
    const allowance = createDoorAllowance(fakeClock());

    expect(allowance.take(32 * MIB)).toBe(true);
    expect(allowance.take(32 * MIB)).toBe(true);
    expect(allowance.take(1)).toBe(false);
    allowance.release(32 * MIB);
    expect(allowance.take(32 * MIB)).toBe(true);
  });

  it("runs out when much comes without a pause, and fills up with time", () => {
    const clock = fakeClock();
    const allowance = createDoorAllowance(clock);
    const send = (bytes: number) => {
      const taken = allowance.take(bytes);
      if (taken) allowance.release(bytes);
      return taken;
    };

    expect([1, 2, 3, 4, 5].map(() => send(32 * MIB))).toEqual([true, true, true, true, false]);
    clock.advance(1000);
    expect(send(8 * MIB)).toBe(true);
    expect(send(1)).toBe(false);
    clock.advance(3_600_000);
    expect([1, 2, 3, 4, 5].map(() => send(32 * MIB))).toEqual([true, true, true, true, false]);
  });
});
