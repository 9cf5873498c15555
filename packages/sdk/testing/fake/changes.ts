/** Waiting for something to happen, without looking again and again. */
export interface Changes {
  /** Something has changed: wakes everybody who waits. */
  note(): void;
  /** Resolves with the next change. */
  changed(): Promise<void>;
  /** Resolves with what `look` finds, now or after a change. */
  until<T>(look: () => T | undefined): Promise<T>;
}

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
    async until(look) {
      for (;;) {
        const change = changed(); // asked for before looking: nothing is missed in between
        const found = look();
        if (found !== undefined) return found;
        await change;
      }
    },
  };
}
