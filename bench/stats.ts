/** What a list of measurements says: the middle, the tail and the spread. */

export interface Summary {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** Half of the distance between the quartiles: how far a typical sample lies from the median. */
  readonly spread: number;
}

/** Nearest rank: a value that was measured, never one in between. @throws RangeError for an empty list */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new RangeError("there is nothing to take a percentile of");
  return found;
}

/** @throws RangeError for an empty list */
export function summarise(samples: readonly number[]): Summary {
  return {
    n: samples.length,
    min: percentile(samples, 0),
    p50: percentile(samples, 0.5),
    p95: percentile(samples, 0.95),
    max: percentile(samples, 1),
    spread: (percentile(samples, 0.75) - percentile(samples, 0.25)) / 2,
  };
}

/** What `--json` shows of a summary, ms to a hundredth. */
export function brief({ p50, p95, max }: Summary): { p50: number; p95: number; max: number } {
  return { p50: rounded(p50), p95: rounded(p95), max: rounded(max) };
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
