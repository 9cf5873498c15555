/**
 * How often somebody may call, as platforms count it: at most `calls` in any `perMs`. Who calls too often is
 * told how long to wait, and each call before that time is refused too, and counts as early.
 */
import type { Rate } from "../../src/channel.ts";

export interface Rates {
  /**
   * A call that counts for each of these buckets; one that is refused counts for none.
   * @returns how long to wait, ms, if it comes too soon
   */
  take(buckets: Readonly<Record<string, Rate>>): number | undefined;
  /** Nobody may call for so long. */
  close(ms: number): void;
  /** How long everybody has to wait still. */
  closedFor(): number;
  /** All may call again. */
  open(): void;
}

/** @param now ms of a clock that does not go back */
export function createRates(now: () => number): Rates {
  const taken = new Map<string, number[]>();
  let closedUntil = 0;

  const closedFor = () => Math.max(0, closedUntil - now());
  return {
    closedFor,
    close(ms) {
      closedUntil = Math.max(closedUntil, now() + ms);
    },
    open() {
      closedUntil = 0;
      taken.clear();
    },
    take(buckets) {
      const at = now();
      let waitMs = 0;
      for (const [name, { calls, perMs }] of Object.entries(buckets)) {
        const recent = (taken.get(name) ?? []).filter((when) => when > at - perMs);
        taken.set(name, recent);
        const first = recent[recent.length - calls];
        if (first !== undefined) waitMs = Math.max(waitMs, first + perMs - at);
      }
      if (waitMs > 0) return waitMs;
      for (const name of Object.keys(buckets)) taken.get(name)?.push(at);
      return undefined;
    },
  };
}
