/**
 * What becomes of the times of a task that have come: which are run, which are only told, and when the
 * next one is (G17). Pure, so a week of outage is a line of a test.
 *
 * - Each time is judged by itself: up to a minute after it was due it is on time, later it is old.
 * - Every time that has come is dealt with exactly once: it is run, or it is counted, with a run or in the
 *   record of what was missed. So `times` is the sum of these.
 * - A time counts for `maxRuns` whatever became of it, and times after `endsAt` do not exist.
 */
import { nextAfter, timesWithin, type Timetable } from "./schedule.ts";
import type { Task } from "./task.ts";

/** So late may a time be looked at and still be on time. */
export const GRACE_MS = 60_000;
/** What is older is not made up for. */
export const WINDOW_MS = 24 * 3_600_000;
/** So many runs at most make up for what was missed; more would be a burst that nobody wants (F19). */
const MOST_CAUGHT_UP = 10;

type Limits = Pick<Task, "endsAt" | "maxRuns" | "fired">;

export interface Due extends Timetable, Limits {
  readonly misfire: Task["misfire"];
  /** The time that is due, and when with its jitter. */
  readonly nextAt: number;
  readonly dueAt: number;
}

interface Run {
  readonly scheduledFor: number;
  /** How many times are told with this run, because they had none. */
  readonly missed: number;
}

export interface Firing {
  readonly runs: readonly Run[];
  /** One record for those that are not run. */
  readonly missed: { readonly scheduledFor: number; readonly count: number } | undefined;
  /** How many times of the schedule are dealt with by this. */
  readonly times: number;
  /** The time after these; undefined: none is left. It may have come already. */
  readonly next: number | undefined;
  /** Its runs are a catch-up: they do not count against each other. */
  readonly catchUp: boolean;
}

/**
 * From where on a task is planned anew: never before its mark, the latest time that was dealt with, so that
 * nothing comes twice after a clock was set back. Only a mark that lies more than a day ahead was made by a
 * clock that was wrong, and counts no more (G21).
 */
export function planFrom(mark: number, now: number): number {
  return mark > now + WINDOW_MS ? now : Math.max(now, mark);
}

/** For a task whose next time has come: `now` is not before `dueAt`. */
export function planFiring(due: Due, now: number): Firing {
  if (now - due.dueAt <= GRACE_MS) return onTime(due);
  const old = oldTimes(due, now);
  const current = currentTimes(due, now, old.count);
  const times = old.count + current.length;
  const next = nextOf({ ...due, fired: due.fired + times }, now);
  return { ...judge(due, old, current), times, next };
}

/** The first time after `after` that its end and its count leave. */
export function nextOf(task: Timetable & Limits, after: number): number | undefined {
  if (task.maxRuns !== null && task.fired >= task.maxRuns) return undefined;
  const next = nextAfter(task, after);
  return next === undefined || next > (task.endsAt ?? Infinity) ? undefined : next;
}

function onTime(due: Due): Firing {
  const next = nextOf({ ...due, fired: due.fired + 1 }, due.nextAt);
  const runs = [{ scheduledFor: due.nextAt, missed: 0 }];
  return { runs, missed: undefined, times: 1, next, catchUp: false };
}

interface Old {
  readonly count: number;
  /** The latest of them. */
  readonly latest: number;
  /** The last ten of those that are in the window, oldest first. */
  readonly recent: readonly number[];
}

/** The due time and those after it. Only of the due one the jitter is known; the others count from their own time. */
function oldTimes(due: Due, now: number): Old {
  const { nextAt, dueAt } = due;
  const rest = timesOf(due, { after: nextAt, upTo: now - GRACE_MS - 1 }, 1, MOST_CAUGHT_UP);
  const times = [{ at: nextAt, due: dueAt }, ...rest.last.map((at) => ({ at, due: at }))];
  const recent = times.filter(({ due }) => now - due <= WINDOW_MS).map(({ at }) => at);
  return {
    count: 1 + rest.count,
    latest: rest.last.at(-1) ?? nextAt,
    recent: recent.slice(-MOST_CAUGHT_UP),
  };
}

function currentTimes(due: Due, now: number, old: number): readonly number[] {
  const after = Math.max(due.nextAt, now - GRACE_MS - 1);
  return timesOf(due, { after, upTo: now }, old, Infinity).last;
}

/** Times within a range that the task still has after `spent` of them. */
function timesOf(due: Due, range: { after: number; upTo: number }, spent: number, keep: number) {
  const most = due.maxRuns === null ? Infinity : Math.max(due.maxRuns - due.fired - spent, 0);
  const upTo = Math.min(range.upTo, due.endsAt ?? Infinity);
  return timesWithin(due, { after: range.after, upTo, most }, keep);
}

function judge(due: Due, old: Old, current: readonly number[]): Omit<Firing, "times" | "next"> {
  const { count, latest, recent } = old;
  const last = recent.at(-1);
  const asMissed = { scheduledFor: latest, count };
  switch (due.misfire) {
    case "skip":
      return { runs: runsOf(current, 0), missed: asMissed, catchUp: false };
    case "fire_once":
      if (current.length > 0) return { runs: runsOf(current, count), missed: undefined, catchUp: false };
      return last === undefined
        ? { runs: [], missed: asMissed, catchUp: false }
        : { runs: runsOf([last], count - 1), missed: undefined, catchUp: false };
    case "catch_up":
      return last === undefined
        ? { runs: runsOf(current, 0), missed: asMissed, catchUp: false }
        : { runs: runsOf([...recent, ...current], count - recent.length), missed: undefined, catchUp: true };
    default:
      return due.misfire satisfies never;
  }
}

/** The first run is told how many were missed. */
function runsOf(times: readonly number[], missed: number): readonly Run[] {
  return times.map((scheduledFor, index) => ({ scheduledFor, missed: index === 0 ? missed : 0 }));
}
