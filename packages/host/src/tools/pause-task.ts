/** `pause_task`. */
import { z } from "zod";
import { changed } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });

export const pauseTask: ToolDefinition<typeof Input> = {
  name: "pause_task",
  rare: true,
  description: "Pauses a task: it does not run until it is resumed. A run under way goes on.",
  effect: "schedule-elsewhere",
  input: Input,
  run: ({ id }, context) => changed(context, (desk) => desk.pause(id)),
};
