/**
 * Time as an argument: no part reads the clock or sets a timer except through this.
 */
export interface Clock {
  /** Wall clock, ms since 1970. For rows and people, never for deadlines. */
  now(): number;
  /** Monotonic clock, ms. For deadlines and durations. */
  monotonic(): number;
  /**
   * Runs `callback` once after `ms`, or after 24 days if that is sooner: whoever waits for a date looks
   * again. The returned function cancels it.
   */
  after(ms: number, callback: () => void): () => void;
}

/** Node takes a longer timeout for no timeout at all, and a wait would become a busy loop. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_MS));
    return () => clearTimeout(timer);
  },
};
