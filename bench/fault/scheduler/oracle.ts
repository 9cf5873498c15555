/**
 * The oracle: which occurrences must exist (I5), said from the rules of schedules alone, without a line
 * of the scheduler's code or of its cron library.
 *
 * A cron expression is walked minute by minute over the clock on the wall of its zone, where a missing
 * hour and a doubled one can be seen (G20). What becomes of each time follows from when a host looked:
 * a story says from when to when one was up, by its own clock, however wrong that was (G17, G21).
 */
import type { Schedule, Task } from "../../../packages/host/src/core/task.ts";
import { type Pattern, readPattern } from "./cron.ts";
import { createWall, MINUTE_MS, type Wall } from "./wall.ts";

/** How a task is planned. */
export interface Plan {
  readonly schedule: Schedule;
  readonly timezone: string;
  readonly misfire: Task["misfire"];
  readonly endsAt?: number | undefined;
  readonly maxRuns?: number | undefined;
}

export interface PlannedTask {
  /** By the wall clock: its first time comes after that. */
  readonly createdAt: number;
  readonly plan: Plan;
  /** What took the place of the plan before, each as a stretch of the story began; undefined: it was paused. */
  readonly changes?: readonly { readonly stretch: number; readonly plan: Plan | undefined }[];
}

/**
 * A stretch of wall-clock time through which a host was up and its clock ran evenly: it looked first at
 * `from`, and last at `to`. Between two stretches no host was up, or the clock jumped.
 */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}
export type Story = readonly Stretch[];

export interface Expected {
  readonly scheduledFor: number;
  /** When it must have been made, by the wall clock. */
  readonly at: number;
  readonly outcome: "run" | "missed";
  readonly missed: number;
}

/** What the oracle goes by. The suite makes one of them wrong, to see that it would find that. */
export interface Rules {
  /** Whether a time at a fixed hour that comes twice counts twice. */
  readonly secondPassCounts: boolean;
  /** Where an interval starts again when a host comes up: nowhere, its grid stands for ever (G19). */
  readonly grid: "anchor" | "now";
  /** Added to each count of missed times that is not 0. */
  readonly missedTooMany: number;
}
export const RULES: Rules = { secondPassCounts: false, grid: "anchor", missedTooMany: 0 };

/** Later than that, a time is old (G17). */
const GRACE_MS = 60_000;
/** Longer ago than that, nothing is made up for. */
const WINDOW_MS = 24 * 60 * MINUTE_MS;
const MOST_CAUGHT_UP = 10;
/** A mark farther in the future was made by a wrong clock (G21). */
const WRONG_CLOCK_MS = 24 * 60 * MINUTE_MS;

export interface Oracle {
  /** Every occurrence that the task has once the story is over, by its time. */
  expected(task: PlannedTask, story: Story): Expected[];
  /** Every time of the plan after `after`, up to `upTo`, as if nothing ever went wrong. */
  timesOf(plan: Plan, after: number, upTo: number): number[];
  /** @param local such as `2026-03-29T02:30`, as the wall of the zone shows it */
  instantOf(local: string, timezone: string): number;
}

export function createOracle(rules: Rules = RULES): Oracle {
  const walls = new Map<string, Wall>();

  function wallOf(timezone: string): Wall {
    const wall = walls.get(timezone) ?? createWall(timezone);
    walls.set(timezone, wall);
    return wall;
  }

  function timesOf({ schedule, timezone, endsAt = Infinity }: Plan, after: number, end: number): number[] {
    const upTo = Math.min(end, endsAt);
    switch (schedule.kind) {
      case "once":
        return schedule.at > after && schedule.at <= upTo ? [schedule.at] : [];
      case "interval":
        return gridTimes(schedule, after, upTo);
      case "cron":
        return cronTimes(readPattern(schedule.cron), wallOf(timezone), rules, { after, upTo });
      default:
        return schedule satisfies never;
    }
  }

  function expected({ createdAt, plan: first, changes = [] }: PlannedTask, story: Story): Expected[] {
    const occurrences = new Map<number, Expected>();
    let plan: Plan | undefined = first;
    let mark = createdAt;
    let come = 0;
    let over = false;

    /** The times after the mark that exist. Each of them counts from now on; after the last the task is done. */
    function take(after: number, upTo: number): number[] {
      if (over || plan === undefined) return [];
      const left = (plan.maxRuns ?? Infinity) - come;
      const times = timesOf(plan, Math.max(mark, after), upTo).slice(0, Math.max(0, left));
      come += times.length;
      mark = times.at(-1) ?? mark;
      over = times.length > 0 && (times.length === left || !goesOn(plan, upTo));
      return times;
    }

    for (const [index, { from, to }] of story.entries()) {
      if (mark - from > WRONG_CLOCK_MS) mark = from;
      const change = changes.find(({ stretch }) => stretch === index);
      if (change) {
        plan = change.plan;
        mark = Math.max(mark, from);
        over = false;
      }
      if (plan === undefined) continue;
      if (rules.grid === "now") plan = anchoredAt(plan, from);
      const found = [
        ...judged(take(-Infinity, from), from, plan.misfire, rules),
        ...take(from, to).map((time) => run(time, time, 0)),
      ];
      for (const one of found) if (!occurrences.has(one.scheduledFor)) occurrences.set(one.scheduledFor, one);
    }
    return [...occurrences.values()].toSorted((a, b) => a.scheduledFor - b.scheduledFor);
  }

  /** Whether anything of the schedule is left after this. */
  function goesOn(plan: Plan, after: number): boolean {
    if (plan.schedule.kind === "once") return plan.schedule.at > after;
    return plan.endsAt === undefined || timesOf(plan, after, plan.endsAt).length > 0;
  }

  function instantOf(local: string, timezone: string): number {
    const wanted = Date.parse(`${local}Z`) / MINUTE_MS;
    const wall = wallOf(timezone);
    // No zone is a day and a half ahead of UTC; what is skipped comes at the first minute that is past it.
    let minute = wanted - 36 * 60;
    while (wall.at(minute) < wanted) minute += 1;
    return minute * MINUTE_MS;
  }

  return { expected, timesOf, instantOf };
}

