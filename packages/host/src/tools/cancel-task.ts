/** `cancel_task`. */
import { z } from "zod";
import { changed } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });

export const cancelTask: ToolDefinition<typeof Input> = {
  name: "cancel_task",
  rare: true,
  description: "Ends a task for good. A run under way goes on; what it was and did can still be read.",
  effect: "schedule-elsewhere",
  input: Input,
  run: ({ id }, context) => changed(context, (desk) => desk.cancel(id)),
};
