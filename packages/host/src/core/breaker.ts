/**
 * A breaker before a service that may be down (G24): who is refused by it need not ask.
 *
 * - It opens at 5 failures in a row, or when at least half of at least 10 calls within 60 s failed.
 * - After 30 s one call is let through as a probe; each that fails doubles the wait, to 10 min at most.
 *   A probe of which nothing is heard is given up after as long, and another one is let through.
 * - What is heard of calls that were let through before it opened changes nothing.
 */
import type { Clock } from "./clock.ts";

const FAILURES_IN_A_ROW = 5;
const FAILED_SHARE = 0.5;
const FEWEST_CALLS = 10;
const WINDOW_MS = 60_000;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 10 * 60_000;

export interface Breaker {
  /** `probing`: one call is under way that decides. */
  readonly state: "closed" | "open" | "probing";
  /** How long until a call may be let through, ms; 0 for at once. */
  readonly waitMs: number;
  /** The same by the wall clock, for people; undefined while it is closed. */
  readonly until: number | undefined;
  /** Whether a call may be made now. Tell what became of it, or that it was not made after all. */
  admit(): boolean;
  ok(): void;
  failed(): void;
  notMade(): void;
}

export function createBreaker(clock: Clock): Breaker {
  let state: Breaker["state"] = "closed";
  let calls: { at: number; failed: boolean }[] = [];
  let failuresInARow = 0;
  let patienceMs = FIRST_WAIT_MS;
  let admitsAt = 0;

  const waitMs = () => (state === "closed" ? 0 : Math.max(0, admitsAt - clock.monotonic()));

  function open(): void {
    state = "open";
    admitsAt = clock.monotonic() + patienceMs;
  }

  function close(): void {
    state = "closed";
    calls = [];
    failuresInARow = 0;
    patienceMs = FIRST_WAIT_MS;
  }

  function remember(failed: boolean): void {
    const now = clock.monotonic();
    calls.push({ at: now, failed });
    const first = calls.findIndex(({ at }) => at > now - WINDOW_MS);
    if (first > 0) calls = calls.slice(first);
    failuresInARow = failed ? failuresInARow + 1 : 0;
  }

  function isTooMuch(): boolean {
    if (failuresInARow >= FAILURES_IN_A_ROW) return true;
    const failures = calls.filter(({ failed }) => failed).length;
    return calls.length >= FEWEST_CALLS && failures >= calls.length * FAILED_SHARE;
  }

  return {
    get state() {
      return state;
    },
    get waitMs() {
      return waitMs();
    },
    get until() {
      return state === "closed" ? undefined : clock.now() + waitMs();
    },

    admit() {
      if (state === "closed") return true;
      if (waitMs() > 0) return false;
      state = "probing";
      admitsAt = clock.monotonic() + patienceMs;
      return true;
    },

    ok() {
      if (state === "closed") remember(false);
      else if (state === "probing") close();
    },

    failed() {
      if (state === "probing") {
        patienceMs = Math.min(LONGEST_WAIT_MS, patienceMs * 2);
        open();
      } else if (state === "closed") {
        remember(true);
        if (isTooMuch()) open();
      }
    },

    notMade() {
      if (state !== "probing") return;
      state = "open";
      admitsAt = clock.monotonic();
    },
  };
}
