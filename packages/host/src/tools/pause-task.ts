/** `pause_task`. */
import { z } from "zod";
import { tell } from "../scheduler/words.ts";
import { deskOf } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });

export const pauseTask: ToolDefinition<typeof Input> = {
  name: "pause_task",
  description: "Pauses a task: it does not run until it is resumed. A run under way goes on.",
  input: Input,
  async run({ id }, context) {
    const now = context.parts.now();
    const desk = deskOf(context, ({ task, next }) => tell(task, next, now));
    const changed = await desk.pause(id);
    return tell(changed, changed.next, now);
  },
};
