/**
 * How a turn is ended before its answer is: given back, because we are shutting down (G26), or stopped by
 * somebody, for good.
 *
 * - Whatever the turn waits for it waits for here, so that it looks up at once.
 * - Stop means stop: an engine that is at work is asked, and what it is still doing after `STOP_MS` is not
 *   waited for.
 */
import type { Clock } from "../core/clock.ts";
import type { EngineSession } from "./engine.ts";

/** What an engine may take to stop. Its own limit is shorter; this one is for an engine that hangs. */
const STOP_MS = 2_500;

export interface CutShort {
  readonly how: "released" | "stopped";
}

export interface Stopping {
  readonly state: "running" | "stopping" | "releasing";
  /** Why somebody stopped it, once somebody has. */
  readonly why: string | undefined;
  /** Once it is to end at once. */
  readonly cutShort: CutShort | undefined;
  /** Aborted when it is to end at once. */
  readonly signal: AbortSignal;
  /** What `work` comes to, unless the turn is to end before that. */
  or<T>(work: T | Promise<T>): Promise<T | CutShort>;
  /** The same, or undefined when `ms` have gone by. One at a time. */
  within<T>(ms: number, work: Promise<T>): Promise<T | CutShort | undefined>;
  release(): void;
  /** @param engine the one that is answering; without one the turn ends at once */
  stop(why: string, engine: EngineSession | undefined): void;
  /** The turn has ended: no engine is waited for any more. */
  over(): void;
}

/** @param onRefused told of an engine that could not be asked; it is not waited for */
export function createStopping(clock: Clock, onRefused: (error: unknown) => void): Stopping {
  const ending = Promise.withResolvers<CutShort>();
  const abort = new AbortController();
  let state: Stopping["state"] = "running";
  let why: string | undefined;
  let cutShort: CutShort | undefined;
  let onEnding = (): void => undefined;
  let cancelStop = (): void => undefined;

  function endNow(how: CutShort["how"]): void {
    cutShort = { how };
    abort.abort();
    ending.resolve(cutShort);
    onEnding();
  }

  return {
    get state() {
      return state;
    },
    get why() {
      return why;
    },
    get cutShort() {
      return cutShort;
    },
    signal: abort.signal,
    or: (work) => Promise.race([work, ending.promise]),
    async within<T>(ms: number, work: Promise<T>) {
      // Not by a race with one lasting promise, which would remember every event of a long turn.
      const first = Promise.withResolvers<T | CutShort | undefined>();
      onEnding = () => first.resolve(cutShort);
      if (cutShort) onEnding();
      const cancel = clock.after(Math.max(0, ms), () => first.resolve(undefined));
      work.then(first.resolve, first.reject);
      try {
        return await first.promise;
      } finally {
        cancel();
      }
    },
    release() {
      state = "releasing";
      endNow("released");
    },
    stop(because, engine) {
      if (state !== "running") return;
      state = "stopping";
      why = because;
      if (!engine) return endNow("stopped");
      cancelStop = clock.after(STOP_MS, () => endNow("stopped"));
      engine.interrupt().catch((error: unknown) => {
        onRefused(error);
        endNow("stopped");
      });
    },
    over: () => cancelStop(),
  };
}
