/** What an agent may ask of the host: the tools of one session. */
import type { SessionId } from "../core/ids.ts";
import type { HostTool } from "../turns/engine.ts";
import { historySearch } from "./history-search.ts";
import { react } from "./react.ts";
import { sendFile } from "./send-file.ts";
import { sendMessage } from "./send-message.ts";
import { bindTool, createAllowance, type ToolParts } from "./tool.ts";

export function hostTools(session: SessionId, parts: ToolParts): readonly HostTool[] {
  const allowance = createAllowance();
  return [
    bindTool(sendMessage, session, parts, allowance),
    bindTool(sendFile, session, parts, allowance),
    bindTool(react, session, parts, allowance),
    bindTool(historySearch, session, parts, allowance),
  ];
}
