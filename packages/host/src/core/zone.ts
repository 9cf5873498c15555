/**
 * A time zone as spans of time in which its clocks are one constant offset away from UTC.
 *
 * - Every instant lies in exactly one span, and a span knows the offset before it. Where that is smaller,
 *   local times are skipped at its start; where it is greater, local times come a second time; where it is
 *   the same, nothing happens: the span only begins there because time is looked at in blocks.
 * - A local time that is skipped means the first instant after the gap, and one that occurs twice means
 *   the first (G20).
 *
 * Intl answers only one question, what the clocks show at an instant, and takes microseconds for it. So a
 * block of time is probed once, when something in it is asked for, and its spans are kept.
 */
import { memo } from "./memo.ts";

/** From `from` up to, and without, `to`, in ms since 1970; local = UTC + offset. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  /** The offset until `from`. */
  readonly before: number;
}

const SECOND_MS = 1_000;
const DAY_MS = 24 * 3_600_000;
const BLOCK_MS = 365 * DAY_MS;
/** No zone has ever gone to another offset and come back within less than 3.9 days (Freetown, 1939). */
const STEP_MS = 3 * DAY_MS;
/** No clocks have ever been so far from UTC: Manila, before 1844, was 15:56 behind. */
const FARTHEST_MS = 16 * 3_600_000;

/** There are about 400 zones, and few homes know more than two; a zone is a formatter, some 50 KB. */
const MOST_ZONES = 100;
const MOST_BLOCKS = 50;

/** Takes a block's number, gives its spans in order. */
type Blocks = (block: number) => readonly Span[];

const blocksOf = memo<string, Blocks>(MOST_ZONES, (timezone) => {
  const offsetAt = offsets(timezone);
  return memo(MOST_BLOCKS, (block) => explore(offsetAt, block * BLOCK_MS));
});

export function spanAt(timezone: string, at: number): Span {
  const span = blocksOf(timezone)(Math.floor(at / BLOCK_MS)).find(({ to }) => at < to);
  if (!span) throw new RangeError(`${at} is no instant`);
  return span;
}

/**
 * The earliest instant at which the clocks there show `local`, a wall time written as if it were UTC. Of
 * one that they skip: the first instant after the gap.
 */
export function instantOf(timezone: string, local: number): number {
  for (let at = local - FARTHEST_MS; ;) {
    const span = spanAt(timezone, at);
    if (local < span.from + span.offset) return span.from;
    if (local < span.to + span.offset) return local - span.offset;
    at = span.to;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false; // the one way Intl has of saying so
  }
}

function explore(offsetAt: (at: number) => number, start: number): readonly Span[] {
  const end = start + BLOCK_MS;
  const spans: Span[] = [];
  let from = start;
  let before = offsetAt(start - SECOND_MS);
  let offset = offsetAt(start);
  for (let at = start; at < end;) {
    const next = Math.min(at + STEP_MS, end);
    const change = offsetAt(next) === offset ? next : changeBetween(offsetAt, at, next);
    at = change;
    if (change === end || offsetAt(change) === offset) continue;
    spans.push({ from, to: change, offset, before });
    [from, before, offset] = [change, offset, offsetAt(change)];
  }
  spans.push({ from, to: end, offset, before });
  return spans;
}

/** The first second with another offset than `low` has; `high` has another one. */
function changeBetween(offsetAt: (at: number) => number, low: number, high: number): number {
  const offset = offsetAt(low);
  let [same, other] = [low, high];
  while (other - same > SECOND_MS) {
    const middle = same + Math.floor((other - same) / 2 / SECOND_MS) * SECOND_MS;
    if (offsetAt(middle) === offset) same = middle;
    else other = middle;
  }
  return other;
}

function offsets(timezone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset" });
  return (at) => offsetIn(format.format(at));
}

/** Of `3/29/2026, GMT+02:00`. Seconds are shown where there are any; UTC may be a bare `GMT`. */
function offsetIn(text: string): number {
  const [, sign, hours, minutes, seconds = 0] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  const offset = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * SECOND_MS;
  return sign === "-" ? -offset : offset;
}
