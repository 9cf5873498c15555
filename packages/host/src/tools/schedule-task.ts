/** `schedule_task`: something to be done at set times, without anybody writing. */
import { z } from "zod";
import { GroupFolder } from "../core/ids.ts";
import { NewTask } from "../core/task.ts";
import { changed } from "./task-caller.ts";
import { taskFields, toChange } from "./task-fields.ts";
import { parsed, type ToolDefinition } from "./tool.ts";

const Input = z.object({
  ...taskFields,
  group: GroupFolder.optional().describe("Another group. Only in the group main."),
});

export const scheduleTask: ToolDefinition<typeof Input> = {
  name: "schedule_task",
  rare: true,
  description:
    "Schedules a task: one of cron, every, at; and a prompt (or a script). Its answer is sent to this chat. You are told its id and its next times; say them to whoever asked.",
  effect: "schedule-elsewhere",
  input: Input,
  async run({ group, ...fields }, context) {
    const task = parsed(NewTask, { ...toChange(fields), ...(group && { group }) });
    return await changed(context, (desk) => desk.add(task));
  },
};
