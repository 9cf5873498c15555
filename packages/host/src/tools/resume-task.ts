/** `resume_task`. */
import { z } from "zod";
import { changed } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });

export const resumeTask: ToolDefinition<typeof Input> = {
  name: "resume_task",
  rare: true,
  description: "Lets a paused task go on, from now.",
  effect: "schedule-elsewhere",
  input: Input,
  run: ({ id }, context) => changed(context, (desk) => desk.resume(id)),
};
