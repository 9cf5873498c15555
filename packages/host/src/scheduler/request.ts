/**
 * From what somebody asks for to the columns of a task: times are understood, bounds are kept, defaults
 * are filled in. Pure. Whatever does not hold is one RejectedError that says how to mend it.
 */
import { RejectedError } from "@bellhop/sdk";
import { given } from "../core/given.ts";
import { parseCron, shortestGapMs } from "../core/schedule.ts";
import type { NewTask, Schedule, Task, TaskChange } from "../core/task.ts";
import { durationInWords, parseDuration, parseInstant } from "../core/when.ts";
import { isTimeZone } from "../core/zone.ts";
import {
  microsOf,
  scheduleColumns,
  type NewTaskRow,
  type TaskPatch,
  type TaskRow,
  timetableOf,
} from "../store/tasks.ts";

export interface Bounds {
  /** Two times of a task are at least so far apart. */
  readonly shortestMs: number;
}

/** All columns of a task that its maker decides about. */
type Values = Omit<
  NewTaskRow,
  | "id"
  | "group_id"
  | "chat_id"
  | "state"
  | "note"
  | "next_at"
  | "due_at"
  | "last_at"
  | "zone_data"
  | "created_by"
  | "created_at"
  | "updated_at"
>;

interface Settled {
  readonly now: number;
  readonly bounds: Bounds;
}

const DEFAULT_RETRIES = 2;

/** @throws RejectedError */
export function valuesOf(task: NewTask, settled: Settled & { readonly timezone: string }): Values {
  const timezone = zone(task.timezone ?? settled.timezone);
  const schedule = scheduleOf(task, timezone, settled.now);
  if (!schedule) throw new RejectedError("Say when: one of cron, every, at.");
  const timetable = { schedule, timezone };
  checkPace(timetable, settled);
  const work = workOf(task);
  return {
    prompt: work.prompt,
    script: work.script,
    gate: task.gate ?? null,
    gate_failure: task.gateFailure ?? "notify",
    ...scheduleColumns(schedule),
    timezone,
    context: task.context ?? "isolated",
    model: task.model ?? null,
    effort: task.effort ?? null,
    announce: (task.announce ?? true) ? 1 : 0,
    misfire: task.misfire ?? (schedule.kind === "interval" ? "skip" : "fire_once"),
    overlap: task.overlap ?? "skip",
    retries: task.retries ?? DEFAULT_RETRIES,
    at_most_once: task.atMostOnce ? 1 : 0,
    ends_at: endOf(task.until, timezone, settled.now),
    max_runs: task.maxRuns ?? null,
    jitter_ms: jitterOf(task.jitter, timetable, settled.now),
    timeout_ms: timeoutOf(task.timeout),
    max_tokens: task.maxTokens ?? null,
    max_micros: budgetOf(task.maxUsd),
  };
}

/**
 * What of a task is to be changed; `replan` where its next time has to be found anew.
 * @throws RejectedError
 */
export function patchOf(
  row: TaskRow,
  change: TaskChange,
  settled: Settled,
): { readonly patch: TaskPatch; readonly replan: boolean } {
  const { now } = settled;
  const timezone = change.timezone === undefined ? row.timezone : zone(change.timezone);
  const before = timetableOf(row);
  const asked = scheduleOf(change, timezone, now);
  // The same interval once more leaves its grid where it is (G19).
  const kept =
    asked?.kind === "interval" &&
    before.schedule.kind === "interval" &&
    asked.everyMs === before.schedule.everyMs;
  const schedule = asked === undefined || kept ? before.schedule : asked;
  const timetable = { schedule, timezone };
  const moved = change.timezone !== undefined || asked !== undefined;
  if (moved) checkPace(timetable, settled);
  const work =
    change.prompt !== undefined || isGiven(change.script) ? workOf(withoutOther(change)) : undefined;
  const patch = given({
    ...(work ? { prompt: work.prompt, script: work.script } : change.script === null && { script: null }),
    gate: change.gate,
    gate_failure: change.gateFailure,
    ...(moved && { ...scheduleColumns(schedule), timezone }),
    context: change.context,
    model: change.model,
    effort: change.effort,
    announce: change.announce === undefined ? undefined : change.announce ? 1 : 0,
    misfire: change.misfire,
    overlap: change.overlap,
    retries: change.retries,
    at_most_once: change.atMostOnce === undefined ? undefined : change.atMostOnce ? 1 : 0,
    ends_at: change.until === undefined ? undefined : endOf(change.until, timezone, now),
    max_runs: change.maxRuns,
    // One that fitted may be too large for another schedule.
    jitter_ms:
      change.jitter === undefined && !moved
        ? undefined
        : jitterOf(change.jitter ?? row.jitter_ms, timetable, now),
    timeout_ms: change.timeout === undefined ? undefined : timeoutOf(change.timeout),
    max_tokens: change.maxTokens,
    max_micros: change.maxUsd === undefined ? undefined : budgetOf(change.maxUsd),
  });
  assertWhole({ ...row, ...patch });
  const replan =
    moved || change.until !== undefined || change.maxRuns !== undefined || change.jitter !== undefined;
  return { patch, replan };
}

