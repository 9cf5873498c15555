/**
 * The model's API at one door: which turn a call belongs to, whether it may be made, and what it used.
 *
 * - A call is served while a turn is set. One that began under a turn may end after it, and is counted for it.
 * - Work that the turn left running lends from it: see `Door.setBackground`. How long is for the rooms to bound.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { TurnId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Taint } from "../policy/policy.ts";
import type { RecordUsage } from "../store/usage.ts";
import type { Door, DoorSpec, Reserved, Spending } from "../turns/broker.ts";
import type { EngineFailure } from "../turns/engine.ts";
import { createDoorAllowance, type DoorAllowance } from "./allowance.ts";
import { AGENT_HEADER, parseCall, type Call } from "./call.ts";
import { createEstimator, totalOf } from "./estimate.ts";
import { forward, type Exchange, type Outcome } from "./forward.ts";
import { withinBounds } from "./json-bounds.ts";
import { outsideOf } from "./outside.ts";
import {
  NO_TURN,
  refuse,
  spentRefusal,
  TOO_INTRICATE,
  TOO_LARGE,
  TOO_MUCH,
  type Refusal,
} from "./refusal.ts";

/** The API's own limit of a request. */
const MAX_BODY = 32 * 1024 * 1024;

/** For the host to open a turn for ended background work. */
const TURN_WAIT_MS = 5_000;

const SERVED = /^(?:POST \/v1\/messages|POST \/v1\/messages\/count_tokens|GET \/v1\/models(?:\/[\w.:-]+)?)$/;

export interface ModelDoorDeps {
  /** Looked at anew for each call: the credential may have been renewed. */
  readonly upstream: Pick<Exchange, "provider" | "agent">;
  readonly record: RecordUsage;
  readonly taint: Pick<Taint, "mark">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ModelDoor extends Pick<Door, "setTurn" | "setBackground" | "lastFailure" | "asking"> {
  /** Whether the API has such a call at all. `path` is without its query. */
  serves(method: string, path: string): boolean;
  /** Answers one call of it, if only with a refusal. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** The turn that is under way. */
  turn(): TurnId | undefined;
  /** The same; between turns, the last one while work that it left goes on. */
  lent(): TurnId | undefined;
  /** Nobody waits for a turn any more. */
  close(): void;
}

export function createModelDoor(spec: DoorSpec, deps: ModelDoorDeps): ModelDoor {
  const { upstream, record, clock, log } = deps;
  const allowance = createDoorAllowance(clock);
  let turn: TurnId | undefined;
  /** Counts `setTurn`, so that a late answer of an old turn is not laid to the new one. */
  let turns = 0;
  let lastFailure: EngineFailure | undefined;
  let asking = 0;
  let background = 0;
  let hadBackground = false;
  let lastTurn: TurnId | undefined;
  /** What the last turn may spend. */
  let spending: Spending | undefined;
  const estimator = createEstimator();
  const awaitingTurn = new Set<() => void>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Of the moment the call came in, however long its body takes.
    const current = await turnFor(request, response);
    if (!current) {
      request.resume();
      return refuse(response, NO_TURN);
    }
    const body = await readBody(request, allowance);
    try {
      if (!("bytes" in body)) return refuse(response, body.refusal, true);
      if (response.destroyed) return;
      await pass(request, response, body.bytes, current.turn, current.number);
    } finally {
      allowance.release(body.held);
    }
  }

  async function pass(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    turn: TurnId,
    number: number,
  ): Promise<void> {
    if (!withinBounds(body)) return refuse(response, TOO_INTRICATE);
    const onOutside = (cause: string) => deps.taint.mark(spec.session, cause);
    const outside = outsideOf(body);
    if (outside !== undefined) await onOutside(outside);
    const exchange = { ...upstream, request, body, response, onOutside, now: () => clock.now() };
    if (!/^\/v1\/messages(?:\?|$)/.test(request.url ?? "")) return note(await forward(exchange), number);
    const parsed = parseCall(body, request.headers);
    if (!parsed.ok) {
      return refuse(response, { status: 400, type: "invalid_request_error", reason: parsed.reason });
    }
    const { call } = parsed;
    const paidBy = spending;
    asking += 1;
    try {
      const reserved = await reserve(call, body.length, response);
      if (!reserved.may) {
        note({ abandoned: response.destroyed, failure: reserved.failure }, number);
        return refuse(response, spentRefusal(reserved.failure));
      }
      const started = clock.monotonic();
      const outcome = await forward(exchange);
      note(outcome, number);
      const costMicros = cost(call, outcome);
      estimator.learn(call, body.length, outcome.metered.tokens);
      reserved.settle({ micros: costMicros ?? 0, tokens: totalOf(outcome.metered.tokens) });
      meter({ turn, call, paidBy, outcome, costMicros, durationMs: clock.monotonic() - started });
    } finally {
      asking -= 1;
    }
  }

