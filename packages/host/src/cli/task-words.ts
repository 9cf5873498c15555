/**
 * Tasks and their runs, as a terminal shows them. Their texts came from people, agents and scripts: all
 * that is made here passes `plain`.
 */
import { coming, duration, excerpt } from "../admission/commands/words.ts";
import { localTimes } from "../core/prompt.ts";
import { describeSchedule } from "../core/schedule.ts";
import { type Occurrence, type OpenedTask, type Task, titleOf } from "../core/task.ts";
import { durationInWords } from "../core/when.ts";
import { plain } from "./plain.ts";
import { count } from "./status.ts";

/** A line each; those that are paused or fail say why on one more. */
export function listTasks(tasks: readonly Task[], now: number): string {
  const rows = tasks.map((task) => {
    const { id, group, state, timezone, nextAt } = task;
    const next = nextAt === null ? "no next time" : coming(nextAt, timezone, now);
    return [id, group, state, describeSchedule(task), next, titleOf(task)];
  });
  const lines = columns(rows);
  return tasks.map((task, at) => `${lines[at] ?? ""}\n${indented(troubles(task))}`).join("");
}

/** What somebody wants to see who has just made or changed it. */
export function describeBriefly(task: OpenedTask, now: number): string {
  return page([
    ["task", `${task.id}, ${task.state}`],
    ...ofWork(task),
    whenOf(task),
    nextOf(task, now),
    whereOf(task),
  ]);
}

export function describeTask(task: OpenedTask): string {
  const { recent, explained } = task;
  const rows = page([
    ["task", [`${task.id}, ${task.state}`, ...explained].join("\n")],
    ...ofWork(task),
    whenOf(task),
    whereOf(task),
    ...ofPolicy(task),
    ["made", `by ${task.createdBy}, ${localTimes(task.timezone)(task.createdAt)}`],
  ]);
  return recent.length === 0 ? rows : `${rows}\nIts runs, newest first:\n${listRuns(recent, task)}`;
}

/** After a change of its state. */
export function describeState(task: OpenedTask): string {
  const lines = [`${task.id} is ${task.state}: ${titleOf(task)}`, ...task.explained];
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}

/** A page of its history, and how to see the next. */
export function describeHistory(
  { occurrences, more }: { readonly occurrences: readonly Occurrence[]; readonly more: boolean },
  task: Task,
): string {
  const last = occurrences.at(-1);
  if (!last) return oneLine(`${task.id} has not run yet: ${titleOf(task)}`) + "\n";
  const rest = more ? `More: bellhop tasks history ${task.id} --before ${last.id}\n` : "";
  return `${listRuns(occurrences, task)}${rest}`;
}

/** What became of each time, a line each. */
function listRuns(runs: readonly Occurrence[], { timezone }: Pick<Task, "timezone">): string {
  const time = localTimes(timezone);
  const rows = runs.map((run) => {
    const took = run.durationMs === null ? "" : duration(run.durationMs);
    return [time(run.scheduledFor), run.state, took, wordsOf(run)];
  });
  return columns(rows)
    .map((line) => `${line}\n`)
    .join("");
}

type Row = readonly [name: string, value: string];

function ofWork({ prompt, script, gate, gateFailure }: Task): Row[] {
  return [
    ...(script === null ? [] : [["script", script] satisfies Row]),
    ...(prompt === "" ? [] : [["prompt", prompt] satisfies Row]),
    ...(gate === null ? [] : [["gate", `${gate}\n${GATE_FAILURE[gateFailure]}`] satisfies Row]),
  ];
}

const GATE_FAILURE = {
  notify: "If the gate fails, its chat is told.",
  ignore: "If the gate fails, only the history says so.",
  wake: "If the gate fails, the model is asked all the same.",
} as const satisfies Record<Task["gateFailure"], string>;

function whenOf(task: OpenedTask): Row {
  const { timezone, endsAt, maxRuns, fired, jitterMs } = task;
  const bounds = [
    ...(endsAt === null ? [] : [`No time after ${localTimes(timezone)(endsAt)}.`]),
    ...(maxRuns === null ? [] : [`${fired} of ${count(maxRuns, "time")} have come.`]),
    ...(jitterMs === 0 ? [] : [`Each is put off by chance, by less than ${durationInWords(jitterMs)}.`]),
  ];
  return ["when", [describeSchedule(task), ...bounds].join("\n")];
}

