/** How much of something is allowed, on the monotonic clock. */
import type { Clock } from "./clock.ts";

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Allowance {
  /** Takes `amount` if it is there and leaves at least `rest`. */
  take(amount?: number, rest?: number): boolean;
  /** Takes one that may not be there yet, in the order of asking. Returns how long until it is, ms. */
  book(): number;
  /** What was taken or booked was not needed. */
  giveBack(): void;
}

/** A token bucket: `burst` at once, refilled at `perSecond`. */
export function createAllowance(clock: Clock, { perSecond, burst }: Rate): Allowance {
  let left = burst;
  let at = clock.monotonic();

  function refill(): void {
    const now = clock.monotonic();
    left = Math.min(burst, left + ((now - at) / 1000) * perSecond);
    at = now;
  }

  return {
    take(amount = 1, rest = 0) {
      refill();
      if (left < amount + rest) return false;
      left -= amount;
      return true;
    },
    book() {
      refill();
      left -= 1;
      // Whole ms, so that the timer that waits for it finds it there.
      return left >= 0 ? 0 : Math.ceil((-left / perSecond) * 1000);
    },
    giveBack() {
      left = Math.min(burst, left + 1);
    },
  };
}

/** Exactly that: never more than `calls` in any `perMs`, for platforms that count so. */
export function createWindow(
  clock: Clock,
  { calls, perMs }: { readonly calls: number; readonly perMs: number },
): Allowance {
  /** When those go that were taken or booked: the last `calls` of them decide. */
  let times: number[] = [];

  function forget(): void {
    const over = clock.monotonic() - perMs;
    times = times.filter((time) => time > over);
  }

  return {
    take(amount = 1, rest = 0) {
      forget();
      if (times.length + amount + rest > calls) return false;
      times.push(...Array.from({ length: amount }, () => clock.monotonic()));
      return true;
    },
    book() {
      forget();
      const now = clock.monotonic();
      const before = times.at(-calls);
      const at = before === undefined ? now : Math.max(now, before + perMs);
      times.push(at);
      return Math.ceil(at - now);
    },
    giveBack: () => void times.pop(),
  };
}
