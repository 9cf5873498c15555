/** How tasks are spoken of: to agents, to people, in the log. */
import { localTimes } from "../core/prompt.ts";
import { describeSchedule } from "../core/schedule.ts";
import { type Occurrence, type Task, titleOf } from "../core/task.ts";
import { durationInWords } from "../core/when.ts";

const SECOND = 1_000;
const RESULT_SHOWN = 200;

/** `Monday, 30 November 2026 at 07:00 (in 3 h 12 min)`; in the task's own zone. */
export function timeInWords({ timezone }: Pick<Task, "timezone">, at: number, now: number): string {
  const apart = roughly(Math.abs(at - now));
  return `${localTimes(timezone)(at)} (${at > now ? `in ${apart}` : `${apart} ago`})`;
}

/** Its largest two units are enough. */
function roughly(ms: number): string {
  const [first = "0 s", second] =
    durationInWords(Math.max(SECOND, Math.round(ms / SECOND) * SECOND)).match(/\d+ \S+/g) ?? [];
  return second === undefined ? first : `${first} ${second}`;
}

export function nextInWords(task: Pick<Task, "timezone">, next: readonly number[], now: number): string {
  const [first, ...more] = next.map((at) => timeInWords(task, at, now));
  if (first === undefined) return "It has no further time.";
  return `It runs next on ${[first, ...more].join("; then on ")}.`;
}

/** What an agent is told of a task that it has made or changed. */
export function tell(task: Task, next: readonly number[], now: number): string {
  const lines = [
    `Task ${task.id} (${task.state}): ${describeSchedule(task)}.`,
    task.state === "active" ? nextInWords(task, next, now) : (task.note ?? "It runs no more."),
    `${task.announce ? "Its answer goes to" : "Its answer is not sent; it belongs to"} ${task.chat}, ${
      task.script === null
        ? task.context === "isolated"
          ? "from a fresh conversation each time"
          : "from the conversation of that chat"
        : "as its script prints it"
    }.`,
  ];
  return lines.join(" ");
}

/** One line of a list. */
export function taskLine(task: Task, now: number): string {
  const when = task.nextAt === null ? (task.note ?? "") : `next ${timeInWords(task, task.nextAt, now)}`;
  const failing = task.failures > 0 ? `, failed ${task.failures} times in a row` : "";
  return `${task.id} [${task.group}] ${task.state}${failing}: ${describeSchedule(task)}; ${when}; ${JSON.stringify(titleOf(task))}`;
}

/** What became of one of its times. */
export function runLine({ timezone }: Pick<Task, "timezone">, run: Occurrence): string {
  const took =
    run.durationMs === null
      ? ""
      : `, ${durationInWords(Math.max(SECOND, Math.round(run.durationMs / SECOND) * SECOND))}`;
  const tries = run.attempts > 1 ? `, ${run.attempts} attempts` : "";
  const said = run.reason ?? run.result?.slice(0, RESULT_SHOWN).toWellFormed() ?? "";
  return `- ${localTimes(timezone)(run.scheduledFor)}${run.manual ? ", by hand" : ""}: ${run.state}${took}${tries}${said === "" ? "" : `: ${JSON.stringify(said)}`}`;
}

/** What kept it, and what comes, one sentence each. */
export function explain(
  task: Task,
  about: {
    readonly next: readonly number[];
    readonly recent: readonly Occurrence[];
    readonly now: number;
    /** Why its waiting run waits, where one does. */
    readonly waits: string | undefined;
    /** The emergency stop is on. */
    readonly paused: boolean;
  },
): string[] {
  const { next, recent, now, waits, paused } = about;
  const [last] = recent;
  return [
    stateInWords(task, next, now),
    ...(paused
      ? ["Everything is paused by the emergency stop: nothing runs until somebody resumes it."]
      : []),
    ...(last ? [lastInWords(task, last, now, waits)] : ["It has not run yet."]),
    ...(task.failures > 1 && task.state === "active"
      ? [`It has failed ${task.failures} times in a row; after the fifth time it is paused.`]
      : []),
  ];
}

function stateInWords(task: Task, next: readonly number[], now: number): string {
  switch (task.state) {
    case "active":
      return nextInWords(task, next, now);
    case "paused":
      return `It is paused, so it does not run. ${task.note ?? ""} Let it go on with: bellhop tasks resume ${task.id}`;
    case "done":
      return "Nothing of its schedule is left, so it does not run any more.";
    case "cancelled":
      return `It does not run any more. ${task.note ?? ""}`.trim();
    default:
      return task.state satisfies never;
  }
}

function lastInWords(task: Task, last: Occurrence, now: number, waits: string | undefined): string {
  const which = `${last.manual ? "The run by hand" : "The run"} of ${timeInWords(task, last.scheduledFor, now)}`;
  const why = last.reason === null ? "" : `: ${last.reason}`;
  switch (last.state) {
    case "waiting":
      return `${which} waits${waits === undefined ? "" : `: ${waits}`}.`;
    case "running":
      return `${which} is under way${waits === undefined ? "" : `: ${waits}`}.`;
    case "succeeded":
      return `${which} went well.`;
    case "failed":
      return `${which} failed${why}`;
    case "skipped":
      return `${which} was skipped${why}`;
    case "missed":
      return `${which} was missed${why}`;
    case "cancelled":
      return `${which} was ended${why}`;
    default:
      return last.state satisfies never;
  }
}
