/**
 * Classes of the model API's failures, from the real HTTP status and body (guarantees 1.6). This is the
 * first word on how an attempt is classified: nothing from inside a sandbox takes part in it.
 */
import { z } from "zod";
import type { EngineFailure, FailureClass } from "../turns/engine.ts";

const ErrorBody = z.looseObject({
  error: z.looseObject({ type: z.string().default(""), message: z.string().default("") }),
});

/** Enough for any error body; a gateway's page of HTML is cut here. */
export const MAX_ERROR_BODY = 64 * 1024;

export interface ErrorAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** As far as it came. */
  readonly body: string;
  /** Wall clock, ms; `retry-after` may be a date. */
  readonly now: number;
}

export function failureOf({ status, retryAfter, body, now }: ErrorAnswer): EngineFailure {
  const { type, message } = errorOf(body);
  const failure = classOf(status, type, message);
  return {
    class: failure,
    detail: `the model API answered ${status}${message === "" ? "" : `: ${message}`}`,
    ...(failure === "rate_limited" && retryAfter !== undefined
      ? { retryAfterMs: delayOf(retryAfter, now) }
      : {}),
  };
}

/** An error event within a stream that began with status 200. */
export function streamFailure(type: string, message: string): EngineFailure {
  return {
    class: classOf(STATUS_OF.get(type) ?? 500, type, message),
    detail: `the model API broke off its answer: ${message || type}`,
  };
}

export const brokenOff: EngineFailure = {
  class: "transient",
  detail: "the model API's answer broke off in the middle",
};

export const refusedByModel: EngineFailure = { class: "refused", detail: "the model declined to answer" };

export function unreachable(cause: Error): EngineFailure {
  return { class: "transient", detail: `the model API cannot be reached: ${cause.message}` };
}

/** https://docs.anthropic.com/en/api/errors; an error event names only the type. */
const STATUS_OF: ReadonlyMap<string, number> = new Map(
  Object.entries({
    invalid_request_error: 400,
    authentication_error: 401,
    billing_error: 402,
    permission_error: 403,
    not_found_error: 404,
    request_too_large: 413,
    rate_limit_error: 429,
    api_error: 500,
    timeout_error: 504,
    overloaded_error: 529,
  }),
);

function classOf(status: number, type: string, message: string): FailureClass {
  if (status === 429 || status === 529 || type === "overloaded_error") return "rate_limited";
  // Without money the key is as good as refused, and only the operator can mend it.
  if (status === 401 || status === 402 || status === 403 || /credit balance is too low/i.test(message)) {
    return "auth";
  }
  if (status === 400 && /prompt is too long|exceeds? (the )?context/i.test(message)) return "overflow";
  // 408 and 409 are the API's own "try again".
  if (status >= 500 || status === 408 || status === 409) return "transient";
  return "permanent";
}

function errorOf(body: string): { type: string; message: string } {
  const parsed = ErrorBody.safeParse(parseJson(body));
  if (parsed.success) return parsed.data.error;
  return { type: "", message: body.slice(0, 200).trim() };
}

/** undefined where it is not JSON: proxies before the API answer with pages of their own. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `retry-after` in ms: seconds or a date (RFC 9110, 10.2.3). */
function delayOf(retryAfter: string, now: number): number | undefined {
  const seconds = Number(retryAfter);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
