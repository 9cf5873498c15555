/**
 * What went wrong with a call, said in the contract's own classes, so that the outbox knows what to do next:
 *
 * | what Telegram or the network said             | it is                       |
 * | --------------------------------------------- | --------------------------- |
 * | no connection, or the request not all written | not applied: TemporaryError |
 * | 429 with `retry_after`                        | TemporaryError with a time  |
 * | written, and no answer, or 5xx, or half one   | UnknownOutcomeError (G14)   |
 * | 401, 404 (no such bot), 409 (a second poller) | ConfigError                 |
 * | 400, 403, 413 and whatever else               | RejectedError               |
 *
 * A token stands in every address that is called; none of these sentences holds one.
 */
import {
  ConfigError,
  RejectedError,
  TemporaryError,
  unanswered,
  UnknownOutcomeError,
  WireError,
} from "@bellhop/sdk";
import { GrammyError, HttpError } from "grammy/web";

/** 400: a group became a supergroup, and has this id now. */
export class MovedError extends RejectedError {
  readonly to: string;
  constructor(message: string, options: ErrorOptions & { to: number }) {
    super(message, options);
    this.to = String(options.to);
  }
}

/** 409 to `getUpdates`: updates go to a webhook. */
export class WebhookSetError extends ConfigError {}

/** Telegram does not take what we rendered. */
export class UnparsedError extends RejectedError {}

export function mapped(method: string, error: unknown): Error {
  if (error instanceof GrammyError) return refusal(method, error);
  const cause = error instanceof HttpError ? error.error : error;
  const status = cause instanceof WireError ? cause.status : undefined;
  if (status !== undefined && status >= 400 && status < 500)
    return refused(method, status, "a server between us and Telegram refuses it", { cause });
  return unanswered(cause, "Telegram", method);
}

function refusal(method: string, cause: GrammyError): Error {
  const { error_code: code, description, parameters } = cause;
  const { retry_after, migrate_to_chat_id } = parameters;
  if (code === 429) {
    const retryAfterMs = (retry_after ?? 1) * 1_000;
    return new TemporaryError(`Telegram asks to wait before ${method}`, { cause, retryAfterMs });
  }
  if (code === 400 && migrate_to_chat_id !== undefined)
    return new MovedError("Telegram: the group has become a supergroup", { cause, to: migrate_to_chat_id });
  if (code === 400 && /can't parse entities|can't find end|unsupported start tag/i.test(description))
    return new UnparsedError(`Telegram: ${method} was refused: ${description}`, { cause });
  return refused(method, code, description, { cause });
}

function refused(method: string, code: number, description: string, options: ErrorOptions): Error {
  if (code === 401 || (code === 404 && description === "Not Found"))
    return new ConfigError(
      "Telegram does not know the bot's token. Ask @BotFather for it, and connect the bot again with: bellhop channels connect telegram",
      options,
    );
  if (code === 409 && /webhook/i.test(description))
    return new WebhookSetError("Telegram sends this bot's updates to a webhook, not here.", options);
  if (code === 409)
    return new ConfigError(
      "Another program receives the updates of this Telegram bot. End it, or give Bellhop a bot of its own.",
      options,
    );
  if (code >= 500)
    return new UnknownOutcomeError(`Telegram: ${method} failed with ${code}: ${description}`, options);
  return new RejectedError(`Telegram: ${method} was refused: ${description}`, options);
}
