/**
 * Lanes: work that is done one after the other for each key (a chat), and side by side for different ones.
 *
 * - Nothing polls: a lane is served when it is woken, and again when its alarm goes off. Woken while it is
 *   served, it is served once more after that, however often it was.
 * - What fails is logged, and served again after a breather.
 */
import type { Clock } from "./clock.ts";
import { atMost } from "./patience.ts";

/** A lane that is being served. */
export interface Lane {
  /** What it was woken for until now is being looked at: only what comes from here on serves it once more. */
  looks(): void;
  /** It was woken since it last looked. */
  readonly wokenAgain: boolean;
  /** It is to be served again after so many ms, unless it is woken before. */
  again(ms: number): void;
}

export interface LanesParts<Key> {
  readonly serve: (key: Key, lane: Lane) => Promise<void>;
  readonly failed: (error: unknown, key: Key) => void;
  readonly clock: Clock;
}

/** After a failure: of the database, mostly. */
const BREATHER_MS = 1_000;
/** Whoever does not end what it was told to end does not hold up our end. */
const CLOSE_MS = 2_000;

export function createLanes<Key>({ serve, failed, clock }: LanesParts<Key>) {
  const serving = new Map<Key, Promise<void>>();
  const woken = new Set<Key>();
  const alarms = new Map<Key, () => void>();
  let closed = false;

  function wake(key: Key): void {
    if (closed) return;
    alarms.get(key)?.();
    alarms.delete(key);
    if (serving.has(key)) {
      woken.add(key);
      return;
    }
    const served = serve(key, laneOf(key))
      .catch((error: unknown) => {
        failed(error, key);
        alarm(key, BREATHER_MS);
      })
      .finally(() => {
        serving.delete(key);
        if (woken.delete(key)) wake(key);
      });
    serving.set(key, served);
  }

  function alarm(key: Key, ms: number): void {
    if (closed) return;
    alarms.get(key)?.();
    alarms.set(
      key,
      clock.after(ms, () => wake(key)),
    );
  }

  function laneOf(key: Key): Lane {
    return {
      looks: () => void woken.delete(key),
      get wokenAgain() {
        return woken.has(key);
      },
      again: (ms) => alarm(key, ms),
    };
  }

  return {
    wake,

    /** Resolves when nothing is being served. */
    async settled(): Promise<void> {
      while (serving.size > 0) await Promise.all(serving.values());
    },

    /** Nothing is served any more. Resolves when what was being served has ended, or has taken too long. */
    async close(): Promise<void> {
      closed = true;
      for (const cancel of alarms.values()) cancel();
      alarms.clear();
      await atMost(clock, CLOSE_MS, Promise.all(serving.values()));
    },
  };
}
