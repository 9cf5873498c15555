/**
 * What the Graph API says no with, in the contract's own classes. Its codes say more than its HTTP status does:
 *
 * | what it says                                          | it is                        |
 * | ----------------------------------------------------- | ---------------------------- |
 * | nothing, as it was not given all of the request       | TemporaryError               |
 * | nothing that can be read to its end                   | UnknownOutcomeError (G14)    |
 * | the token, a right, or the account is not in order    | ConfigError                  |
 * | too many calls, too many to one person, maintenance   | TemporaryError               |
 * | it failed itself, or something on the way did         | UnknownOutcomeError (G14)    |
 * | the 24 hours are over                                 | ClosedWindowError (rejected) |
 * | everything else                                       | RejectedError                |
 *
 * The same codes come later too, by webhook, for a message that was taken and then not delivered.
 */
import {
  type BellhopError,
  ConfigError,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { z } from "zod";

/** A person has been silent for a day, and only a template may be sent. */
export class ClosedWindowError extends RejectedError {}

export const CONNECT_AGAIN =
  "A token from the app's API set-up page ends after a day: make a permanent one for a system user, and connect again with: bellhop channels connect whatsapp-cloud (docs/whatsapp-cloud.md says how).";

const Fault = z.object({
  code: z.int(),
  /** A `title` is all that some notifications have. */
  title: z.string().optional(),
  message: z.string().optional(),
  error_subcode: z.int().optional(),
  error_data: z.object({ details: z.string().optional() }).optional(),
  /** Meta finds the request by it. */
  fbtrace_id: z.string().optional(),
});
export const Faults = z.array(Fault).min(1);
export type Fault = z.infer<typeof Fault>;
const Refusal = z.object({ error: Fault });

const CLOSED_WINDOW = 131_047;
const PAIR_RATE = 131_056;
const WAITS = new Set([4, 80_007, 130_429, 131_048, 131_057, 133_016, PAIR_RATE]);
const UNSURE = new Set([1, 2, 131_000, 131_016]);
/** No token, or one that is over, or without the right to do this. */
const TOKEN_FAULTS = new Set([0, 3, 10, 102, 190, 131_005]);
const ACCOUNT_FAULTS: ReadonlyMap<number, string> = new Map([
  [368, "The account is barred for a breach of WhatsApp's rules."],
  [131_031, "The account is locked."],
  [131_042, "Meta cannot charge the account: look at its payment method."],
  [131_045, "The number is not registered rightly: register it again."],
  [133_010, "The number is not registered with the Cloud API."],
]);
const TEMPLATE = { least: 132_000, most: 132_999 } as const;

/** One message to the same person in six seconds, in the long run. */
const PAIR_MS = 6_000;
const WAIT_MS = 5_000;

export interface Refused {
  readonly status: number;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
  readonly retryAfter: string | undefined;
  /** What was asked for, in words. */
  readonly what: string;
  readonly token: string;
}

export function refusalOf({ status, body, retryAfter, what, token }: Refused): BellhopError {
  const parsed = Refusal.safeParse(body);
  if (!parsed.success) return withoutWords(status, what, retryAfter);
  const { error } = parsed.data;
  const words = wordsOf(error).replaceAll(token, "…");
  const said = `WhatsApp: ${what} was refused: ${words}`;
  if (status === 429 || WAITS.has(error.code)) {
    const otherwise = error.code === PAIR_RATE ? PAIR_MS : WAIT_MS;
    return new TemporaryError(`WhatsApp asks to wait before ${what}: ${words}`, {
      retryAfterMs: waitOf(retryAfter) ?? otherwise,
    });
  }
  const account = accountFault(error);
  if (account !== undefined) return new ConfigError(account.replaceAll(token, "…"));
  if (status === 401) return new ConfigError(`WhatsApp does not take the access token. ${CONNECT_AGAIN}`);
  if (error.code === CLOSED_WINDOW) return new ClosedWindowError(said);
  if (status >= 500 || UNSURE.has(error.code))
    return new UnknownOutcomeError(`WhatsApp failed at ${what}, and may have done it: ${words}`);
  if (error.code >= TEMPLATE.least && error.code <= TEMPLATE.most)
    return new RejectedError(
      `${said} Look at the template in WhatsApp Manager, and at the setting template.`,
    );
  return new RejectedError(said);
}

/** The fault of our account, and not of one message; a sentence that says how to mend it. */
export function accountFault(fault: Fault): string | undefined {
  const { code } = fault;
  if (TOKEN_FAULTS.has(code) || (code >= 200 && code <= 299))
    return `WhatsApp does not take the access token, or it may not do this (${wordsOf(fault)}). ${CONNECT_AGAIN}`;
  const known = ACCOUNT_FAULTS.get(code);
  return known === undefined ? undefined : `WhatsApp: ${known} (${wordsOf(fault)})`;
}

export function closesWindow({ code }: Fault): boolean {
  return code === CLOSED_WINDOW;
}

export function wordsOf({ code, title, message, error_subcode, error_data, fbtrace_id }: Fault): string {
  const number = error_subcode === undefined ? String(code) : `${code}/${error_subcode}`;
  const words = [message ?? title, error_data?.details].filter((part) => part !== undefined && part !== "");
  const trace = fbtrace_id === undefined ? "" : `, trace ${fbtrace_id}`;
  return `${words.join(" — ") || "no words"} (error ${number}${trace})`;
}

/** Something between us and the Graph API, or an answer that is none of its own. */
function withoutWords(status: number, what: string, retryAfter: string | undefined): BellhopError {
  if (status === 429)
    return new TemporaryError(`WhatsApp asks to wait before ${what}`, {
      retryAfterMs: waitOf(retryAfter) ?? WAIT_MS,
    });
  if (status === 401) return new ConfigError(`WhatsApp does not take the access token. ${CONNECT_AGAIN}`);
  if (status >= 500)
    return new UnknownOutcomeError(`WhatsApp failed at ${what} (HTTP ${status}), and may have done it`);
  return new RejectedError(`WhatsApp: ${what} was refused (HTTP ${status})`);
}

function waitOf(retryAfter = ""): number | undefined {
  return /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined;
}
