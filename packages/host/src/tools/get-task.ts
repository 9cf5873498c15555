/** `get_task`: all that is known of one, and what became of its runs. */
import { z } from "zod";
import { runLine, tell } from "../scheduler/words.ts";
import { deskOf } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string(), runs: z.int().min(0).max(50).default(10) });

export const getTask: ToolDefinition<typeof Input> = {
  name: "get_task",
  rare: true,
  description:
    "Shows a task: its prompt, its next times, why it did not run if it did not, and its last runs.",
  effect: "read",
  input: Input,
  async run({ id, runs }, context) {
    const desk = deskOf(context);
    const now = context.parts.now();
    const { next, explained, recent: _, ...task } = await desk.show(id);
    await context.parts.trust.taint.readsTasks(context.claim.session.id, [task.id]);
    const { occurrences } = await desk.history(task.id, { limit: Math.max(1, runs) });
    return [
      tell(task, next, now),
      `Scheduled by ${JSON.stringify(task.createdBy)}.`,
      ...explained,
      task.script === null ? "Its prompt:" : "Its script:",
      JSON.stringify(task.script ?? task.prompt),
      ...(task.gate === null ? [] : ["Its gate:", JSON.stringify(task.gate)]),
      ...(occurrences.length > 0 && runs > 0 ? ["Its last runs, newest first:"] : []),
      ...occurrences.slice(0, runs).map((run) => runLine(task, run)),
    ].join("\n");
  },
};
