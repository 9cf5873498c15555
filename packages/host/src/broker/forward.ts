/**
 * One call of the model API: passed on with the real credential, and streamed back as it comes.
 *
 * - Nothing is buffered on the way back; backpressure and the end of either side reach the other.
 * - The caller gets the provider's own status and body, or, where there is none, a 502 with a reason.
 * - It never throws: `Outcome` says how it went, also where the caller left in the middle.
 */
import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { EngineFailure } from "../turns/engine.ts";
import { failureOf, MAX_ERROR_BODY, unreachable } from "./failure.ts";
import { inwards, outwards } from "./headers.ts";
import { createMeter, type Metered } from "./meter.ts";
import { watchingForOutside } from "./outside.ts";
import type { Provider } from "./provider.ts";
import { refuse } from "./refusal.ts";
import { scrubbing } from "./scrub.ts";
import { requestTo } from "./upstream.ts";

export interface Exchange {
  readonly provider: Provider;
  /** Keeps connections to the provider; fits its protocol. */
  readonly agent: Agent;
  readonly request: IncomingMessage;
  /** The request's whole body. */
  readonly body: Buffer;
  readonly response: ServerResponse;
  /** Something from outside is about to be passed on. */
  readonly onOutside: (cause: string) => Promise<void>;
  /** Wall clock, ms. */
  readonly now: () => number;
}

export interface Outcome {
  /** The provider's; 0 where there was no answer. */
  readonly status: number;
  readonly metered: Metered;
  /** The caller went away before the end: says nothing about the provider. */
  readonly abandoned: boolean;
  readonly failure: EngineFailure | undefined;
}

const NOTHING: Metered = createMeter(false).result(true);

export async function forward(exchange: Exchange): Promise<Outcome> {
  const { provider, response } = exchange;
  let answer: IncomingMessage;
  try {
    answer = await send(exchange);
  } catch (cause) {
    if (response.destroyed) return { status: 0, metered: NOTHING, abandoned: true, failure: undefined };
    const failure = unreachable(cause instanceof Error ? cause : new Error(String(cause)));
    refuse(response, { status: 502, type: "api_error", reason: `${failure.detail}.` });
    return { status: 0, metered: NOTHING, abandoned: false, failure };
  }

  const status = answer.statusCode ?? 0;
  if ((answer.headers["content-encoding"] ?? "identity") !== "identity") {
    answer.destroy();
    const detail = "the model API answered in an encoding that was not asked for";
    refuse(response, { status: 502, type: "api_error", reason: `${detail}.` });
    return { status, metered: NOTHING, abandoned: false, failure: { class: "permanent", detail } };
  }

  const ok = status >= 200 && status < 300;
  const meter = createMeter(/^text\/event-stream\b/.test(answer.headers["content-type"] ?? ""));
  let errorBody = "";
  const tap = (chunk: Buffer) => {
    if (ok) meter.push(chunk);
    else if (errorBody.length < MAX_ERROR_BODY) errorBody += chunk.toString("utf8");
  };

  // When one side leaves, the pipeline takes the other down as well: the first to go is the cause.
  let first: "caller" | "provider" | undefined;
  answer.once("error", () => (first ??= "provider"));
  response.once("close", () => (first ??= "caller"));
  response.writeHead(status, inwards(answer.headers, provider.secrets));
  response.flushHeaders();
  const watching = watchingForOutside(exchange.onOutside);
  const whole = await pipeline(answer, watching, scrubbing(provider.secrets, tap), response).then(
    () => true,
    () => false,
  );
  const abandoned = !whole && first === "caller";
  const metered = meter.result(whole);
  if (ok) return { status, metered, abandoned, failure: abandoned ? undefined : metered.failure };
  const failure = failureOf({
    status,
    retryAfter: answer.headers["retry-after"],
    body: errorBody,
    now: exchange.now(),
  });
  return { status, metered, abandoned, failure };
}

/** Resolves with the head of the answer. */
async function send(exchange: Exchange): Promise<IncomingMessage> {
  try {
    return await attempt(exchange);
  } catch (error) {
    // The provider may close a kept connection just as it is used again: then nothing was taken.
    if (!(error instanceof StaleConnection) || exchange.response.destroyed) throw error;
    return attempt(exchange);
  }
}

class StaleConnection extends Error {}

function attempt({ provider, agent, request, body, response }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const upstream = requestTo(provider, request.url ?? "/", {
      agent,
      method: request.method ?? "GET",
      headers: outwards(request.headers, provider, body.length),
    });
    const left = () => upstream.destroy();
    response.once("close", left);
    upstream.setNoDelay(true);
    upstream.once("response", (answer) => {
      answer.once("close", () => response.off("close", left));
      resolve(answer);
    });
    upstream.once("error", (cause: NodeJS.ErrnoException) => {
      response.off("close", left);
      const stale = upstream.reusedSocket && cause.code === "ECONNRESET";
      reject(stale ? new StaleConnection(cause.message, { cause }) : cause);
    });
    upstream.end(body);
  });
}
