/**
 * How a tool's call comes to the desk (scheduler/desk.ts): in the name of its group, and with what it does
 * written under the fence of its turn, together with what the agent is told of it (G7, G11).
 */
import { MAIN } from "../core/ids.ts";
import type { Claim } from "../store/claims.ts";
import type { OpenedTask, Task } from "../core/task.ts";
import type { Done, TaskPowers } from "../scheduler/desk.ts";
import { tell } from "../scheduler/words.ts";
import { leaveFor } from "./leave.ts";
import type { ToolContext } from "./tool.ts";

/** More than any group needs, and few enough that an agent that went wild fills no machine. */
const MOST_TASKS = 100;

/** @param told what the agent hears of what was done */
export function deskOf(
  { claim, parts, act }: ToolContext,
  told: (done: Done) => string = () => "",
): TaskPowers {
  const { folder, id } = claim.chat;
  return parts.tasks({
    who: callerOf(claim),
    group: folder,
    all: folder === MAIN,
    chat: id,
    most: MOST_TASKS,
    tainted: () => parts.trust.taint.of(claim.session.id),
    leave: (action) => leaveFor({ claim, parts }, action),
    commit: (effect) => parts.turns.perform(claim, effect, (done) => act(told(done))),
  });
}

/** What the agent is told of a task that it has made or changed: the same as stands in the journal. */
export async function changed(
  context: ToolContext,
  change: (desk: TaskPowers) => Promise<OpenedTask>,
): Promise<string> {
  const now = context.parts.now();
  const told = (task: Task, next: readonly number[]) => tell(task, next, now);
  const task = await change(deskOf(context, (done) => told(done.task, done.next)));
  await context.parts.trust.taint.readsTasks(context.claim.session.id, [task.id]);
  return told(task, task.next);
}

/** In words: who asked, and through which agent. */
export function callerOf({ chat: { folder }, inputs, task }: Claim): string {
  const asked = inputs.at(-1)?.sender_name ?? (task ? `the task ${task.id}` : undefined);
  const agent = `the agent of ${folder}`;
  return asked === undefined ? agent : `${asked}, through ${agent}`;
}
