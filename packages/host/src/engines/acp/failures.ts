/**
 * The one place where the errors of an ACP agent get their class. By JSON-RPC codes that the protocol
 * names, never by their text, which is for people.
 */
import { RequestError } from "@agentclientprotocol/sdk";
import { z } from "zod";
import type { EngineFailure } from "../../turns/engine.ts";

const AUTH_REQUIRED = -32000;
const RESOURCE_NOT_FOUND = -32002;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const UNSUPPORTED_VERSION = -32022;
const REQUEST_CANCELLED = -32800;

export const StopReason = z.enum(["end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled"]);
export type StopReason = z.infer<typeof StopReason>;

const MAX_DETAIL = 1_000;

/** Why a request of ours failed. `resuming` where it asked for a session that was there before (G22). */
export function requestFailure(err: unknown, { resuming }: { readonly resuming: boolean }): EngineFailure {
  const detail = (err instanceof Error ? err.message : String(err)).slice(0, MAX_DETAIL);
  if (!(err instanceof RequestError)) return { class: "crashed", detail };
  switch (err.code) {
    case AUTH_REQUIRED:
      return { class: "auth", detail };
    case RESOURCE_NOT_FOUND:
      return { class: resuming ? "stale_session" : "permanent", detail };
    case METHOD_NOT_FOUND:
    case INVALID_PARAMS:
    case UNSUPPORTED_VERSION:
      return { class: "permanent", detail };
    case REQUEST_CANCELLED:
      return { class: "cancelled", detail };
    default:
      return { class: "transient", detail };
  }
}

/** Why an answer that ended is none, or nothing if it is one. */
export function stopFailure(reason: StopReason): EngineFailure | undefined {
  switch (reason) {
    case "end_turn":
      return undefined;
    case "cancelled":
      return { class: "cancelled", detail: "the agent stopped" };
    case "refusal":
      return { class: "refused", detail: "the agent declined" };
    case "max_tokens":
      return { class: "permanent", detail: "the answer reached the agent's limit of tokens" };
    case "max_turn_requests":
      return { class: "permanent", detail: "the answer reached the agent's limit of model calls" };
    default:
      return reason satisfies never;
  }
}
