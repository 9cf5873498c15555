/** How often a plugin may do something: so many at once, and as many again over a minute. In memory. */
import { TemporaryError } from "@bellhop/sdk";
import type { Clock } from "../../core/clock.ts";

const MINUTE_MS = 60_000;

export interface Rate {
  /** Counts one. @throws TemporaryError that says when there is room again */
  take(name: string): void;
}

export function createRate(clock: Clock, perMinute: number, what: string): Rate {
  const buckets = new Map<string, { left: number; at: number }>();
  const everyMs = MINUTE_MS / perMinute;

  return {
    take(name) {
      const now = clock.monotonic();
      const { left, at } = buckets.get(name) ?? { left: perMinute, at: now };
      const filled = Math.min(perMinute, left + (now - at) / everyMs);
      if (filled < 1)
        throw new TemporaryError(
          `${name} asked for more than ${perMinute} ${what} a minute; ask again later`,
          {
            retryAfterMs: Math.ceil(everyMs),
          },
        );
      buckets.set(name, { left: filled - 1, at: now });
    },
  };
}
