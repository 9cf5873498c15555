/**
 * One call of the model API: passed on with the real credential, and streamed back as it comes.
 *
 * - Nothing is buffered on the way back; backpressure and the end of either side reach the other.
 * - The caller gets the provider's own status and body, or, where there is none, a 502 with a reason.
 * - It never throws: `Outcome` says how it went, also where the caller left in the middle.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import type { EngineFailure } from "../turns/engine.ts";
import { failureOf, MAX_ERROR_BODY, unreachable } from "./failure.ts";
import { inwards, outwards } from "./headers.ts";
import { createMeter, type Metered } from "./meter.ts";
import { renamed } from "./model-names.ts";
import { type OutsideWatch, watchForOutside } from "./outside.ts";
import { bearing, type Provider } from "./provider.ts";
import { refuse } from "./refusal.ts";
import { createScrubber, type Scrubber } from "./scrub.ts";
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
  const { response } = exchange;
  let answered: Answered;
  try {
    answered = await send({ ...exchange, body: renamed(exchange.body, exchange.provider.models) });
  } catch (cause) {
    if (response.destroyed) return { status: 0, metered: NOTHING, abandoned: true, failure: undefined };
    const failure = unanswered(cause);
    refuse(response, { status: 502, type: "api_error", reason: `${failure.detail}.` });
    return { status: 0, metered: NOTHING, abandoned: false, failure };
  }
  const { provider, answer } = answered;

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

  response.writeHead(status, inwards(answer.headers, provider.secrets));
  const watch = watchForOutside(exchange.onOutside);
  const left = await passBack(answer, response, { watch, scrubber: createScrubber(provider.secrets), tap });
  const whole = left === undefined;
  const abandoned = left === "caller";
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

interface Passing {
  readonly watch: OutsideWatch;
  readonly scrubber: Scrubber;
  /** Sees each chunk after it was passed on. */
  readonly tap: (chunk: Buffer) => void;
}

/**
 * Every chunk as it comes. Resolves when all has gone, or one side has left: then the other is taken down too, and
 * the first to go is the cause. By hand and not by `pipeline`, which takes longer for a short answer than all else
 * that is done here.
 */
function passBack(
  answer: IncomingMessage,
  response: ServerResponse,
  { watch, scrubber, tap }: Passing,
): Promise<"caller" | "provider" | undefined> {
  return new Promise((resolve) => {
    /** It is being written down that what comes next is from outside. */
    let marking = false;
    let ended = false;
    const leave = (who: "caller" | "provider") => {
      resolve(who); // whatever comes second changes nothing
      answer.destroy();
      response.destroy();
    };
    if (response.destroyed) return leave("caller");
    const give = (bytes: Buffer) => {
      if (bytes.length === 0) return;
      if (!response.write(bytes)) answer.pause();
      tap(bytes);
    };
    const finish = () => {
      give(scrubber.end());
      response.end();
    };
    // The head goes along with the first piece if that is here already, and does not wait for one that is not.
    setImmediate(() => {
      if (!response.destroyed) response.flushHeaders();
    });
    const goOn = () => {
      if (!marking && !response.writableNeedDrain) answer.resume();
    };
    response.on("drain", goOn);
    response.once("finish", () => resolve(undefined));
    response.once("close", () => leave("caller"));
    response.once("error", () => leave("caller"));
    answer.once("error", () => leave("provider"));
    answer.once("close", () => {
      if (!answer.readableEnded) leave("provider");
    });
    answer.on("data", (chunk: Buffer) => {
      const mark = watch(chunk);
      if (mark === undefined) return give(scrubber.push(chunk));
      marking = true;
      answer.pause();
      const marked = () => {
        marking = false;
        give(scrubber.push(chunk));
        if (ended) finish();
        else goOn();
      };
      // What could not be written down is not passed on.
      mark.then(marked).catch(() => leave("provider"));
    });
    answer.once("end", () => {
      ended = true; // it may come while it is paused, with its last piece
      if (!marking) finish();
    });
  });
}

/** Why there was none. A login that is over is for its owner to mend, like a key that is refused. */
function unanswered(cause: unknown): EngineFailure {
  if (cause instanceof RejectedError) return { class: "auth", detail: cause.message.replace(/\.$/, "") };
  return unreachable(cause instanceof Error ? cause : new Error(String(cause)));
}

interface Answered {
  /** With the credential that was used. */
  readonly provider: Provider;
  /** Its head; the rest is to come. */
  readonly answer: IncomingMessage;
}

/** With the login's token of the moment, and once with another where that one is refused: nothing was taken. */
async function send(exchange: Exchange): Promise<Answered> {
  const { provider, response } = exchange;
  const { login } = provider;
  if (!login) return { provider, answer: await ask(exchange) };
  const used = await login.token();
  const first = { ...exchange, provider: bearing(provider, used) };
  const answer = await ask(first);
  const other = answer.statusCode === 401 ? await login.afterRefusal(used) : undefined;
  if (other === undefined || response.destroyed) return { provider: first.provider, answer };
  answer.destroy();
  const second = { ...exchange, provider: bearing(provider, other) };
  return { provider: second.provider, answer: await ask(second) };
}

/** Resolves with the head of the answer. */
async function ask(exchange: Exchange): Promise<IncomingMessage> {
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
