/**
 * What a clock on the wall of a zone shows at each minute, by `Intl.DateTimeFormat` and nothing else:
 * the ground on which the oracle walks.
 *
 * Minutes are counted since 1970, real ones and those on the wall alike (as if the wall were UTC's), so
 * that a wall that is put forward or back shows as a step. A wall is asked once for each quarter of an
 * hour and remembered: no clock is changed in between, which a test looks at minute by minute.
 */
export interface Wall {
  /** @param minute a real one */
  at(minute: number): number;
}

export const MINUTE_MS = 60_000;
const QUARTER = 15;

export function createWall(timezone: string): Wall {
  const ask = wallByIntl(timezone);
  const ahead = new Map<number, number>();

  /** How far the wall is ahead of UTC. */
  function aheadIn(quarter: number): number {
    const known = ahead.get(quarter);
    if (known !== undefined) return known;
    const asked = ask(quarter * QUARTER) - quarter * QUARTER;
    ahead.set(quarter, asked);
    return asked;
  }

  return { at: (minute) => minute + aheadIn(Math.floor(minute / QUARTER)) };
}

/** What the wall shows at this very minute, asked each time. */
export function wallByIntl(timezone: string): (minute: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  return (minute) => {
    const [month, day, year, hour, part] = format
      .format(minute * MINUTE_MS)
      .split(/\D+/)
      .map(Number);
    return Date.UTC(year ?? NaN, (month ?? NaN) - 1, day, hour, part) / MINUTE_MS;
  };
}
