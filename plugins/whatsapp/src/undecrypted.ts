/**
 * Messages that came and could not be opened. Baileys asks their sender for them again by itself, and mostly they
 * come within seconds; where they do not, people are told that there was something.
 */

/** Calls back once after so many ms. @returns what calls it off */
export type After = (ms: number, call: () => void) => () => void;

export function createUndecrypted({ afterMs, after }: { readonly afterMs: number; readonly after: After }) {
  const waiting = new Map<string, () => void>();

  return {
    /** @param late it did not come */
    wait(id: string, late: () => void): void {
      if (waiting.has(id)) return;
      const stop = after(afterMs, () => {
        waiting.delete(id);
        late();
      });
      waiting.set(id, stop);
    },
    came(id: string): void {
      waiting.get(id)?.();
      waiting.delete(id);
    },
    stop(): void {
      for (const stop of waiting.values()) stop();
      waiting.clear();
    },
  };
}
