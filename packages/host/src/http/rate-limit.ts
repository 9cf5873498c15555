/** How often something may go wrong: a sliding window over a bounded number of keys, in memory. */
import type { Clock } from "../core/clock.ts";

export interface RateLimit {
  /** Milliseconds until `key` may try again, 0 for now. */
  wait(key: string): number;
  /** Counts one failure of `key`. */
  failed(key: string): void;
}

export interface RateLimitOptions {
  readonly clock: Clock;
  readonly failures: number;
  readonly windowMs: number;
  /** Beyond so many keys the one that failed longest ago is forgotten. */
  readonly keys?: number;
}

export function createRateLimit({ clock, failures, windowMs, keys = 1000 }: RateLimitOptions): RateLimit {
  const failed = new Map<string, number[]>();

  function recent(key: string): number[] {
    const since = clock.monotonic() - windowMs;
    return (failed.get(key) ?? []).filter((at) => at > since);
  }

  return {
    wait(key) {
      const times = recent(key);
      const [oldest] = times;
      if (oldest === undefined || times.length < failures) return 0;
      return oldest + windowMs - clock.monotonic();
    },
    failed(key) {
      const times = [...recent(key), clock.monotonic()].slice(-failures);
      failed.delete(key); // set again below, so that the map stays in order of the last failure
      failed.set(key, times);
      const [stalest] = failed.keys();
      if (failed.size > keys && stalest !== undefined) failed.delete(stalest);
    },
  };
}
