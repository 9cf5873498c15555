/**
 * The rehearsal model: a scripted stand-in that speaks the Anthropic Messages API, so that Bellhop's
 * first run and its tests work without an account. docs/rehearsal.md is its page for people.
 *
 * - It keeps nothing between requests but how often each `error: KIND xN` has struck.
 * - It takes any key and any model name; it opens no connections and touches no files but its socket.
 * - A caller that goes away ends its answer at once.
 */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { listening } from "../../core/listen.ts";
import { closed } from "../listen.ts";
import { answer } from "./answer.ts";
import { MessagesRequest, readConversation } from "./conversation.ts";
import { apiError, contentOf, errorBody, inputTokens, message, type ApiError } from "./messages.ts";
import { duration, patience, streamMessage, streamRefusal } from "./stream.ts";

/** As the API: 32 MB a request. */
const MAX_BODY = 32 * 1024 * 1024;
/** Counters of `error: KIND xN` that are kept; the oldest go first. */
const MAX_COUNTERS = 1000;

export interface RehearsalModel {
  /** Listens on a unix socket's path or on a port of the loopback (0 picks one); tells the port, if any. */
  listen(where: string | number): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface RehearsalOptions {
  readonly clock: Clock;
  /** Fresh ids for requests, messages and tool uses. */
  readonly newId?: () => string;
}

/** An answer that is not one of the model's: it ends the request. */
class Refused extends Error {
  readonly error: ApiError;
  constructor(error: ApiError) {
    super(error.message);
    this.error = error;
  }
}

export function createRehearsalModel({ clock, newId = randomUUID }: RehearsalOptions): RehearsalModel {
  const struck = new Map<string, number>();
  const server = createServer({ noDelay: true }, (request, response) => {
    const requestId = `req_${newId()}`;
    response.setHeader("request-id", requestId);
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      const reason = error instanceof Error ? error.message : String(error);
      const refusal =
        error instanceof Refused ? error.error : { status: 500, type: "api_error", message: reason };
      json(response, refusal.status, errorBody(refusal, requestId), refusal.headers);
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://rehearsal");
    const route = `${request.method === "HEAD" ? "GET" : (request.method ?? "")} ${pathname}`;
    if (route === "POST /v1/messages") return messages(await body(request), response);
    if (route === "POST /v1/messages/count_tokens") {
      return json(response, 200, { input_tokens: inputTokens(await body(request)) });
    }
    if (route === "GET /v1/models") {
      const data = MODELS.map(model);
      return json(response, 200, { data, has_more: false, first_id: data[0]?.id, last_id: data.at(-1)?.id });
    }
    if (route.startsWith("GET /v1/models/")) {
      return json(response, 200, model(decodeURIComponent(pathname.slice("/v1/models/".length))));
    }
    if (route === "GET /" || route === "GET /api/hello") {
      return json(response, 200, { message: "This is Bellhop's rehearsal model. See docs/rehearsal.md." });
    }
    throw new Refused({ status: 404, type: "not_found_error", message: `No such endpoint: ${pathname}` });
  }

  async function messages(request: MessagesRequest, response: ServerResponse): Promise<void> {
    const wait = patience(clock, response);
    const reply = answer(readConversation(request), (counter) => struck.get(counter) ?? 0);
    const frame = { id: `msg_${newId()}`, model: request.model, inputTokens: inputTokens(request) };
    const toolUseId = `toolu_${newId().replaceAll("-", "")}`;
    if (reply.kind !== "error") {
      for (const counter of reply.passed) struck.delete(counter);
      if (request.stream === true) return streamMessage(reply, frame, toolUseId, response, wait);
      await wait(duration(reply));
      const stop = reply.kind === "tool" ? "tool_use" : reply.stop;
      return json(response, 200, message(frame, contentOf(reply, toolUseId), stop));
    }
    strike(reply.counter);
    await wait(reply.afterMs);
    if (reply.error !== "refusal") throw new Refused(apiError(reply.error));
    if (request.stream === true) return streamRefusal(frame, response);
    return json(response, 200, message(frame, [], "refusal"));
  }

  function strike(counter: string) {
    const count = (struck.get(counter) ?? 0) + 1;
    struck.delete(counter);
    struck.set(counter, count);
    const oldest = struck.size > MAX_COUNTERS ? struck.keys().next().value : undefined;
    if (oldest !== undefined) struck.delete(oldest);
  }

  return {
    async listen(where) {
      if (typeof where === "string") await rm(where, { force: true });
      await listening(
        server,
        typeof where === "string" ? { path: where } : { port: where, host: "127.0.0.1" },
      );
      const address = server.address();
      return typeof address === "object" ? address?.port : undefined;
    },
    close: () => closed(server),
  };
}

/** What `GET /v1/models` lists; any other name is served as well. */
const MODELS = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"];
const model = (id: string) => ({
  type: "model",
  id,
  display_name: `Rehearsal of ${id}`,
  created_at: "2026-01-01T00:00:00Z",
});

async function body(request: IncomingMessage): Promise<MessagesRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = z.instanceof(Buffer).parse(chunk);
    size += bytes.byteLength;
    if (size > MAX_BODY) {
      throw new Refused({
        status: 413,
        type: "request_too_large",
        message: "Request exceeds the maximum size",
      });
    }
    chunks.push(bytes);
  }
  const parsed = MessagesRequest.safeParse(parseJson(Buffer.concat(chunks).toString("utf8")));
  if (parsed.success) return parsed.data;
  throw new Refused({
    status: 400,
    type: "invalid_request_error",
    message: z.prettifyError(parsed.error),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Refused({
      status: 400,
      type: "invalid_request_error",
      message: `The request body is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    });
  }
}

function json(response: ServerResponse, status: number, value: object, headers?: Record<string, string>) {
  const text = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(text);
}
