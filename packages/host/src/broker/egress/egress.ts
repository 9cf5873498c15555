/**
 * One sandbox's way to the network: CONNECT, `http://` requests and upgrades, at its door (design 5.2).
 *
 * - Only for a live turn, or for work that one left running. When it is over, so is what it opened, after a
 *   short grace.
 * - A host with nothing but a host rule gets a tunnel; its first bytes have to be TLS for that very host.
 *   Everything else ends here, is read, judged request by request, and sent on.
 * - Whatever cannot be served as it must be is refused: there is no weaker way.
 * - Connections, requests, bytes and time are bounded per sandbox.
 */
import { RejectedError } from "@bellhop/sdk";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { createAllowance } from "../../core/allowance.ts";
import { type Target, targetOf, targetText } from "../../core/egress-rule.ts";
import type { Clock } from "../../core/clock.ts";
import type { TurnId } from "../../core/ids.ts";
import type { Log } from "../../log.ts";
import type { DoorSpec } from "../../turns/broker.ts";
import type { Certificates } from "../certificates.ts";
import type { Injection } from "../injection.ts";
import { refusalBytes, refuse, type Refusal } from "../refusal.ts";
import { callerOf } from "./caller.ts";
import { createExchange } from "./exchange.ts";
import { insideServer, intercept } from "./intercept.ts";
import { createJudge, type JudgeDeps, privately } from "./judge.ts";
import type { Reach } from "./network.ts";
import { peek } from "./peek.ts";
import type { EgressRecord } from "../../store/egress-record.ts";
import { egressFailed, egressRefused, NO_TURN_FOR_EGRESS, NOT_A_TARGET, TOO_MANY } from "./refusals.ts";
import { tunnel } from "./tunnel.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

export interface EgressLimits {
  /** Per sandbox, at once. */
  readonly connections: number;
  /** Per sandbox. */
  readonly requestsPerMinute: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** One connection. */
  readonly ms: number;
}

export interface EgressDeps extends Omit<JudgeDeps, "binds"> {
  readonly reach: Reach;
  readonly record: EgressRecord;
  /** Without them no TLS can end here, and what would have to is refused. */
  readonly certificates: Certificates | undefined;
  readonly injection: Injection | undefined;
  readonly limits: EgressLimits;
}

/** After its turn, for what is just ending. */
const GRACE_MS = 5_000;
/** To send the first bytes over a connection it asked for. */
const OPENING_MS = 15_000;
/** Refusals that are logged and recorded, per door: an agent that tries thousands does not fill the disk. */
const MOST_NOTED = 200;
const NO_AUTHORITY =
  "what is asked of this host has to be looked at, and this Bellhop has no certificate authority to do so";

