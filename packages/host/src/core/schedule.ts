/**
 * When a task is due: pure arithmetic, of a schedule, a time zone, and an instant.
 *
 * - An interval's times are anchor + k × every for k ≥ 1, for ever (G19).
 * - A cron expression speaks of the clocks of its zone (G20). If its hour begins with `*`, it runs
 *   whenever they show a time that it names: in both passes of a repeated hour, and not in a skipped one.
 *   Otherwise it means points of the day: of a time that comes twice the first counts, and for all its
 *   times in one gap it runs once, at the first instant after the gap.
 *
 * What an expression means by clocks that never change is cron.ts's part; what their changes do to it is
 * decided here, between the spans of the zone.
 */
import { matchesBetween, matchFrom, type Pattern, patternOf } from "./cron.ts";
import { localTimes } from "./prompt.ts";
import type { Task } from "./task.ts";
import { durationInWords } from "./when.ts";
import { type Span, spanAt } from "./zone.ts";

export { parseCron } from "./cron.ts";

export type Timetable = Pick<Task, "schedule" | "timezone">;

interface Range {
  /** Without this instant itself. */
  readonly after: number;
  /** With this instant. */
  readonly upTo: number;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** The first time after `after`; undefined: there is none. */
export function nextAfter({ schedule, timezone }: Timetable, after: number): number | undefined {
  switch (schedule.kind) {
    case "cron":
      return nextOfCron(patternOf(schedule.cron), timezone, after);
    case "interval":
      return schedule.anchor + (ticksUpTo(schedule, after) + 1) * schedule.everyMs;
    case "once":
      return schedule.at > after ? schedule.at : undefined;
    default:
      return schedule satisfies never;
  }
}

export function nextRuns(timetable: Timetable, after: number, count: number): number[] {
  const times: number[] = [];
  for (let next = nextAfter(timetable, after); next !== undefined && times.length < count;) {
    times.push(next);
    next = nextAfter(timetable, next);
  }
  return times;
}

/**
 * How many times there are in a range, at most the first `most` of them, and which are the last `keep` of
 * those, oldest first. They are counted by the day, not one by one: forty days of minutes take a moment.
 */
export function timesWithin(
  timetable: Timetable,
  { after, upTo, most = Infinity }: Range & { readonly most?: number },
  keep: number,
): { readonly count: number; readonly last: readonly number[] } {
  const all = countWithin(timetable, { after, upTo });
  const count = Math.min(all, most);
  const end = count === all ? upTo : instantOfNth(timetable, { after, upTo }, count);
  return { count, last: lastWithin(timetable, { after, upTo: end }, Math.min(count, keep)) };
}

function countWithin({ schedule, timezone }: Timetable, range: Range): number {
  const { after, upTo } = range;
  switch (schedule.kind) {
    case "cron":
      return countOfCron(patternOf(schedule.cron), timezone, range);
    case "interval":
      return Math.max(ticksUpTo(schedule, upTo) - ticksUpTo(schedule, after), 0);
    case "once":
      return after < schedule.at && schedule.at <= upTo ? 1 : 0;
    default:
      return schedule satisfies never;
  }
}

/** The earliest instant up to which there are `n` times; there are more in the range. */
function instantOfNth(timetable: Timetable, { after, upTo }: Range, n: number): number {
  let [few, enough] = [after, upTo];
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2);
    if (countWithin(timetable, { after, upTo: middle }) < n) few = middle;
    else enough = middle;
  }
  return enough;
}

/** The last `keep` times of a range that has so many. */
function lastWithin(timetable: Timetable, { after, upTo }: Range, keep: number): readonly number[] {
  if (keep === 0) return [];
  let from = upTo;
  for (let back = HOUR_MS; countWithin(timetable, { after: from, upTo }) < keep; back *= 4)
    from = Math.max(upTo - back, after);
  const times: number[] = [];
  for (let next = nextAfter(timetable, from); next !== undefined && next <= upTo;) {
    times.push(next);
    next = nextAfter(timetable, next);
  }
  return times.slice(-keep);
}

/** How many times of the grid have come by then. */
function ticksUpTo({ anchor, everyMs }: { anchor: number; everyMs: number }, at: number): number {
  return Math.max(Math.floor((at - anchor) / everyMs), 0);
}

/** So many that the turns of the hour, the day and the month are among them. */
const LOOKED_AT = 300;

/**
 * The shortest time between two runs. What a change of the clocks makes shorter, once a year, is left
 * out: whether an expression runs too often must not depend on the season in which it was written.
 */
export function shortestGapMs({ schedule, timezone }: Timetable, from: number): number {
  switch (schedule.kind) {
    case "cron":
      return shortestGapOf(patternOf(schedule.cron), from + spanAt(timezone, from).offset);
    case "interval":
      return schedule.everyMs;
    case "once":
      return Infinity;
    default:
      return schedule satisfies never;
  }
}

function shortestGapOf(pattern: Pattern, from: number): number {
  let shortest = Infinity;
  let last = matchFrom(pattern, secondAfter(from));
  for (let looked = 1; looked < LOOKED_AT && last < Infinity; looked += 1) {
    const next = matchFrom(pattern, last + SECOND_MS);
    shortest = Math.min(shortest, next - last);
    last = next;
  }
  return shortest;
}

/** For people: `cron "0 7 * * 1-5" (Europe/Berlin)`. */
export function describeSchedule({ schedule, timezone }: Timetable): string {
  switch (schedule.kind) {
    case "cron":
      return `cron ${JSON.stringify(schedule.cron)} (${timezone})`;
    case "interval":
      return `every ${durationInWords(schedule.everyMs)}`;
    case "once":
      return `once, on ${localTimes(timezone)(schedule.at)} (${timezone})`;
    default:
      return schedule satisfies never;
  }
}

function nextOfCron(pattern: Pattern, timezone: string, after: number): number | undefined {
  for (let at = secondAfter(after); ;) {
    const span = spanAt(timezone, at);
    if (at === span.from && runsForGap(pattern, span)) return at;
    const local = matchFrom(pattern, firstLocal(pattern, span, at));
    if (local === Infinity) return undefined;
    if (local < span.to + span.offset) return local - span.offset;
    at = span.to;
  }
}

function countOfCron(pattern: Pattern, timezone: string, { after, upTo }: Range): number {
  const end = secondAfter(upTo);
  let count = 0;
  for (let at = secondAfter(after); at < end;) {
    const span = spanAt(timezone, at);
    const from = firstLocal(pattern, span, at);
    if (at === span.from && runsForGap(pattern, span) && matchFrom(pattern, from) > from) count += 1;
    count += matchesBetween(pattern, from, Math.min(span.to, end) + span.offset);
    at = span.to;
  }
  return count;
}

/** Times of cron are whole seconds. */
function secondAfter(at: number): number {
  return (Math.floor(at / SECOND_MS) + 1) * SECOND_MS;
}

/** Whether a time that it names was skipped just before the span; at its start it runs for all of them. */
function runsForGap(pattern: Pattern, { from, before, offset }: Span): boolean {
  return !pattern.wildcardHour && before < offset && matchFrom(pattern, from + before) < from + offset;
}

/** The local time from which on its times count. Points of the day that came before do not come again. */
function firstLocal(pattern: Pattern, { from, before, offset }: Span, at: number): number {
  return pattern.wildcardHour ? at + offset : Math.max(at + offset, from + before);
}
