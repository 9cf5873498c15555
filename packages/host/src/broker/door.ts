/**
 * A door: the one way out of one sandbox, an HTTP server on a unix socket. The socket is the identity,
 * so nothing a request says about who it is matters.
 *
 * - The model's API is served while a turn is set, and nothing else of the network is. A call that began under a
 *   turn may end after it, and is counted for it. Work that the turn left running lends from it: see
 *   `setBackground`. How long is for the rooms to bound.
 * - A file goes up only where the host has asked for it (pulls.ts).
 * - Every refusal has a reason that an agent can read.
 * - What one sandbox does at its door is bounded, and can neither throw into the host nor hold up others.
 */
import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { StaleError } from "@bellhop/sdk";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { TurnId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { RecordUsage } from "../store/usage.ts";
import type { Door, DoorSpec, SpendCap } from "../turns/broker.ts";
import type { EngineFailure } from "../turns/engine.ts";
import { createDoorAllowance, type DoorAllowance } from "./allowance.ts";
import { AGENT_HEADER, parseCall, type Call } from "./call.ts";
import { forward, type Exchange, type Outcome } from "./forward.ts";
import type { Tokens } from "./prices.ts";
import { withinBounds } from "./json-bounds.ts";
import { createPulls } from "./pulls.ts";
import { listening } from "../core/listen.ts";
import { closed, socketPath } from "./listen.ts";
import {
  egressRefusal,
  NO_TURN,
  pathRefusal,
  refusalBytes,
  refuse,
  SPENT,
  TOO_INTRICATE,
  TOO_LARGE,
  TOO_MUCH,
  type Refusal,
} from "./refusal.ts";

/** The API's own limit of a request. */
const MAX_BODY = 32 * 1024 * 1024;
/** An engine with its subagents uses a handful. */
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 32 * 1024;
/** To send a whole request; how long an answer takes is for the turn's clocks to judge (G9). */
const REQUEST_TIMEOUT_MS = 120_000;
/** Hosts whose refusal is logged, per door: an agent that tries thousands does not fill the log. */
const MAX_LOGGED_HOSTS = 50;

/** For the host to open a turn for ended background work. */
const TURN_WAIT_MS = 5_000;

const SERVED = /^(?:POST \/v1\/messages|POST \/v1\/messages\/count_tokens|GET \/v1\/models(?:\/[\w.:-]+)?)$/;

export interface DoorDeps {
  /** Absolute path of the directory to make. */
  readonly directory: string;
  /** Looked at anew for each call: the credential may have been renewed. */
  readonly upstream: Pick<Exchange, "provider" | "agent">;
  readonly record: RecordUsage;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws ConfigError when the path of the socket is too long */
export async function openDoor(spec: DoorSpec, deps: DoorDeps): Promise<Door> {
  const { directory, upstream, record, clock } = deps;
  const log = deps.log.with({ part: "broker", group: spec.group, sandbox: spec.sandbox });
  const allowance = createDoorAllowance(clock);
  const loggedHosts = new Set<string>();
  let turn: TurnId | undefined;
  /** Counts `setTurn`, so that a late answer of an old turn is not laid to the new one. */
  let turns = 0;
  let lastFailure: EngineFailure | undefined;
  let asking = 0;
  let background = 0;
  let hadBackground = false;
  let lastTurn: TurnId | undefined;
  /** Of the last turn: what it may spend, and has spent. */
  let cap: { -readonly [K in keyof SpendCap]: SpendCap[K] } | undefined;
  const awaitingTurn = new Set<() => void>();
  const pulls = createPulls(clock);

  const server = createServer(
    {
      noDelay: true,
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // The program inside keeps its connections; closing one just as it is used would cost an attempt.
      keepAliveTimeout: 0,
    },
    (request, response) => {
      serve(request, response).catch((error: unknown) => {
        // A request that is not whole was left by its sender, which is no failure of ours.
        if (request.complete) log.error({ err: error }, "a request at the door failed");
        response.destroy();
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on("connect", (request, socket) => refuseRaw(socket, refusedEgress(request.url ?? "")));
  server.on("upgrade", (request, socket) => refuseRaw(socket, pathRefusal("upgrade", request.url ?? "")));
  server.on("clientError", (_error, socket) => socket.destroy()); // not HTTP: nothing to answer

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (pulls.serves(request)) return await pulls.serve(request, response);
    const refusal = refusalOf(request);
    if (refusal) {
      request.resume();
      return refuse(response, refusal);
    }
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
    const exchange = { ...upstream, request, body, response, now: () => clock.now() };
    if (!/^\/v1\/messages(?:\?|$)/.test(request.url ?? "")) return note(await forward(exchange), number);
    const parsed = parseCall(body, request.headers);
    if (!parsed.ok) {
      return refuse(response, { status: 400, type: "invalid_request_error", reason: parsed.reason });
    }
    if (isSpent()) {
      note({ abandoned: false, failure: SPENT_FAILURE }, number);
      return refuse(response, SPENT);
    }
    const started = clock.monotonic();
    asking += 1;
    const outcome = await forward(exchange).finally(() => (asking -= 1));
    note(outcome, number);
    meter(turn, parsed.call, outcome, clock.monotonic() - started);
  }

  function refusalOf({ method = "", url = "" }: IncomingMessage): Refusal | undefined {
    if (!url.startsWith("/")) return refusedEgress(URL.canParse(url) ? new URL(url).host : url);
    const path = url.split("?", 1)[0] ?? "";
    if (!SERVED.test(`${method} ${path}`)) return pathRefusal(method, path);
    return undefined;
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

  function refusedEgress(host: string): Refusal {
    if (loggedHosts.size < MAX_LOGGED_HOSTS && !loggedHosts.has(host)) {
      loggedHosts.add(host);
      log.info({ host: host.slice(0, 255) }, "egress refused");
    }
    return egressRefusal(host);
  }

  function isSpent(): boolean {
    if (!cap) return false;
    const { tokens = Infinity, micros = Infinity, spent } = cap;
    return spent.tokens >= tokens || spent.micros >= micros;
  }

  function note({ abandoned, failure }: Pick<Outcome, "abandoned" | "failure">, number: number): void {
    if (abandoned || number !== turns) return;
    lastFailure = failure;
    if (failure) log.warn({ failure }, "the model API failed");
  }

  function meter(turn: TurnId, call: Call, { status, metered }: Outcome, durationMs: number): void {
    const { provider } = upstream;
    const { tokens, model = call.model } = metered;
    const costMicros = provider.prices.cost(model, tokens);
    if (cap && turn === lastTurn) cap.spent = added(cap.spent, tokens, costMicros ?? 0);
    record({
      turn,
      session: spec.session,
      group: spec.group,
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
      httpStatus: status,
      durationMs: Math.round(durationMs),
    });
  }

  await mkdir(directory, { mode: 0o700 });
  const socket = await socketPath(directory, "broker.sock");
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    turn = undefined;
    background = 0;
    for (const go of awaitingTurn) go();
    pulls.end();
    await closed(server);
    await socket.release();
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await listening(server, { path: socket.path });
    await admit(directory, spec.uid);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    directory,
    setTurn(next, bound) {
      if (next !== turn) pulls.end();
      turn = next;
      turns += 1;
      lastFailure = undefined;
      if (next === undefined) return;
      lastTurn = next;
      cap = bound && { ...bound };
      for (const go of awaitingTurn) go();
    },
    setBackground(running) {
      background = running;
      hadBackground ||= running > 0;
    },
    lastFailure: () => lastFailure,
    asking: () => asking,
    async pull(path, take) {
      if (turn === undefined) throw new StaleError("no answer is under way");
      return await pulls.pull(path, take);
    },
    close: () => (closing ??= close()),
  };
}

const SPENT_FAILURE: EngineFailure = { class: "budget", detail: "the run has used up what it may spend" };

function added({ tokens, micros }: SpendCap["spent"], used: Tokens, cost: number): SpendCap["spent"] {
  const { input, output, cacheRead, cacheWrite, cacheWriteHour } = used;
  return { tokens: tokens + input + output + cacheRead + cacheWrite + cacheWriteHour, micros: micros + cost };
}

/** Lets the owner of the sandbox, and nobody else, walk to the socket and use it, but not replace it. */
async function admit(directory: string, uid: number | undefined): Promise<void> {
  const path = join(directory, "broker.sock");
  await chmod(path, 0o600);
  if (uid !== undefined) await chown(path, uid, uid);
  await chmod(directory, 0o711);
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

function refuseRaw(socket: Duplex, refusal: Refusal): void {
  socket.on("error", () => socket.destroy()); // it went away before it read why
  socket.end(refusalBytes(refusal));
}