function run(scheduledFor: number, at: number, missed: number): Expected {
  return { scheduledFor, at, outcome: "run", missed };
}

/** What becomes of the times that a host finds when it looks. */
function judged(times: readonly number[], now: number, misfire: Task["misfire"], rules: Rules): Expected[] {
  const old = times.filter((time) => now - time > GRACE_MS);
  const latest = old.at(-1);
  const onTime = times.slice(old.length).map((time) => run(time, now, 0));
  if (latest === undefined) return onTime;

  const told = (missed: number) => (missed === 0 ? 0 : missed + rules.missedTooMany);
  const lost: Expected = { scheduledFor: latest, at: now, outcome: "missed", missed: told(old.length) };
  switch (misfire) {
    case "skip":
      return [lost, ...onTime];
    case "fire_once": {
      const [first, ...rest] = onTime;
      if (first) return [{ ...first, missed: told(old.length) }, ...rest];
      return now - latest <= WINDOW_MS ? [run(latest, now, told(old.length - 1))] : [lost];
    }
    case "catch_up": {
      const recent = old.filter((time) => now - time <= WINDOW_MS).slice(-MOST_CAUGHT_UP);
      const [first, ...rest] = recent.map((time) => run(time, now, 0));
      if (!first) return [lost, ...onTime];
      return [{ ...first, missed: told(old.length - recent.length) }, ...rest, ...onTime];
    }
    default:
      return misfire satisfies never;
  }
}

function gridTimes(grid: { everyMs: number; anchor: number }, after: number, upTo: number): number[] {
  const { everyMs, anchor } = grid;
  const times: number[] = [];
  const first = Math.max(1, Math.floor((after - anchor) / everyMs) + 1);
  for (let time = anchor + first * everyMs; time <= upTo; time += everyMs) times.push(time);
  return times;
}

/** The mistake of starting an interval anew. */
function anchoredAt(plan: Plan, now: number): Plan {
  const { schedule } = plan;
  return schedule.kind === "interval" ? { ...plan, schedule: { ...schedule, anchor: now } } : plan;
}

/** So far back that a walk has seen every time on the wall that may come again: zones have skipped whole days. */
const RUN_UP_MINUTES = 26 * 60;

function cronTimes(
  pattern: Pattern,
  wall: Wall,
  rules: Rules,
  { after, upTo }: { after: number; upTo: number },
): number[] {
  const times: number[] = [];
  const begin = Math.floor(after / MINUTE_MS);
  let before = wall.at(begin - RUN_UP_MINUTES - 1);
  /** The latest time that the wall has ever shown. */
  let farthest = before;
  for (let minute = begin - RUN_UP_MINUTES; minute * MINUTE_MS <= upTo; minute += 1) {
    const now = wall.at(minute);
    const counts = now > farthest || pattern.wildcardHour || rules.secondPassCounts;
    const seconds = counts && pattern.matches(now) ? pattern.seconds : [];
    const made = !pattern.wildcardHour && anyMatches(pattern, before + 1, now) ? withZero(seconds) : seconds;
    for (const second of made) {
      const time = minute * MINUTE_MS + second * 1000;
      if (time > after && time <= upTo) times.push(time);
    }
    before = now;
    farthest = Math.max(farthest, now);
  }
  return times;
}

const withZero = (seconds: readonly number[]) => (seconds[0] === 0 ? seconds : [0, ...seconds]);

/** Whether it names one of the minutes that the wall never showed. */
function anyMatches(pattern: Pattern, from: number, to: number): boolean {
  for (let minute = from; minute < to; minute += 1) if (pattern.matches(minute)) return true;
  return false;
}