/** @param turnNow the turn that is under way, or that lends itself to work it left running */
export function createEgress(
  spec: DoorSpec,
  deps: EgressDeps & { readonly clock: Clock; readonly log: Log },
  turnNow: () => TurnId | undefined,
) {
  const { group, session } = spec;
  const { reach, record, certificates, injection, taint, limits, clock, log } = deps;
  const binds = ({ host, port }: Target) => injection?.binds(group, host, port) ?? false;
  const judge = createJudge(spec, { ...deps, binds });
  const rate = createAllowance(clock, {
    perSecond: limits.requestsPerMinute / 60,
    burst: limits.requestsPerMinute,
  });
  /** Each ends one connection. */
  const open = new Map<Duplex, { readonly cut: (why: string) => void; readonly tunnelTo?: Target }>();
  const noted = new Set<string>();
  let cancelGrace = () => {};

  const exchange = createExchange({
    group,
    session,
    judge,
    taint,
    record,
    injection,
    refused: note,
    onAnswer,
    maxRequest: limits.requestBytes,
    maxResponse: limits.responseBytes,
    log,
  });

  function note(target: Target, asked: { method: string; path: string }, rule: string, why: string): void {
    const key = `${targetText(target)} ${rule}`;
    if (noted.has(key) || noted.size >= MOST_NOTED) return;
    noted.add(key);
    log.info({ host: targetText(target), rule }, "egress refused");
    record
      .refused({ group, session, ...target, rule, ...asked }, why)
      .catch((error: unknown) => log.error({ err: error }, "a refusal could not be recorded"));
  }

  /** What has come from elsewhere may not go out by a tunnel that was opened before it came (design 4). */
  async function onAnswer(from: Target): Promise<void> {
    await taint.mark(session, `an answer of ${targetText(from)}`);
    const turn = turnNow();
    for (const { cut, tunnelTo } of open.values()) {
      if (tunnelTo === undefined || targetText(tunnelTo) === targetText(from)) continue;
      if (turn === undefined || !judge.mayStayTunnel(tunnelTo, turn)) cut("another host has answered");
    }
  }

  /** Of two tunnels, the first answer would end the other one. */
  const isAlone = (target: Target) =>
    [...open.values()].every(
      ({ tunnelTo }) => tunnelTo === undefined || targetText(tunnelTo) === targetText(target),
    );

  /** Counts a connection for as long as it is open. False: there are too many. */
  function enter(socket: Duplex, tunnelTo?: Target): boolean {
    if (open.has(socket)) {
      if (tunnelTo) open.set(socket, { cut: () => socket.destroy(), tunnelTo });
      return true;
    }
    if (open.size >= limits.connections) return false;
    open.set(socket, { cut: () => socket.destroy() });
    const cancel = clock.after(limits.ms, () => socket.destroy());
    socket.once("close", () => {
      cancel();
      open.delete(socket);
    });
    return true;
  }

  const upstreamTo = (target: Target, secure: boolean): Upstream =>
    createUpstream({ target, secure, reach, pin: () => judge.pinOf(target) });

  /** The turn for one more request, or why there is none. */
  function admitted(): { readonly turn: TurnId } | { readonly refusal: Refusal } {
    const turn = turnNow();
    if (turn === undefined) return { refusal: NO_TURN_FOR_EGRESS };
    return rate.take() ? { turn } : { refusal: TOO_MANY };
  }

  async function connect(authority: string, socket: Duplex, head: Buffer): Promise<void> {
    const now = admitted();
    if ("refusal" in now) return refuseRaw(socket, now.refusal);
    const { turn } = now;
    const target = targetOf(authority);
    if (!target) return refuseRaw(socket, NOT_A_TARGET);
    if (!enter(socket)) return refuseRaw(socket, TOO_MANY);
    const verdict = await judge.connection(target, turn);
    if (!verdict.may) {
      note(target, { method: "CONNECT", path: "" }, verdict.rule, verdict.reason);
      return refuseRaw(socket, egressRefused(verdict.reason));
    }
    if (verdict.how === "inspect" && !certificates && target.port === 443) {
      return refuseRaw(socket, egressRefused(NO_AUTHORITY));
    }
    let addresses: readonly string[];
    try {
      addresses = await reach.addresses(target, judge.pinOf(target));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!(error instanceof RejectedError)) return refuseRaw(socket, egressFailed(why));
      note(target, { method: "CONNECT", path: "" }, "addresses", why);
      return refuseRaw(socket, egressRefused(privately(target, group, why)));
    }
    if (socket.destroyed || turnNow() === undefined) return void socket.destroy();
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    const opening = await peek(socket, head, { clock, ms: OPENING_MS });
    switch (opening.kind) {
      case "gone":
        return void socket.destroy();
      case "other":
        note(target, { method: "CONNECT", path: "" }, "TLS or HTTP", "it spoke neither TLS nor HTTP");
        return void socket.destroy();
      case "http":
        if (target.port === 443) {
          note(target, { method: "CONNECT", path: "" }, "TLS on 443", "it did not speak TLS");
          return refuseRaw(socket, egressRefused(`port 443 of ${target.host} is for TLS`));
        }
        return serveInside(target, false, socket);
      case "tls": {
        if (opening.name !== (isIP(target.host) === 0 ? target.host : undefined)) {
          const why = `the TLS of a connection to ${target.host} names ${opening.name ?? "no host"}`;
          note(target, { method: "CONNECT", path: "" }, "hosts agree", why);
          return void socket.destroy();
        }
        // Looked at again: it may have been tainted while an owner was asked.
        if (verdict.how === "inspect" || taint.of(session) || !isAlone(target)) {
          return await interceptTls(target, socket);
        }
        enter(socket, target);
        return await tunnel({
          target,
          socket,
          upstream: () => reach.connect(target, addresses),
          begin: () =>
            record.begin({
              group,
              session,
              turn,
              how: "tunnel",
              ...target,
              rule: verdict.rule,
              method: "CONNECT",
              path: "",
              secrets: [],
            }),
          onAnswer: () => onAnswer(target),
          mayGoOn: () => judge.mayStayTunnel(target, turn) || !taint.of(session),
          maxRequest: limits.requestBytes,
          maxResponse: limits.responseBytes,
        });
      }
      default:
        return opening satisfies never;
    }
  }

  async function interceptTls(target: Target, socket: Duplex): Promise<void> {
    if (!certificates) {
      note(target, { method: "CONNECT", path: "" }, "interception", "there is no certificate authority");
      return void socket.destroy();
    }
    const context = await certificates.contextFor(target.host);
    intercept(socket, context, { clock, ms: OPENING_MS }, (inside) => serveInside(target, true, inside));
  }

  /** Serves the requests that come over a connection to `target`, decrypted. */
  function serveInside(target: Target, secure: boolean, connection: Duplex): void {
    const upstream = upstreamTo(target, secure);
    connection.once("close", upstream.close);
    const server = secure ? insideServer() : createServer();
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const caller = callerOf(request, response);
      const now = admitted();
      if ("refusal" in now) return caller.refuse(now.refusal);
      exchange.serve(caller, upstream, now.turn).catch((error: unknown) => {
        log.error({ err: error }, "a request to the network failed");
        caller.cut();
      });
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgradeTo(upstream, request, socket, head);
    });
    server.on("clientError", (_error: Error, socket: Duplex) => void socket.destroy());
    server.on("sessionError", () => void connection.destroy());
    server.emit(secure ? "secureConnection" : "connection", connection);
    connection.resume(); // it was stopped to be looked at
  }

  function upgradeTo(upstream: Upstream, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const now = admitted();
    if ("refusal" in now) return refuseRaw(socket, now.refusal);
    exchange.upgrade(request, socket, head, upstream, now.turn).catch((error: unknown) => {
      log.error({ err: error }, "an upgrade to the network failed");
      socket.destroy();
    });
  }

  /** `http://host/path`, as a proxy is asked; gives the target, and the request with its path alone. */
  function absolute(request: IncomingMessage): Target | undefined {
    const url = (request.url ?? "").replace(/^ws:/i, "http:");
    if (!/^http:\/\//i.test(url) || !URL.canParse(url)) return undefined;
    const { host, pathname, search, username, password } = new URL(url);
    const target = username === "" && password === "" ? targetOf(host, 80) : undefined;
    if (target) request.url = pathname + search;
    return target;
  }

  return {
    /** Takes over the connection, and answers it in any case. */
    connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      socket.on("error", () => socket.destroy());
      connect(request.url ?? "", socket, head).catch((error: unknown) => {
        log.error({ err: error }, "a connection to the network failed");
        socket.destroy();
      });
    },

    /** A request with an absolute address. */
    async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const now = admitted();
      const target = absolute(request);
      const refusal = "refusal" in now ? now.refusal : target ? undefined : NOT_A_TARGET;
      if (refusal || !target || !("turn" in now)) {
        request.resume();
        return refuse(response, refusal ?? NOT_A_TARGET);
      }
      const { socket } = request;
      if (!enter(socket)) return refuse(response, TOO_MANY, true);
      const upstream = upstreamTo(target, false);
      response.once("close", upstream.close);
      await exchange.serve(callerOf(request, response), upstream, now.turn);
    },

    /** An upgrade with an absolute address. */
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      socket.on("error", () => socket.destroy());
      const target = absolute(request);
      if (!target) return refuseRaw(socket, NOT_A_TARGET);
      if (!enter(socket)) return refuseRaw(socket, TOO_MANY);
      const upstream = upstreamTo(target, false);
      socket.once("close", upstream.close);
      upgradeTo(upstream, request, socket, head);
    },

    /** The turn may have changed: what no turn stands for any more ends, after a grace. */
    look(): void {
      cancelGrace();
      if (turnNow() !== undefined || open.size === 0) return;
      cancelGrace = clock.after(GRACE_MS, () => {
        if (turnNow() !== undefined) return;
        for (const { cut } of open.values()) cut("its turn is over");
      });
    },

    close(): void {
      cancelGrace();
      for (const { cut } of open.values()) cut("the door is closed");
    },
  };
}

function refuseRaw(socket: Duplex, refusal: Refusal): void {
  socket.end(refusalBytes(refusal));
}
