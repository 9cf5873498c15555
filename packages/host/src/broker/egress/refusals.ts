/** What the door answers to a request for the network that does not go through. */
import type { Refusal } from "../refusal.ts";

/** `reason` is a whole sentence: which rule, and how a person can allow it. */
export function egressRefused(reason: string): Refusal {
  return { status: 403, type: "permission_error", reason: ended(reason) };
}

/** It was allowed, and did not work. */
export function egressFailed(why: string): Refusal {
  return { status: 502, type: "api_error", reason: ended(why) };
}

export function egressTooLarge(what: "request" | "response"): Refusal {
  return {
    status: 413,
    type: "request_too_large",
    reason: `the ${what} is larger than one may be (egress.${what}Mb in Bellhop's settings).`,
  };
}

export const NO_TURN_FOR_EGRESS: Refusal = {
  status: 403,
  type: "permission_error",
  reason: "no answer is under way, so nothing can be reached. Wait until a message arrives.",
};

export const TOO_MANY: Refusal = {
  status: 429,
  type: "rate_limit_error",
  reason: "this sandbox has too many connections or requests under way. Wait a few seconds.",
};

export const NOT_A_TARGET: Refusal = {
  status: 400,
  type: "invalid_request_error",
  reason: "that is no address to connect to; a proxy request is CONNECT host:port or GET http://host/path.",
};

const ended = (sentence: string) => (/[.!?)]$|--write$|[a-z0-9]$/.test(sentence) ? sentence : `${sentence}.`);
