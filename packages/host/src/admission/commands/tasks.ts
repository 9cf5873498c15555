import { RejectedError } from "@bellhop/sdk";
import { MAIN } from "../../core/ids.ts";
import { describeSchedule } from "../../core/schedule.ts";
import { type Occurrence, type OpenedTask, type Task, titleOf } from "../../core/task.ts";
import { NoTaskError } from "../../scheduler/no-task.ts";
import type { Asked } from "../../store/commands.ts";
import { type Command, may, WHO } from "./command.ts";
import type { Powers } from "./powers.ts";
import { coming, counted, duration, excerpt } from "./words.ts";

/** More than anybody reads; the rest is counted. */
const MOST_LISTED = 20;
const MOST_RUNS = 5;

const ACTS = ["pause", "resume", "cancel", "run"] as const;
type Act = (typeof ACTS)[number];
type Desk = ReturnType<Powers["tasks"]>;

/**
 * Of the group; the owner in `main` has those of all. Whoever may speak sees them, only an admin changes
 * them. The answer says how the task is then, so it is the same when it is given twice.
 */
export const tasks: Command = {
  name: "tasks",
  usage: `[show|${ACTS.join("|")} ID]`,
  summary: "what is done at set times",
  who: "anyone",
  async run({ asked, argument, powers }) {
    const desk = powers.tasks(asked.chat.folder, asked.sender.name);
    const [verb = "list", id] = argument === "" ? [] : argument.toLowerCase().split(/\s+/);
    if (verb === "list") return listed(await desk.list({ all: false }), asked, powers.now());
    const act = ACTS.find((one) => one === verb);
    if (id === undefined || (act === undefined && verb !== "show")) throw new RejectedError(USAGE);
    if (act && !may("admin", asked.sender.role))
      throw new RejectedError(`Only ${WHO.admin} may ${act} a task. /tasks show ${id} shows it.`);
    const task = await theirs(desk, id, asked);
    return act ? await done(act, task, desk) : shown(task, powers.now());
  },
};

const USAGE = `Write /tasks for the list, or /tasks and one of show, ${ACTS.join(", ")} with the id of a task.`;

/** In `main` there may be others than the owner, and their `main` is that group alone. */
function sees({ chat, sender }: Asked, { group }: Task): boolean {
  return group === chat.folder || (chat.folder === MAIN && sender.role === "owner");
}

async function theirs(desk: Desk, id: string, asked: Asked): Promise<OpenedTask> {
  const task = await desk.show(id);
  if (sees(asked, task)) return task;
  throw new NoTaskError(id);
}

async function done(act: Act, task: OpenedTask, desk: Desk): Promise<string> {
  if (act === "run") return begun(await desk.run(task.id), task);
  const now = task.state === AFTER[act] ? task : await desk[act](task.id);
  return [`${now.id} is ${now.state}: ${titleOf(now)}`, ...now.explained].join("\n");
}

/** What there is nothing to do about. */
const AFTER = { pause: "paused", resume: "active", cancel: "cancelled" } as const;

function begun({ state }: Occurrence, task: Task): string {
  const how = state === "waiting" ? "waits for its turn" : "has begun";
  return `A run of ${task.id} ${how}: ${titleOf(task)}`;
}

function listed(all: readonly Task[], asked: Asked, now: number): string {
  const tasks = all.filter((task) => sees(asked, task));
  if (tasks.length === 0) return "There are no tasks.";
  const lines = tasks.slice(0, MOST_LISTED).map((task) => inAList(task, asked, now));
  const more = tasks.length - MOST_LISTED;
  return [...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join("\n");
}

function inAList(task: Task, { chat }: Asked, now: number): string {
  const { id, group, timezone, nextAt, note } = task;
  const where = group === chat.folder ? "" : ` of ${group}`;
  const next = nextAt === null ? "no next time" : `next ${coming(nextAt, timezone, now)}`;
  const why = note === null ? "" : ` (${excerpt(note)})`;
  return `${id}${where}: ${titleOf(task)}; ${describeSchedule(task)}; ${next}; ${stateOf(task)}${why}`;
}

function stateOf({ state, failures }: Task): string {
  return failures === 0 ? state : `${state}, the last ${counted(failures, "run")} failed`;
}

function shown(task: OpenedTask, now: number): string {
  const { id, group, chat, announce, explained, recent } = task;
  return [
    `${id}: ${titleOf(task)}`,
    `${describeSchedule(task)}; ${stateOf(task)}`,
    announce ? `It answers in ${chat} (${group}).` : `It is silent (${group}).`,
    ...explained,
    ...recent.slice(0, MOST_RUNS).map((run) => ofRun(run, now)),
  ].join("\n");
}

function ofRun({ scheduledFor, state, reason, missed }: Occurrence, now: number): string {
  const ago = `${duration(now - scheduledFor)} ago`;
  const others = missed === 0 ? "" : `, ${missed} missed`;
  return `${ago}: ${state}${others}${reason === null ? "" : ` (${excerpt(reason)})`}`;
}
