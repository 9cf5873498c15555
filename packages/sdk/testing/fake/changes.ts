/** Waiting for something to happen, without looking again and again. */
export interface Changes {
  /** Something has changed: wakes everybody who waits. */
  note(): void;
  /** Resolves with the next change. */
  changed(): Promise<void>;
  /**
   * Resolves with what `look` finds, now or after a change.
   * @param withinMs long enough for a machine that is busy with other things, and too short for a test to hang in
   * @throws it did not come within that time
   */
  until<T>(look: () => T | undefined, withinMs?: number): Promise<T>;
}

const PATIENCE_MS = 60_000;

export function createChanges(): Changes {
  let next = Promise.withResolvers<void>();

  const changed = () => next.promise;
  return {
    note() {
      const now = next;
      next = Promise.withResolvers();
      now.resolve();
    },
    changed,
    until: untilBy(changed),
  };
}

/** `until` of whatever tells of its next change. */
export function untilBy(changed: Changes["changed"]): Changes["until"] {
  return async function until(look, withinMs = PATIENCE_MS) {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`not within ${withinMs / 1_000} s: ${String(look)}`)),
      withinMs,
    );
    try {
      for (;;) {
        const change = changed(); // asked for before looking: nothing is missed in between
        const found = look();
        if (found !== undefined) return found;
        await Promise.race([change, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  };
}
