/**
 * How much of something is allowed: `burst` at once, refilled at `perSecond`. A token bucket, on the
 * monotonic clock.
 */
import type { Clock } from "./clock.ts";

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Allowance {
  /** Takes `amount` if it is there. */
  take(amount?: number): boolean;
}

export function createAllowance(clock: Clock, { perSecond, burst }: Rate): Allowance {
  let left = burst;
  let at = clock.monotonic();
  return {
    take(amount = 1) {
      const now = clock.monotonic();
      left = Math.min(burst, left + ((now - at) / 1000) * perSecond);
      at = now;
      if (left < amount) return false;
      left -= amount;
      return true;
    },
  };
}
