/**
 * What went wrong with a call, said in the contract's own classes, so that the outbox knows what to do next:
 *
 * | what Slack or the network said                | it is                       |
 * | --------------------------------------------- | --------------------------- |
 * | no connection, or the request not all written | not applied: TemporaryError |
 * | 429, `ratelimited`                            | TemporaryError with a time  |
 * | written, and no answer, 5xx, or half one      | UnknownOutcomeError (G14)   |
 * | the token is refused                          | ConfigError                 |
 * | `missing_scope`                               | ScopeError, which names it  |
 * | whatever else Slack says no with              | RejectedError               |
 *
 * Tokens go in a header; none of these sentences holds one.
 */
import {
  ConfigError,
  RejectedError,
  TemporaryError,
  unanswered,
  UnknownOutcomeError,
  WireError,
} from "@bellhop/sdk";

/** The app may not do this: a scope is missing. What it concerns is not done; the rest of the account works. */
export class ScopeError extends RejectedError {
  readonly scope: string;
  constructor(message: string, options: ErrorOptions & { scope: string }) {
    super(message, options);
    this.scope = options.scope;
  }
}

/** Codes of Slack's that only its operator can mend, and what to do about them. */
const ACCOUNT: Readonly<Record<string, string>> = {
  invalid_auth: "Slack does not take the token",
  not_authed: "Slack does not take the token",
  token_revoked: "The token was revoked",
  token_expired: "The token has expired; turn token rotation off for this app",
  account_inactive: "The app was taken out of its workspace, or the workspace is gone",
  user_removed_from_team: "The app's bot was removed from its workspace",
  team_disabled: "The workspace is disabled",
  team_access_not_granted: "The app may not enter this workspace",
  not_allowed_token_type:
    "The two tokens were mixed up: SLACK_BOT_TOKEN is the one that begins with xoxb-, SLACK_APP_TOKEN the one with xapp-",
  too_many_websockets:
    "The app has ten connections already, which is all that Slack allows: end the other programs that use it",
};

/** Codes after which nobody knows whether it was done. */
const AT_SLACK = new Set(["fatal_error", "internal_error", "service_unavailable", "request_timeout"]);

/** What helps against the refusals that people meet. */
const HINTS: Readonly<Record<string, string>> = {
  not_in_channel: "invite the app to the channel: /invite @bellhop",
  channel_not_found: "there is no such channel, or the app is not in it",
  is_archived: "the channel is archived",
  msg_too_long: "the message is longer than Slack takes",
  edit_window_closed: "it is too old to be changed",
  cant_update_message: "it is not ours to change",
  message_not_found: "the message is gone",
  restricted_action: "the workspace does not let the app write there",
};

/** Of the Web API's answer what says no. */
export interface Refusal {
  readonly error?: string | undefined;
  readonly needed?: string | undefined;
}

const AGAIN = "Connect it again with: bellhop channels connect slack";

export function refused(
  method: string,
  { error = "no reason", needed }: Refusal,
  retryAfterMs: number,
): Error {
  if (error === "ratelimited" || error === "rate_limited") return limited(method, retryAfterMs);
  const account = ACCOUNT[error];
  if (account !== undefined) return new ConfigError(`${account} (${error}). ${AGAIN}`);
  if (AT_SLACK.has(error)) return new UnknownOutcomeError(`Slack: ${method} failed: ${error}`);
  if (error === "missing_scope") {
    const scope = needed ?? "unknown";
    return new ScopeError(
      `Slack: the app lacks the scope ${scope} for ${method}. Add it under OAuth & Permissions, and install the app again`,
      { scope },
    );
  }
  const hint = HINTS[error];
  return new RejectedError(`Slack: ${method} was refused: ${error}${hint === undefined ? "" : ` (${hint})`}`);
}

export function limited(method: string, retryAfterMs: number): TemporaryError {
  return new TemporaryError(`Slack asks to wait before ${method}`, { retryAfterMs });
}

/** There was no answer, or none that can be read. */
export function failed(method: string, cause: unknown): Error {
  const status = cause instanceof WireError ? cause.status : undefined;
  if (status !== undefined && status >= 400 && status < 500)
    return new RejectedError(`Slack: a server between us and Slack refuses ${method} (${status})`, { cause });
  return unanswered(cause, "Slack", method);
}
