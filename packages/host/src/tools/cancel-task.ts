/** `cancel_task`. */
import { z } from "zod";
import { tell } from "../scheduler/words.ts";
import { deskOf } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });

export const cancelTask: ToolDefinition<typeof Input> = {
  name: "cancel_task",
  description: "Ends a task for good. A run under way goes on; what it was and did can still be read.",
  input: Input,
  async run({ id }, context) {
    const now = context.parts.now();
    const desk = deskOf(context, ({ task, next }) => tell(task, next, now));
    const changed = await desk.cancel(id);
    return tell(changed, changed.next, now);
  },
};
