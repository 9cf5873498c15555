/** `resume_task`. */
import { z } from "zod";
import { tell } from "../scheduler/words.ts";
import { deskOf } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });

export const resumeTask: ToolDefinition<typeof Input> = {
  name: "resume_task",
  description: "Lets a paused task go on, from now.",
  input: Input,
  async run({ id }, context) {
    const now = context.parts.now();
    const desk = deskOf(context, ({ task, next }) => tell(task, next, now));
    const changed = await desk.resume(id);
    return tell(changed, changed.next, now);
  },
};
