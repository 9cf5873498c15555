/**
 * The one place where the errors of the Claude Agent SDK and its program get their class.
 *
 * Never by `subtype` and never by prose: a final API error arrives as a result of subtype `success`,
 * and its text is for people. The two signatures below are exact and the program's own (CLI 2.1.330,
 * held by the contract suite); only they clear what a session resumes at (G22). What the provider
 * really said is the broker's to tell, and the turn layer lets the broker's word win.
 */
import type { EngineFailure, FailureClass } from "../../turns/engine.ts";
import type { Frame, Result } from "./events.ts";

type ApiError = Extract<Frame, { type: "api-error" }>;

const STALE: readonly (readonly [RegExp, FailureClass])[] = [
  [/^No message found with message\.uuid of: /, "stale_position"],
  [/^No conversation found with session ID: /, "stale_session"],
];

/** `SDKAssistantMessageError`, sorted by what to do next. What is missing here is decided by its status. */
const BY_ERROR: Readonly<Record<string, FailureClass>> = {
  rate_limit: "rate_limited",
  overloaded: "rate_limited",
  authentication_failed: "auth",
  oauth_org_not_allowed: "auth",
  account_on_hold: "auth",
  verification_required: "auth",
  billing_error: "auth",
  cloud_credential_error: "auth",
  model_not_found: "permanent",
  invalid_request: "permanent",
  max_output_tokens: "permanent",
};

const BY_TERMINAL_REASON: Readonly<Record<string, FailureClass>> = {
  aborted_streaming: "cancelled",
  aborted_tools: "cancelled",
  prompt_too_long: "overflow",
  blocking_limit: "overflow",
  rapid_refill_breaker: "overflow",
  image_error: "permanent",
  max_turns: "permanent",
  budget_exhausted: "permanent",
  hook_stopped: "permanent",
  stop_hook_prevented: "permanent",
};

const MAX_DETAIL = 1_000;

/** Why a turn of the program's failed, or nothing if it did not. `api` is the last API error it told of. */
export function resultFailure(result: Result, api: ApiError | undefined): EngineFailure | undefined {
  if (!result.isError) return undefined;
  const detail = (result.errors.join("; ") || result.text || "the engine gave no reason").slice(
    0,
    MAX_DETAIL,
  );
  for (const [signature, kind] of STALE) {
    if (result.errors.some((error) => signature.test(error))) return { class: kind, detail };
  }
  return { class: classOf(result, api), detail };
}

function classOf(result: Result, api: ApiError | undefined): FailureClass {
  if (result.startupFailure !== undefined) {
    return result.startupFailure === "temp_dir_unusable" ? "resource" : "permanent";
  }
  if (result.stopReason === "refusal") return "refused";
  const byReason = BY_TERMINAL_REASON[result.terminalReason ?? ""];
  if (byReason) return byReason;
  const status = result.apiStatus ?? api?.status;
  if (status === 529) return "rate_limited"; // told as `server_error`
  const byError = BY_ERROR[api?.error ?? ""];
  if (byError) return byError;
  return status !== undefined && status >= 400 && status < 500 ? "permanent" : "transient";
}
