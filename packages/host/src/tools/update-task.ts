/** `update_task`: the same task, changed. */
import { z } from "zod";
import { TaskChange } from "../core/task.ts";
import { changed } from "./task-caller.ts";
import { taskFields, toChange } from "./task-fields.ts";
import { parsed, type ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string(), ...taskFields });

export const updateTask: ToolDefinition<typeof Input> = {
  name: "update_task",
  rare: true,
  description: "Changes a task; it keeps its id. What you do not name stays; null takes away.",
  effect: "schedule-elsewhere",
  input: Input,
  async run({ id, ...fields }, context) {
    const change = parsed(TaskChange, toChange(fields));
    return await changed(context, (desk) => desk.edit(id, change));
  },
};
