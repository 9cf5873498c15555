/**
 * Stands in for the desk that has the tasks: keeps what `HttpTasks` promises, in memory. Nothing ever
 * runs by itself; `run` begins a run, and a test ends it.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Clock } from "../../core/clock.ts";
import { ChatId, MAIN, newId } from "../../core/ids.ts";
import { nextRuns, parseCron } from "../../core/schedule.ts";
import {
  newTaskId,
  type NewTask,
  type Occurrence,
  OccurrenceId,
  type OpenedTask,
  type Schedule,
  type Task,
  type TaskChange,
} from "../../core/task.ts";
import { parseDuration, parseInstant } from "../../core/when.ts";
import { NoTaskError } from "../../scheduler/no-task.ts";
import type { HttpTasks } from "../host.ts";

const isOver = ({ state }: Task) => state === "done" || state === "cancelled";
const isOpen = ({ state }: Occurrence) => state === "waiting" || state === "running";

export interface TasksInMemory extends HttpTasks {
  /** Every run that is open ends so. */
  end(state: Occurrence["state"], reason?: string): void;
}

export function tasksInMemory(clock: Clock): TasksInMemory {
  let tasks: readonly Task[] = [];
  /** Newest first. */
  let occurrences: readonly Occurrence[] = [];

  function named(id: string): Task {
    const [task, another] = tasks.filter((one) => one.id.startsWith(id));
    if (!task) throw new NoTaskError(id);
    if (another) throw new RejectedError(`${id} is the beginning of several tasks; write more of the id.`);
    return task;
  }

  const timesOf = (task: Task) => (task.state === "active" ? nextRuns(task, clock.now(), 3) : []);

  function opened(task: Task): OpenedTask {
    const next = timesOf(task);
    const recent = occurrences.filter((one) => one.task === task.id).slice(0, 10);
    return { ...task, next, explained: [`It is ${task.state}.`], recent };
  }

  function put(task: Task): OpenedTask {
    const now = { ...task, nextAt: timesOf(task)[0] ?? null, updatedAt: clock.now() };
    tasks = [...tasks.filter(({ id }) => id !== task.id), now];
    return opened(now);
  }

  function scheduleOf({ cron, every, at, timezone = "UTC" }: TaskChange): Schedule | undefined {
    const now = clock.now();
    if ([cron, every, at].filter((one) => one !== undefined).length > 1)
      throw new RejectedError("A task has one schedule: give one of cron, every and at.");
    if (cron !== undefined) return { kind: "cron", cron: parseCron(cron) };
    if (every !== undefined) return { kind: "interval", everyMs: parseDuration(every), anchor: now };
    return at === undefined ? undefined : { kind: "once", at: parseInstant(at, { now, timezone }) };
  }

  /** What the change names, in the form that is kept. */
  function changed(task: Task, { every, cron, at, until, jitter, timeout, ...rest }: TaskChange): Task {
    const { timezone = task.timezone } = rest;
    const schedule = scheduleOf({ every, cron, at, timezone });
    const given = Object.entries(rest).filter(([, value]) => value !== undefined);
    const now = clock.now();
    return {
      ...task,
      ...Object.fromEntries(given),
      ...(schedule && { schedule }),
      ...(until !== undefined && { endsAt: until && parseInstant(until, { now, timezone }) }),
      ...(jitter !== undefined && { jitterMs: jitter === 0 ? 0 : parseDuration(jitter) }),
      ...(timeout !== undefined && { timeoutMs: timeout && parseDuration(timeout) }),
    } as Task; // the filter left of the change what is not undefined, and its schema gave the rest its type
  }

  const desk: TasksInMemory = {
    list: async ({ group, all }) =>
      tasks.filter((task) => (group === undefined || task.group === group) && (all || !isOver(task))),

    async add({ group = MAIN, ...said }: NewTask) {
      const { timezone = "UTC" } = said;
      const schedule = scheduleOf(said);
      if (!schedule) throw new RejectedError("When is it to run? Give one of cron, every and at.");
      return put(changed(taskOf({ group, timezone, schedule, now: clock.now() }), said));
    },

    show: async (id) => opened(named(id)),
    edit: async (id, change) => put(changed(named(id), change)),
    pause: async (id) => put({ ...named(id), state: "paused", note: "paused by hand" }),
    cancel: async (id) => put({ ...named(id), state: "cancelled" }),
    async resume(id) {
      const task = named(id);
      if (isOver(task)) throw new RejectedError(`The task ${task.id} is over; make a new one.`);
      return put({ ...task, state: "active", note: null, failures: 0 });
    },

    async run(id) {
      const task = named(id);
      if (occurrences.some((one) => one.task === task.id && isOpen(one)))
        throw new RejectedError(`A run of the task ${task.id} is open; wait for its end.`);
      const run = occurrenceOf(task, clock.now());
      occurrences = [run, ...occurrences];
      return run;
    },

    async history(id, { limit, before }) {
      const { id: whole } = named(id);
      const all = occurrences.filter(({ task }) => task === whole);
      const from = before === undefined ? 0 : all.findIndex((one) => one.id === before) + 1;
      return { occurrences: all.slice(from, from + limit), more: all.length > from + limit };
    },

    end(state, reason = "") {
      const now = clock.now();
      const over = {
        state,
        reason: reason || null,
        startedAt: now,
        endedAt: now,
        durationMs: 0,
        attempts: 1,
      };
      occurrences = occurrences.map((one) => (isOpen(one) ? { ...one, ...over } : one));
    },
  };
  return desk;
}

function taskOf({
  now,
  ...given
}: Pick<Task, "group" | "timezone" | "schedule"> & { readonly now: number }): Task {
  return {
    id: newTaskId(),
    chat: ChatId.parse("web:main"),
    prompt: "",
    script: null,
    gate: null,
    gateFailure: "notify",
    context: "isolated",
    model: null,
    effort: null,
    announce: true,
    misfire: given.schedule.kind === "interval" ? "skip" : "fire_once",
    overlap: "skip",
    retries: 2,
    atMostOnce: false,
    endsAt: null,
    maxRuns: null,
    jitterMs: 0,
    timeoutMs: null,
    maxTokens: null,
    maxUsd: null,
    state: "active",
    note: null,
    nextAt: null,
    fired: 0,
    failures: 0,
    createdBy: "owner",
    createdAt: now,
    updatedAt: now,
    ...given,
  };
}

function occurrenceOf({ id }: Task, now: number): Occurrence {
  return {
    id: newId(OccurrenceId),
    task: id,
    scheduledFor: now,
    manual: true,
    state: "waiting",
    reason: null,
    missed: 0,
    createdAt: now,
    startedAt: null,
    endedAt: null,
    durationMs: null,
    attempts: 0,
    result: null,
    tokens: 0,
    costMicros: 0,
    turn: null,
  };
}
