/** Chance that can be repeated: the same seed gives the same numbers on every machine (mulberry32). */
export interface Chance {
  /** From 0 to below 1. */
  next(): number;
  between(from: number, to: number): number;
  /** Whether something with this probability happens. */
  happens(probability: number): boolean;
}

export function createChance(seed: number): Chance {
  let state = seed | 0;
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    next,
    between: (from, to) => from + next() * (to - from),
    happens: (probability) => next() < probability,
  };
}
