/** A clock for tests: time stands still until it is advanced. */
import type { Clock } from "./clock.ts";

export interface FakeClock extends Clock {
  /** Moves both clocks on and runs what became due, in order. */
  advance(ms: number): void;
}

export function fakeClock(start = Date.UTC(2026, 0, 1, 12)): FakeClock {
  let elapsed = 0;
  let timers: { due: number; callback: () => void }[] = [];
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after(ms, callback) {
      const timer = { due: elapsed + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        const next = timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
        if (!next) break;
        timers = timers.filter((timer) => timer !== next);
        elapsed = Math.max(elapsed, next.due);
        next.callback();
      }
      elapsed = end;
    },
  };
}
