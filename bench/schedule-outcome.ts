/**
 * What became of the times of the tasks, judged from outside: what was wanted against the occurrences and
 * the answers that are there at the end. Pure.
 */
import type { OccurrenceState, TaskId } from "../packages/host/src/core/task.ts";
import type { SessionId } from "../packages/host/src/core/ids.ts";
import type { Wanted } from "./schedule-tasks.ts";
import { percentile } from "./stats.ts";

export interface Run {
  readonly task: TaskId;
  readonly session: SessionId | null;
  readonly state: OccurrenceState;
  readonly dueAt: number;
  /** When it was fired, by its row. */
  readonly createdAt: number;
  /** When its turn was claimed. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface Tail {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface Outcome {
  readonly due: number;
  /** Occurrences. */
  readonly fired: number;
  /** Occurrences beyond the first of a task's time, and answers beyond the first of a task. */
  readonly doubled: number;
  /** Tasks whose answer does not stand in their chat. */
  readonly unanswered: number;
  /** From due to begun, of those that had a free slot. */
  readonly lateMs: Tail;
  /** From due to fired, of all. */
  readonly firedLateMs: Tail;
  /** From when the last one came due until all were fired, had begun, had ended. */
  readonly allFiredMs: number;
  readonly allRunMs: number;
  readonly allDoneMs: number;
  /** From the first that came due to the last that ended. Where fewer than this come due, sandboxes stand idle. */
  readonly runsPerSecond: number;
}

/** @param said the texts of all answers, as the chats show them */
export function judgeRuns(
  wanted: readonly Wanted[],
  runs: readonly Run[],
  said: readonly { readonly chat: string; readonly text: string }[],
): Outcome {
  const answers = counts(said.map(({ chat, text }) => `${chat} ${text}`));
  const answersOf = ({ chat, prompt }: Wanted) => answers.get(`${chat} ${prompt}`) ?? 0;
  const times = counts(runs.map(({ task, dueAt }) => `${task} ${dueAt}`));
  const dueTimes = wanted.map(({ dueAt }) => dueAt);
  const firstDue = percentile(dueTimes, 0);
  const lastDue = percentile(dueTimes, 1);
  const since = (of: (run: Run) => number | null) =>
    percentile(
      runs.flatMap((run) => of(run) ?? []),
      1,
    ) - lastDue;
  const allDoneMs = since(({ endedAt }) => endedAt);
  return {
    due: wanted.length,
    fired: runs.length,
    doubled:
      sum([...times.values()].map((count) => count - 1)) +
      sum(wanted.map((one) => Math.max(0, answersOf(one) - 1))),
    unanswered: wanted.filter((one) => answersOf(one) === 0).length,
    lateMs: tail(
      withFreeSlot(runs).flatMap(({ dueAt, startedAt }) => (startedAt === null ? [] : startedAt - dueAt)),
    ),
    firedLateMs: tail(runs.map(({ dueAt, createdAt }) => createdAt - dueAt)),
    allFiredMs: since(({ createdAt }) => createdAt),
    allRunMs: since(({ startedAt }) => startedAt),
    allDoneMs,
    runsPerSecond: (runs.length * 1_000) / (allDoneMs + lastDue - firstDue),
  };
}

/**
 * Those that waited for nothing but the host: as they came due, no other run of their conversation was open,
 * and of those that came due together with them, they were the first.
 */
export function withFreeSlot(runs: readonly Run[]): Run[] {
  return [...Map.groupBy(runs, ({ session }) => session).values()].flatMap((ofSession) => {
    const inOrder = ofSession.toSorted(
      (a, b) => a.dueAt - b.dueAt || (a.startedAt ?? Infinity) - (b.startedAt ?? Infinity),
    );
    let busyUntil = -Infinity;
    return inOrder.filter(({ dueAt, endedAt }) => {
      const free = busyUntil <= dueAt;
      busyUntil = Math.max(busyUntil, endedAt ?? Infinity);
      return free;
    });
  });
}

function tail(samples: readonly number[]): Tail {
  const at = (share: number) => percentile(samples, share);
  return { n: samples.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function counts(keys: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const key of keys) found.set(key, (found.get(key) ?? 0) + 1);
  return found;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
