/**
 * What went wrong with a request that a platform was sent, in the errors that the outbox acts on (G14): for adapters
 * that speak with their platform by `createWire` or by `fetch`. Where a platform means something else by a status, its
 * adapter says so itself.
 */
import {
  type BellhopError,
  ConfigError,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "./errors.ts";
import { WireError } from "./wire.ts";

/** Not one byte of the request was written: no name, no way, no connection, no TLS. */
const NEVER_WRITTEN =
  /^(ENOTFOUND|EAI_\w+|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;

/**
 * There was no answer, or none that could be read to its end.
 * @param cause what `createWire`'s or Node's `fetch`, or reading its answer, threw
 * @param who the platform, in words
 * @param what it was asked to take, in words
 */
export function unanswered(cause: unknown, who: string, what = "this"): TemporaryError | UnknownOutcomeError {
  if (cause instanceof WireError && !cause.written)
    return new TemporaryError(`${who} was not given ${what}: ${cause.message}`, { cause });
  for (let error = cause; error instanceof Error; error = error.cause) {
    const code = "code" in error ? String(error.code) : "";
    if (NEVER_WRITTEN.test(code)) return new TemporaryError(`${who} cannot be reached (${code})`, { cause });
  }
  return new UnknownOutcomeError(`${who} did not say whether it took ${what}`, { cause });
}

/**
 * Of a call that nobody sees anything of, or that only asks: it can be made again whatever became of it.
 * @returns what to throw
 */
export function repeatable(error: unknown): unknown {
  if (!(error instanceof UnknownOutcomeError)) return error;
  return new TemporaryError(error.message, { cause: error });
}

/**
 * The answer is no.
 * @param status any but 2xx
 * @param retryAfter the header, where there is one
 */
export function refusal(status: number, who: string, retryAfter?: string | null): BellhopError {
  if (status === 429) {
    const seconds = Number(retryAfter ?? Number.NaN);
    return new TemporaryError(`${who} asks to wait (429)`, {
      retryAfterMs: seconds >= 0 ? seconds * 1_000 : undefined,
    });
  }
  if (status === 401 || status === 403) {
    return new ConfigError(
      `${who} does not take our key (${status}): look whether it is still the right one`,
    );
  }
  if (status >= 500) return new UnknownOutcomeError(`${who} failed (${status}), and may have taken this`);
  return new RejectedError(`${who} does not take this (${status})`);
}
