/** A request from inside a sandbox, in HTTP/1.1 or HTTP/2, as one thing. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { type Refusal, refusalBody } from "../refusal.ts";

export interface Caller {
  readonly method: string;
  /** As it was sent: a path, or an absolute address. */
  readonly url: string;
  /** `Host`, or `:authority`. Undefined where it was left out or said twice. */
  readonly authority: string | undefined;
  /** Without pseudo headers. */
  readonly headers: IncomingHttpHeaders;
  /** Undefined where there is none. */
  readonly body: Readable | undefined;
  /** The answer's head; the body is written to what it returns. */
  answer(status: number, headers: OutgoingHttpHeaders): Writable;
  refuse(refusal: Refusal): void;
  /** Breaks it off. */
  cut(): void;
  readonly gone: () => boolean;
  onGone(callback: () => void): void;
}

export function callerOf(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Caller {
  const two = "stream" in request;
  const headers: IncomingHttpHeaders = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !name.startsWith(":")),
  );
  const cut = () => void (two ? request.stream.close(2) : response.socket?.destroy()); // INTERNAL_ERROR
  const { method = "GET", url = "" } = request;
  const caller: Caller = {
    method,
    url,
    authority: two ? request.authority : soleHost(request),
    headers,
    body: hasBody(request) ? request : undefined,
    answer(status, outgoing) {
      // Both take these; as a union of overloads TypeScript finds no common form.
      if (response instanceof Object && "stream" in response) response.writeHead(status, outgoing);
      else response.writeHead(status, outgoing).flushHeaders();
      return response;
    },
    refuse(refusal) {
      if (response.headersSent) {
        cut();
        return;
      }
      const body = refusalBody(refusal);
      request.resume();
      caller
        .answer(refusal.status, {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        })
        .end(body);
    },
    cut,
    gone: () => response.destroyed || (two && request.stream.destroyed),
    onGone: (callback) => void response.once("close", callback),
  };
  return caller;
}

function hasBody(request: IncomingMessage | Http2ServerRequest): boolean {
  if ("stream" in request) return !request.stream.endAfterHeaders;
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

/** Node keeps the first of two; a server behind us might take the other. */
function soleHost({ headersDistinct }: IncomingMessage): string | undefined {
  const hosts = headersDistinct["host"] ?? [];
  return hosts.length === 1 ? hosts[0] : undefined;
}