  /** Whoever leaves while it waits for others is not waited with. */
  async function reserve(call: Call, bytes: number, response: ServerResponse): Promise<Reserved> {
    if (!spending) return UNBOUNDED;
    const { prices } = upstream.provider;
    const tokens = estimator.of(call, bytes);
    const gone = new AbortController();
    const leave = () => gone.abort();
    response.once("close", leave);
    const micros = prices.cost(call.model, tokens) ?? 0;
    const reserved = await spending.reserve({ micros, tokens: totalOf(tokens) }, gone.signal);
    response.off("close", leave);
    return reserved;
  }

  function cost({ model }: Call, { metered }: Outcome): number | null {
    return upstream.provider.prices.cost(metered.model ?? model, metered.tokens);
  }

  /** The turn that a call belongs to, waited for where one is to be expected. */
  async function turnFor(
    { headers }: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ readonly turn: TurnId; readonly number: number } | undefined> {
    if (turn === undefined && background > 0 && headers[AGENT_HEADER] !== undefined && lastTurn) {
      return { turn: lastTurn, number: turns };
    }
    if (turn === undefined && hadBackground) await nextTurn(response);
    return turn === undefined ? undefined : { turn, number: turns };
  }

  function nextTurn(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        cancel();
        awaitingTurn.delete(go);
        response.off("close", go);
        resolve();
      };
      const cancel = clock.after(TURN_WAIT_MS, go);
      awaitingTurn.add(go);
      response.once("close", go);
    });
  }

  function note({ abandoned, failure }: Pick<Outcome, "abandoned" | "failure">, number: number): void {
    if (abandoned || number !== turns) return;
    lastFailure = failure;
    if (failure) log.warn({ failure }, "the model API failed");
  }

  function meter({ turn, call, paidBy, outcome, costMicros, durationMs }: Metering): void {
    const { provider } = upstream;
    const { tokens, model = call.model } = outcome.metered;
    record({
      turn,
      session: spec.session,
      group: spec.group,
      sender: paidBy?.sender,
      task: paidBy?.task,
      provider: provider.name,
      modelAsked: call.model,
      modelServed: model,
      kind: call.kind,
      inputTokens: tokens.input,
      outputTokens: tokens.output,
      cacheReadTokens: tokens.cacheRead,
      cacheWriteTokens: tokens.cacheWrite + tokens.cacheWriteHour,
      costMicros,
      prices: provider.prices.version,
      httpStatus: outcome.status,
      durationMs: Math.round(durationMs),
    });
  }

  return {
    serves: (method, path) => SERVED.test(`${method} ${path}`),
    serve,
    turn: () => turn,
    lent: () => turn ?? (background > 0 ? lastTurn : undefined),
    setTurn(next, bound) {
      turn = next;
      turns += 1;
      lastFailure = undefined;
      if (next === undefined) return;
      lastTurn = next;
      spending = bound;
      for (const go of awaitingTurn) go();
    },
    setBackground(running) {
      background = running;
      hadBackground ||= running > 0;
    },
    lastFailure: () => lastFailure,
    asking: () => asking,
    close() {
      turn = undefined;
      background = 0;
      for (const go of awaitingTurn) go();
    },
  };
}

const UNBOUNDED: Reserved = { may: true, settle: () => undefined };

interface Metering {
  readonly turn: TurnId;
  readonly call: Call;
  readonly paidBy: Spending | undefined;
  readonly outcome: Outcome;
  readonly costMicros: number | null;
  readonly durationMs: number;
}

/** `held` is what was taken from the allowance: release it in any case. */
type Body = { readonly held: number } & ({ readonly bytes: Buffer } | { readonly refusal: Refusal });

/** Reads no further than the limits. Rejects when the sender goes away. */
async function readBody(request: IncomingMessage, allowance: DoorAllowance): Promise<Body> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY) return { held: 0, refusal: TOO_LARGE };
  const chunks: Buffer[] = [];
  let held = 0;
  try {
    for await (const chunk of request) {
      const bytes = z.instanceof(Buffer).parse(chunk);
      if (held + bytes.byteLength > MAX_BODY) return { held, refusal: TOO_LARGE };
      if (!allowance.take(bytes.byteLength)) return { held, refusal: TOO_MUCH };
      held += bytes.byteLength;
      chunks.push(bytes);
    }
  } catch (error) {
    allowance.release(held);
    throw error;
  }
  return { held, bytes: Buffer.concat(chunks) };
}
