/**
 * The host's tools as an in-process MCP server. A call arrives as a line that the sandbox printed, so
 * this is the security boundary: input parsed, calls counted, and none served without an answer under
 * way. Which group and turn a tool acts for is in the tool's own closure, never in its input.
 */
import type { McpSdkServerConfigWithInstance } from "@anthropic-ai/claude-agent-sdk";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import type { HostTool, ToolResult } from "../../turns/engine.ts";
import { createAllowance } from "../../core/allowance.ts";

/** Also the prefix of the names that the model sees: `mcp__bellhop__send_message`. */
export const TOOL_SERVER = "bellhop";

const CALLS = { perSecond: 5, burst: 20 };
/** Calls that wait for an answer at the same time. */
const MAX_OPEN_CALLS = 16;

/** Where the SDK says which call of the model's this is. */
const ToolUse = z
  .object({ _meta: z.object({ "claudecode/toolUseId": z.string().min(1).max(200) }) })
  .transform((extra) => ({ toolUseId: extra["_meta"]["claudecode/toolUseId"] }));

/** The SDK itself, which is loaded only once there is a conversation (session.ts). */
export type Sdk = typeof import("@anthropic-ai/claude-agent-sdk");

export interface ToolServerOptions {
  readonly sdk: Sdk;
  readonly tools: readonly HostTool[];
  readonly clock: Clock;
  readonly log: Log;
  /** Whether an answer is under way; outside of one nothing is served. */
  readonly answering: () => boolean;
}

export function createToolServer({
  sdk,
  tools,
  clock,
  log,
  answering,
}: ToolServerOptions): McpSdkServerConfigWithInstance {
  const calls = createAllowance(clock, CALLS);
  let open = 0;

  async function serve(hostTool: HostTool, input: unknown, extra: unknown): Promise<ToolResult> {
    if (!answering()) return refusal("No answer is under way, so the host does nothing.");
    if (open >= MAX_OPEN_CALLS || !calls.take()) {
      return refusal(
        `Too many calls of the host's tools: at most ${CALLS.perSecond} a second. Wait, then go on.`,
      );
    }
    const call = ToolUse.safeParse(extra);
    if (!call.success) return refusal("The call does not say which tool use it belongs to.");
    const parsed = hostTool.input.safeParse(input);
    if (!parsed.success) return refusal(`The input does not fit: ${z.prettifyError(parsed.error)}`);
    open += 1;
    try {
      return await hostTool.call(parsed.data, call.data);
    } catch (err) {
      log.error({ err, tool: hostTool.name }, "A tool of the host failed");
      return refusal("The host could not do this just now.");
    } finally {
      open -= 1;
    }
  }

  return sdk.createSdkMcpServer({
    name: TOOL_SERVER,
    tools: tools.map((hostTool) =>
      sdk.tool(
        hostTool.name,
        hostTool.description,
        hostTool.input.shape,
        async (input, extra) => {
          const { text, isError = false } = await serve(hostTool, input, extra);
          return { content: [{ type: "text", text }], isError };
        },
        // Else they hide behind the engine's tool search and are missing from the first prompt.
        { alwaysLoad: hostTool.rare !== true },
      ),
    ),
  });
}

function refusal(text: string): ToolResult {
  return { text, isError: true };
}
