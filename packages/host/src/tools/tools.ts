/** What an agent may ask of the host: the tools of one session. That of `main` has some more. */
import { type GroupFolder, MAIN, type SessionId } from "../core/ids.ts";
import type { HostTool } from "../turns/engine.ts";
import { cancelTask } from "./cancel-task.ts";
import { getTask } from "./get-task.ts";
import { getGroup } from "./get-group.ts";
import { historySearch, historySearchAnywhere } from "./history-search.ts";
import { listChats } from "./list-chats.ts";
import { listTasks } from "./list-tasks.ts";
import { pauseTask } from "./pause-task.ts";
import { pluginTools } from "./plugin-tools.ts";
import { react } from "./react.ts";
import { registerGroup } from "./register-group.ts";
import { removeGroup } from "./remove-group.ts";
import { resumeTask } from "./resume-task.ts";
import { runTaskNow } from "./run-task-now.ts";
import { scheduleTask } from "./schedule-task.ts";
import { sendFile } from "./send-file.ts";
import { sendMessage } from "./send-message.ts";
import { updateGroup } from "./update-group.ts";
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
  listChats,
  getGroup,
  registerGroup,
  updateGroup,
  removeGroup,
].map(({ name }) => name);

/** @param group whose agent it is */
export function hostTools(session: SessionId, group: GroupFolder, parts: ToolParts): readonly HostTool[] {
  const allowance = createAllowance();
  const search = group === MAIN ? historySearchAnywhere : historySearch;
  const own = [
    bindTool(sendMessage, session, parts, allowance),
    bindTool(sendFile, session, parts, allowance),
    bindTool(react, session, parts, allowance),
    bindTool(search, session, parts, allowance),
    bindTool(scheduleTask, session, parts, allowance),
    bindTool(listTasks, session, parts, allowance),
    bindTool(getTask, session, parts, allowance),
    bindTool(updateTask, session, parts, allowance),
    bindTool(pauseTask, session, parts, allowance),
    bindTool(resumeTask, session, parts, allowance),
    bindTool(cancelTask, session, parts, allowance),
    bindTool(runTaskNow, session, parts, allowance),
    ...(group === MAIN
      ? [
          bindTool(listChats, session, parts, allowance),
          bindTool(getGroup, session, parts, allowance),
          bindTool(registerGroup, session, parts, allowance),
          bindTool(updateGroup, session, parts, allowance),
          bindTool(removeGroup, session, parts, allowance),
        ]
      : []),
  ];
  return [...own, ...pluginTools({ session, group }, parts, allowance, OWN_TOOLS)];
}
