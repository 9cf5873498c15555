/** Waiting with an end, on the clock that one is given. */
import type { Clock } from "./clock.ts";

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** Resolves with the first of these, or after `ms`. Rejects as they do. */
export async function atMost(clock: Clock, ms: number, ...work: Promise<unknown>[]): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.after(ms, late.resolve);
  try {
    await Promise.race([...work, late.promise]);
  } finally {
    cancel();
  }
}
