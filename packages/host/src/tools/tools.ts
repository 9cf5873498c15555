/** What an agent may ask of the host: the tools of one session. */
import type { GroupFolder, SessionId } from "../core/ids.ts";
import type { HostTool } from "../turns/engine.ts";
import { cancelTask } from "./cancel-task.ts";
import { getTask } from "./get-task.ts";
import { historySearch } from "./history-search.ts";
import { listTasks } from "./list-tasks.ts";
import { pauseTask } from "./pause-task.ts";
import { pluginTools } from "./plugin-tools.ts";
import { react } from "./react.ts";
import { resumeTask } from "./resume-task.ts";
import { runTaskNow } from "./run-task-now.ts";
import { scheduleTask } from "./schedule-task.ts";
import { sendFile } from "./send-file.ts";
import { sendMessage } from "./send-message.ts";
import { updateTask } from "./update-task.ts";
import { bindTool, createAllowance, type ToolParts } from "./tool.ts";

/** No plugin's tool can have the name of one of these. */
export const OWN_TOOLS: readonly string[] = [
  sendMessage,
  sendFile,
  react,
  historySearch,
  scheduleTask,
  listTasks,
  getTask,
  updateTask,
  pauseTask,
  resumeTask,
  cancelTask,
  runTaskNow,
].map(({ name }) => name);

export function hostTools(session: SessionId, group: GroupFolder, parts: ToolParts): readonly HostTool[] {
  const allowance = createAllowance();
  const own = [
    bindTool(sendMessage, session, parts, allowance),
    bindTool(sendFile, session, parts, allowance),
    bindTool(react, session, parts, allowance),
    bindTool(historySearch, session, parts, allowance),
    bindTool(scheduleTask, session, parts, allowance),
    bindTool(listTasks, session, parts, allowance),
    bindTool(getTask, session, parts, allowance),
    bindTool(updateTask, session, parts, allowance),
    bindTool(pauseTask, session, parts, allowance),
    bindTool(resumeTask, session, parts, allowance),
    bindTool(cancelTask, session, parts, allowance),
    bindTool(runTaskNow, session, parts, allowance),
  ];
  return [...own, ...pluginTools({ session, group }, parts, allowance, OWN_TOOLS)];
}
