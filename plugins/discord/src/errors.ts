/**
 * What went wrong, said in the contract's own classes, so that whoever called knows what to do next:
 *
 * | what Discord or the network said              | it is                       |
 * | --------------------------------------------- | --------------------------- |
 * | no connection, or the request not all written | not applied: TemporaryError |
 * | 429 with `retry_after`                        | TemporaryError with a time  |
 * | written, and no answer, or 5xx, or half one   | UnknownOutcomeError (G14)   |
 * | 401, close codes 4004 and 4010 to 4014        | ConfigError                 |
 * | 400, 403, 404, 413 and whatever else          | RejectedError               |
 *
 * No sentence holds a token, nor an address with one in it.
 */
import {
  ConfigError,
  RejectedError,
  TemporaryError,
  unanswered,
  UnknownOutcomeError,
  type WireError,
} from "@bellhop/sdk";
import { z } from "zod";

/** The account's page, where its token and its intents are. */
const PORTAL = "discord.com/developers/applications";

const Refusal = z.object({
  message: z.string().default(""),
  code: z.number().default(0),
  /** Seconds. */
  retry_after: z.number().nonnegative().optional(),
  errors: z.unknown().optional(),
});

/** What to do about the refusals that its operator can mend, by Discord's own codes. */
const HINTS: Readonly<Record<number, string>> = {
  10003: "There is no such chat, or the bot is not in it.",
  50001: "The bot may not see this channel: give its role View Channel there.",
  50007: "This person does not take direct messages from the bot.",
  50013:
    "The bot lacks a permission there: Send Messages, Send Messages in Threads, Attach Files, Add Reactions or Read Message History.",
};

/** There was no answer, or none that can be read. */
export function failed(what: string, cause: WireError): Error {
  const { status } = cause;
  if (status !== undefined && (status < 200 || status >= 300))
    return refused(what, status, undefined, { cause });
  return unanswered(cause, "Discord", what);
}

export interface Beside {
  readonly cause?: unknown;
  /** The header: seconds. */
  readonly retryAfter?: string | undefined;
}

/**
 * The answer is no.
 * @param body as Discord sent it; undefined where it could not be read
 */
export function refused(what: string, status: number, body: unknown, beside: Beside = {}): Error {
  const { message, code, retry_after, errors } = Refusal.safeParse(body).data ?? Refusal.parse({});
  const options = { cause: beside.cause ?? new Error(`HTTP ${status}, code ${code}: ${message}`) };
  if (status === 401) return new ConfigError(UNKNOWN_TOKEN, options);
  if (status === 429) {
    const seconds = retry_after ?? Number(beside.retryAfter ?? Number.NaN);
    const retryAfterMs = Math.ceil((seconds >= 0 ? seconds : 1) * 1_000);
    return new TemporaryError(`Discord asks to wait before ${what}`, { ...options, retryAfterMs });
  }
  if (status >= 500) return new UnknownOutcomeError(`Discord: ${what} failed with HTTP ${status}`, options);
  const why = [message || `HTTP ${status}`, reasonIn(errors), HINTS[code]].filter(Boolean).join(". ");
  return new RejectedError(`Discord: ${what} was refused: ${why}`, options);
}

/** The first sentence in the tree that Discord makes of what is wrong with a body. */
function reasonIn(errors: unknown): string | undefined {
  if (typeof errors !== "object" || errors === null) return undefined;
  if ("message" in errors && typeof errors.message === "string") return errors.message;
  return Object.values(errors)
    .map(reasonIn)
    .find((reason) => reason !== undefined);
}

const UNKNOWN_TOKEN = `Discord does not know the bot's token. Make a new one at ${PORTAL}, under Bot, and connect the bot again with: bellhop channels connect discord`;

/** Close codes that only an operator can do something about. */
const CLOSED_FOR_GOOD: Readonly<Record<number, string>> = {
  4004: UNKNOWN_TOKEN,
  4010: "Discord refuses the bot's connection (4010: invalid shard). This is a mistake of Bellhop's: please report it.",
  4011: "This bot is in so many servers that Discord asks for several connections at once (4011: sharding required). Bellhop has one: take the bot out of servers, or make another one for Bellhop.",
  4012: "Discord no longer speaks this version of its gateway (4012): update Bellhop.",
  4013: "Discord does not know what Bellhop asks to be told (4013: invalid intents): update Bellhop.",
  4014: `Discord does not let this bot read messages (4014: disallowed intents). At ${PORTAL}, under Bot, Privileged Gateway Intents, switch on Message Content Intent, and save.`,
};

/** The session is over: it cannot be taken up again. */
export class SessionOverError extends TemporaryError {}

/** The gateway has closed the connection. */
export function closed(code: number): Error {
  const sentence = CLOSED_FOR_GOOD[code];
  if (sentence !== undefined) return new ConfigError(sentence);
  // Discord does not know the place from which we went on, or has not kept the session so long.
  if (code === 4007 || code === 4009)
    return new SessionOverError(`Discord has ended the session (close code ${code})`);
  return new TemporaryError(`Discord has closed the connection (close code ${code})`);
}
