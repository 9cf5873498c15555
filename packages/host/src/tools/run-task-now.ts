/** `run_task_now`: one run beside the schedule. */
import { z } from "zod";
import { deskOf } from "./task-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ id: z.string() });
const BEGUN =
  "It is in the line and runs as soon as there is room for it; its answer goes where the task's answers go.";

export const runTaskNow: ToolDefinition<typeof Input> = {
  name: "run_task_now",
  rare: true,
  description: "Runs a task once now, beside its schedule.",
  effect: "schedule-elsewhere",
  input: Input,
  async run({ id }, context) {
    await deskOf(context, () => BEGUN).run(id);
    return BEGUN;
  },
};
