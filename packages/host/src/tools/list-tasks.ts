/** `list_tasks`: the tasks of the group; in `main`, of all groups. */
import { z } from "zod";
import { GroupFolder } from "../core/ids.ts";
import { taskLine } from "../scheduler/words.ts";
import { deskOf } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  group: GroupFolder.optional().describe("Only its tasks. Another than yours only in the group main."),
  all: z.boolean().default(false).describe("Also those that are done or cancelled."),
});

/** So that a list does not fill the context of whoever asked. */
const MOST_LISTED = 50;

export const listTasks: ToolDefinition<typeof Input> = {
  name: "list_tasks",
  rare: true,
  description: "Lists the scheduled tasks of this group, with their ids and next times.",
  effect: "read",
  input: Input,
  async run({ group, all }, context) {
    const tasks = await deskOf(context).list({ group, all });
    if (tasks.length === 0) return "There are no tasks.";
    const { claim, parts } = context;
    const shown = tasks.slice(-MOST_LISTED);
    await parts.trust.taint.readsTasks(
      claim.session.id,
      shown.map(({ id }) => id),
    );
    const now = parts.now();
    const rest = tasks.length - MOST_LISTED;
    return [
      ...shown.map((task) => taskLine(task, now)),
      ...(rest > 0 ? [`and ${rest} older ones`] : []),
    ].join("\n");
  },
};
