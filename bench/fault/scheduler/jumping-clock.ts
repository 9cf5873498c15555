/**
 * A clock whose wall jumps while its timers run on, as a real machine's does. Time stands still until
 * it is run, and after each timer whoever was woken is waited for, so that nothing depends on how fast
 * the machine is.
 */
import type { Clock } from "../../../packages/host/src/core/clock.ts";

export interface JumpingClock extends Clock {
  /** The wall leaves the monotonic clock; nobody is told. */
  jump(ms: number): void;
  /** How long until the next timer is due. */
  untilNext(): number;
  /** Runs every timer that is due by then, in order. @param settle resolves when nobody is at work any more */
  run(ms: number, settle: () => Promise<void>): Promise<void>;
}

/** As the real one: whoever waits for a date looks again. */
const LONGEST_MS = 2 ** 31 - 1;

export function createJumpingClock(start: number): JumpingClock {
  let elapsed = 0;
  let ahead = start;
  const timers = new Set<{ readonly due: number; readonly callback: () => void }>();

  function nextBy(end: number) {
    let next: { readonly due: number; readonly callback: () => void } | undefined;
    for (const timer of timers) if (timer.due <= end && timer.due < (next?.due ?? Infinity)) next = timer;
    return next;
  }

  return {
    now: () => ahead + elapsed,
    monotonic: () => elapsed,
    after(ms, callback) {
      const timer = { due: elapsed + Math.min(Math.max(ms, 0), LONGEST_MS), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    jump(ms) {
      ahead += ms;
    },
    untilNext: () => (nextBy(Infinity)?.due ?? elapsed) - elapsed,
    async run(ms, settle) {
      const end = elapsed + ms;
      for (let next = nextBy(end); next; next = nextBy(end)) {
        timers.delete(next);
        elapsed = Math.max(elapsed, next.due);
        next.callback();
        await settle();
      }
      elapsed = end;
    },
  };
}