function scheduleOf(
  { cron, every, at }: Pick<NewTask, "cron" | "every" | "at">,
  timezone: string,
  now: number,
): Schedule | undefined {
  const given = [cron, every, at].filter((one) => one !== undefined).length;
  if (given > 1) throw new RejectedError("A task has one schedule: give one of cron, every, at.");
  if (cron !== undefined) return { kind: "cron", cron: parseCron(cron) };
  if (every !== undefined) return { kind: "interval", everyMs: parseDuration(every), anchor: now };
  return at === undefined ? undefined : { kind: "once", at: parseInstant(at, { now, timezone }) };
}

function checkPace(
  timetable: Pick<Task, "schedule" | "timezone">,
  { now, bounds: { shortestMs } }: Settled,
): void {
  const gap = shortestGapMs(timetable, now);
  if (gap >= shortestMs) return;
  throw new RejectedError(
    `This would run every ${durationInWords(gap)}; a task may run every ${durationInWords(shortestMs)} at most. (The owner can allow less, down to 10 s: limits.taskIntervalSeconds in config.yaml.)`,
  );
}

/** A prompt or a script, never both. */
function workOf({ prompt, script, gate }: Pick<NewTask, "prompt" | "script" | "gate">): {
  prompt: string;
  script: string | null;
} {
  if (prompt !== undefined && isGiven(script))
    throw new RejectedError(
      "A task has a prompt or a script, not both: a script is the whole task, without any model.",
    );
  if (isGiven(script)) {
    if (isGiven(gate))
      throw new RejectedError(
        "A script needs no gate: what it prints is the message, and nothing means silence.",
      );
    return { prompt: "", script };
  }
  if (prompt === undefined) throw new RejectedError("Say what is to be done: a prompt, or a script.");
  return { prompt, script: null };
}

/** Of a change: who names a prompt means no script any more. */
function withoutOther({ prompt, script, gate }: TaskChange): Pick<NewTask, "prompt" | "script" | "gate"> {
  return {
    ...(prompt !== undefined && { prompt }),
    ...(isGiven(script) && { script }),
    ...(isGiven(gate) && { gate }),
  };
}

/** As it would be after a change. */
function assertWhole({ prompt, script, gate }: Pick<TaskRow, "prompt" | "script" | "gate">): void {
  if (script === null && prompt === "")
    throw new RejectedError("Nothing would be left to do: give a prompt.");
  if (script !== null && gate !== null)
    throw new RejectedError("A script needs no gate; take the gate away in the same change.");
}

function zone(name: string): string {
  if (isTimeZone(name)) return name;
  throw new RejectedError(`${JSON.stringify(name)} is not a time zone; write it as in Europe/Berlin.`);
}

function endOf(until: string | null | undefined, timezone: string, now: number): number | null {
  return isGiven(until) ? parseInstant(until, { now, timezone }) : null;
}

function timeoutOf(timeout: string | number | null | undefined): number | null {
  return isGiven(timeout) ? parseDuration(timeout) : null;
}

function budgetOf(usd: number | null | undefined): number | null {
  return isGiven(usd) ? Math.max(1, microsOf(usd)) : null;
}

/** Less than the time between two times, or they would change places. */
function jitterOf(
  jitter: string | number | undefined,
  timetable: Pick<Task, "schedule" | "timezone">,
  now: number,
): number {
  if (jitter === undefined || jitter === 0) return 0;
  const ms = parseDuration(jitter);
  const gap = shortestGapMs(timetable, now);
  if (ms < gap) return ms;
  throw new RejectedError(
    `The jitter (${durationInWords(ms)}) must be less than the time between two runs (${durationInWords(gap)}).`,
  );
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
