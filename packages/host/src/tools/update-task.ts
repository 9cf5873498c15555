/** `update_task`: the same task, changed. */
import { z } from "zod";
import { TaskChange } from "../core/task.ts";
import { tell } from "../scheduler/words.ts";
import { deskOf } from "./task-caller.ts";
import { taskFields, toChange } from "./task-fields.ts";
import { parsed, type ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string(), ...taskFields });

export const updateTask: ToolDefinition<typeof Input> = {
  name: "update_task",
  description: "Changes a task; it keeps its id. What you do not name stays; null takes away.",
  input: Input,
  async run({ id, ...fields }, context) {
    const now = context.parts.now();
    const desk = deskOf(context, ({ task, next }) => tell(task, next, now));
    const changed = await desk.edit(id, parsed(TaskChange, toChange(fields)));
    return tell(changed, changed.next, now);
  },
};
