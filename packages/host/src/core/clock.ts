/**
 * Time as an argument: no part reads the clock or sets a timer except through this.
 */
export interface Clock {
  /** Wall clock, ms since 1970. For rows and people, never for deadlines. */
  now(): number;
  /** Monotonic clock, ms. For deadlines and durations. */
  monotonic(): number;
  /** Runs `callback` once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
