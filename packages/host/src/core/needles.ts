/**
 * Many strings looked for at once: a text is gone over a single time, however many there are (Aho and
 * Corasick, 1975). White space and characters without a width count for nothing, neither in the strings
 * nor in the text, so that a string broken over lines is found too.
 */

export interface Needles {
  /** The state after one more UTF-16 unit. States are numbers; 0 is that of nothing begun. */
  step(state: number, unit: number): number;
  /** How many of the last units may be the beginning of a needle. */
  depth(state: number): number;
  /** Length of the longest needle that ends here; 0: none does. */
  found(state: number): number;
}

const UNITS = 0x1_0000;

/** Whether a unit counts for nothing: blanks, line ends, soft hyphens, zero-width characters. */
export function isBlank(unit: number): boolean {
  if (unit <= 0x20) return true;
  if (unit < 0x7f) return false;
  return (
    unit <= 0xa0 ||
    unit === 0xad ||
    (unit >= 0x2000 && unit <= 0x200f) ||
    (unit >= 0x2028 && unit <= 0x202f) ||
    (unit >= 0x205f && unit <= 0x2064) ||
    unit === 0x3000 ||
    unit === 0xfeff
  );
}

export function createNeedles(words: Iterable<string>): Needles {
  const edges = new Map<number, number>();
  const depths = [0];
  const lengths = [0];
  const fallbacks = [0];
  for (const word of words) plant(word);
  link();

  function plant(word: string): void {
    let state = 0;
    let length = 0;
    for (let at = 0; at < word.length; at += 1) {
      const unit = word.charCodeAt(at);
      if (isBlank(unit)) continue;
      length += 1;
      const edge = state * UNITS + unit;
      state = edges.get(edge) ?? depths.push(length) - 1;
      edges.set(edge, state);
    }
    if (length > 0) lengths[state] = length;
  }

  /** Where to go on when a beginning turns out to be none: at the longest beginning within it. By depth. */
  function link(): void {
    const sorted = [...edges].sort(([, a], [, b]) => (depths[a] ?? 0) - (depths[b] ?? 0));
    for (const [edge, state] of sorted) {
      const parent = Math.floor(edge / UNITS);
      const fallback = parent === 0 ? 0 : step(fallbacks[parent] ?? 0, edge % UNITS);
      fallbacks[state] = fallback;
      lengths[state] = lengths[state] || lengths[fallback] || 0;
    }
  }

  function step(from: number, unit: number): number {
    for (let state = from; ; state = fallbacks[state] ?? 0) {
      const next = edges.get(state * UNITS + unit);
      if (next !== undefined) return next;
      if (state === 0) return 0;
    }
  }

  return { step, depth: (state) => depths[state] ?? 0, found: (state) => lengths[state] ?? 0 };
}