function nextOf({ timezone, next }: OpenedTask, now: number): Row {
  const times = next.map((at) => coming(at, timezone, now));
  return ["next", times.length === 0 ? "no next time" : times.join("\n")];
}

function whereOf({ announce, chat, group }: Task): Row {
  return ["answers", announce ? `in ${chat} (${group})` : `kept to its history (${group}, ${chat})`];
}

function ofPolicy(task: Task): Row[] {
  const { context, model, effort, misfire, overlap } = task;
  const asked = [model ?? "the one that tasks have here", ...(effort === null ? [] : [`effort ${effort}`])];
  return [
    ["talks in", context === "isolated" ? "a fresh conversation each time" : "the conversation of its chat"],
    ...(task.script === null ? [["model", asked.join(", ")] satisfies Row] : []),
    ["late", MISFIRE[misfire]],
    ["overlap", OVERLAP[overlap]],
    ["limits", limitsOf(task).join(", ")],
  ];
}

const MISFIRE = {
  fire_once: "one run for all times that were missed, if the last was within a day",
  skip: "times that were missed are not run",
  catch_up: "the last ten times that were missed within a day are run",
} as const satisfies Record<Task["misfire"], string>;

const OVERLAP = {
  skip: "a time that comes during a run is not run",
  queue_one: "a time that comes during a run waits; one at most",
  queue_all: "times that come during a run wait; ten at most",
  cancel_other: "a time that comes during a run ends that run",
  allow: "runs may overlap",
} as const satisfies Record<Task["overlap"], string>;

function limitsOf({ retries, atMostOnce, timeoutMs, maxTokens, maxUsd }: Task): string[] {
  return [
    retries === 0 ? "not tried again" : `tried again ${retries === 1 ? "once" : `${retries} times`}`,
    ...(atMostOnce ? ["not run again after a crash"] : []),
    ...(timeoutMs === null ? [] : [`${durationInWords(timeoutMs)} an attempt`]),
    ...(maxTokens === null ? [] : [`${count(maxTokens, "token")} a run`]),
    ...(maxUsd === null ? [] : [`$${maxUsd} a run`]),
  ];
}

/** Why it stands as it does. */
function troubles({ note, failures }: Task): string[] {
  const failing = failures === 0 ? [] : [`The last ${count(failures, "run")} failed.`];
  return [...(note === null ? [] : [note]), ...failing];
}

/** What there is to say of a run, beside when and how long. */
function wordsOf(run: Occurrence): string {
  const { manual, missed, attempts, costMicros, reason, result, state, startedAt, scheduledFor } = run;
  const late = startedAt === null ? 0 : startedAt - scheduledFor;
  const figures = [
    ...(manual ? ["by hand"] : []),
    ...(missed === 0
      ? []
      : [state === "missed" ? `${count(missed, "time")} missed` : `${missed} missed before it`]),
    ...(late < LATE_MS ? [] : [`begun ${duration(late)} late`]),
    ...(attempts < 2 ? [] : [`${attempts} attempts`]),
    ...(costMicros === 0 ? [] : [`$${(costMicros / 1_000_000).toFixed(4)}`]),
  ];
  const words = reason ?? (result === null || result === "" ? "" : JSON.stringify(excerpt(result)));
  return [figures.join(", "), words].filter((part) => part !== "").join(": ");
}

/** Less is the ordinary way of things. */
const LATE_MS = 60_000;

function page(rows: readonly Row[]): string {
  return rows
    .map(([name, value]) => `${name.padEnd(10)}${plain(value).replaceAll("\n", `\n${" ".repeat(10)}`)}\n`)
    .join("");
}

/** Each column as wide as what stands in it. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const clean = rows.map((row) => row.map(oneLine));
  const width = (column: number) => Math.max(...clean.map((row) => row[column]?.length ?? 0));
  const widths = (clean[0] ?? []).map((_, column) => width(column));
  return clean.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${oneLine(line)}\n`).join("");
}

function oneLine(text: string): string {
  return plain(text).replaceAll(/\s+/g, " ").trim();
}
