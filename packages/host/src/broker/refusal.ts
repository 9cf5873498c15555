/**
 * What a door answers by itself, in the API's own form, so that the engine's program shows the reason
 * and an agent can read it. Everything the broker says begins with "Bellhop:".
 */
import type { ServerResponse } from "node:http";
import type { EngineFailure } from "../turns/engine.ts";

export interface Refusal {
  readonly status: number;
  /** One of the API's error types. */
  readonly type:
    | "permission_error"
    | "invalid_request_error"
    | "request_too_large"
    | "rate_limit_error"
    | "api_error";
  readonly reason: string;
}

export const NO_TURN: Refusal = {
  status: 403,
  type: "permission_error",
  reason: "no answer is under way, so the model cannot be called. Wait until a message arrives.",
};

/** What a budget does not allow; an agent reads which one, and who can change that. */
export function spentRefusal({ detail, words = `${detail}.` }: EngineFailure): Refusal {
  return { status: 403, type: "permission_error", reason: words };
}

export const TOO_LARGE: Refusal = {
  status: 413,
  type: "request_too_large",
  reason: "the request is larger than 32 MiB.",
};

export const TOO_INTRICATE: Refusal = {
  status: 400,
  type: "invalid_request_error",
  reason: "the request has more JSON values, or nests them deeper, than any conversation does.",
};

export const TOO_MUCH: Refusal = {
  status: 429,
  type: "rate_limit_error",
  reason: "this sandbox sends more than it may at once. Wait a few seconds.",
};

export const NOT_WANTED: Refusal = {
  status: 403,
  type: "permission_error",
  reason: "nobody wants this file. Files are sent with the tool send_file.",
};

export const ALREADY_WAITED_FOR: Refusal = {
  status: 403,
  type: "permission_error",
  reason: "somebody waits here already.",
};

/** For a proxy request (`CONNECT host:port`, `GET http://host/…`). */
export function egressRefusal(host: string): Refusal {
  return {
    status: 403,
    type: "permission_error",
    reason:
      `egress to ${printable(host)} is not allowed; this sandbox reaches nothing but the model. ` +
      "Trying again will not help: tell the person what you wanted to reach.",
  };
}

export function pathRefusal(method: string, path: string): Refusal {
  return {
    status: 403,
    type: "permission_error",
    reason: `${printable(method)} ${printable(path)} is not served here; only the model's API is.`,
  };
}

export const refusalBody = ({ type, reason }: Refusal) =>
  JSON.stringify({ type: "error", error: { type, message: `Bellhop: ${reason}` } });

/** Answers with a refusal; the connection stays usable unless `close`. */
export function refuse(response: ServerResponse, refusal: Refusal, close = false): void {
  const body = refusalBody(refusal);
  response.writeHead(refusal.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...(close ? { connection: "close" } : {}),
  });
  response.end(body);
}

/** A refusal on a raw connection, where there is no response object (CONNECT, upgrades). */
export function refusalBytes(refusal: Refusal): string {
  const body = refusalBody(refusal);
  return [
    `HTTP/1.1 ${refusal.status} Forbidden`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

/** What came from inside, cut to what may stand in a sentence. */
function printable(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "?").slice(0, 200);
}
