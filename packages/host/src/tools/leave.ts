/**
 * Leave: what a tool needs before it reaches beyond the turn's own chat. It is asked of the policy, which
 * may ask an owner, and is used up in the transaction of what it allows.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Leave } from "../store/turns.ts";
import type { Action } from "../policy/policy.ts";
import type { ToolContext } from "./tool.ts";

/** How long a call waits for an owner; what takes longer is called again. Less than a client of MCP waits. */
const PATIENCE_MS = 45_000;

/** @throws RejectedError with what the agent has to know, where it may not */
export async function leaveFor(
  { claim, parts }: Pick<ToolContext, "claim" | "parts">,
  action: Action,
): Promise<Leave> {
  const waitMs = claim.kind === "task" ? 0 : PATIENCE_MS; // nobody sits beside a task
  const ruling = await parts.trust.weigh(action, claim.session.id, waitMs);
  if (!ruling.may) throw new RejectedError(ruling.reason);
  return ruling.spend;
}
