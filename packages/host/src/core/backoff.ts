/** How long to wait before trying again: full jitter, base 1 s, cap 5 min (guarantees 1.6). */
export const BACKOFF_BASE_MS = 1_000;
export const BACKOFF_CAP_MS = 5 * 60_000;

/**
 * random(0, min(cap, base x 2^attempts)), ms.
 * @param random from 0 to below 1
 */
export function fullJitter(attempts: number, random: () => number): number {
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempts);
}
