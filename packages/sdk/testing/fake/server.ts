/**
 * The common part of strict fakes that speak HTTP: a server on this machine's loopback with switches for what
 * goes wrong between an adapter and its platform, and a journal of what came and what was done.
 *
 * What the platform does is its author's (`handle`); how it goes wrong is decided here, at the socket:
 *
 * - `refuse`, `slow down`, `server error`, `unauthorised`: `handle` is not called; the answer is `failure`'s.
 *   After `slow down` every call before its time is refused likewise, and counted as early.
 * - `drop after accept`: `handle` runs, then the connection is reset without an answer.
 * - `truncate`, `close mid-frame`: `handle` runs; half of its answer goes out, then the connection ends.
 * - `delay`: `handle` runs; its answer waits.
 * - `trickle`: `handle` runs; half of its answer goes out, and then a blank now and then.
 * - `go silent`: `handle` is not called, and nothing is answered for as long as the caller waits. A WebSocket that
 *   goes silent is the fake's own.
 * - `unreachable`: nobody listens on the port any more, and what was connected is cut, until `mend`.
 * - `duplicate`, `reorder`: for the fake's own feed (feed.ts); they are none of this server's.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type PeerCall, type PeerFault } from "../peer.ts";
import { type Changes, createChanges } from "./changes.ts";
import { createFaults } from "./faults.ts";
import { createJournal, type Journal } from "./journal.ts";
import { createRates, type Rates } from "./rates.ts";
import { trickle } from "./trickle.ts";

export interface FakeRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON; undefined where it is none. */
  json(): unknown;
  /** The body as a form, with files or without. */
  form(): Promise<FormData>;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body: string | Uint8Array | object;
  /** It changed something that people can see. */
  readonly applied?: boolean;
}

/** What a platform says instead of doing what it was asked. */
export type FakeFailure = Extract<
  PeerFault,
  { how: "refuse" | "slow down" | "server error" | "unauthorised" }
>;

export interface FakeServerOptions {
  /** Which kind of call it is; undefined for what no fault is ever set for. */
  callOf(request: FakeRequest): PeerCall | undefined;
  handle(request: FakeRequest): Promise<FakeAnswer> | FakeAnswer;
  /** In the platform's own words. */
  failure(failure: FakeFailure, request: FakeRequest): FakeAnswer;
  /** A WebSocket or the like is asked for; without it such a request is refused. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** ms of a clock that does not go back. @default performance.now */
  now?(): number;
}

export interface FakeServer {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  readonly url: string;
  readonly journal: Journal;
  readonly changes: Changes;
  /** For what it refuses by itself, as a platform does; `rates.close` is what `slow down` uses. */
  readonly rates: Rates;
  /** False for what is not this server's: `duplicate` and `reorder`. */
  fault(call: PeerCall, fault: PeerFault): boolean;
  /** Cuts every connection. */
  cut(): void;
  /** All faults are over: it can be reached, and nobody has to wait. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** More blanks than anybody waits for. */
const TRICKLED = 1_000_000;

export async function openFakeServer(options: FakeServerOptions): Promise<FakeServer> {
  const now = options.now ?? (() => performance.now());
  const journal = createJournal();
  const changes = createChanges();
  const faults = createFaults();
  const rates = createRates(now);
  const connections = new Set<Duplex>();

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      // A fake that fails is a broken test: say so to whoever asked, loudly.
      if (!response.headersSent) response.writeHead(599);
      response.end(`the fake itself failed: ${error instanceof Error ? error.stack : String(error)}`);
    });
  });
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => undefined); // whoever came may leave as they like
    if (options.upgrade) options.upgrade(request, socket, head);
    else socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  });

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const hungUp = new AbortController();
    response.once("close", () => hungUp.abort());
    const request = requestOf(incoming, await buffer(incoming), hungUp.signal);
    const call = options.callOf(request);
    const early = call !== undefined && call !== "listen" && rates.closedFor() > 0;
    const fault = early
      ? ({ how: "slow down", retryAfterMs: rates.closedFor() } as const)
      : call && faults.next(call);
    if (fault?.how === "go silent") return await gone(hungUp.signal);
    const failed = fault && isFailure(fault) ? fault : undefined;
    const answer = failed ? options.failure(failed, request) : await options.handle(request);
    if (failed?.how === "slow down") rates.close(failed.retryAfterMs);
    const { status = 200, applied = false } = answer;
    const { method, path } = request;
    journal.note({ call, method, path, applied, status, fault: fault?.how, ...(early && { early }) });
    changes.note();
    await reply(response, answer, fault, hungUp.signal);
  }

  async function reply(
    response: ServerResponse,
    { status = 200, headers = {}, body }: FakeAnswer,
    fault: PeerFault | undefined,
    hungUp: AbortSignal,
  ): Promise<void> {
    const isBytes = typeof body === "string" || body instanceof Uint8Array;
    const bytes = isBytes ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    const { socket } = response;
    if (fault?.how === "drop after accept") {
      if (socket && "resetAndDestroy" in socket) socket.resetAndDestroy();
      return;
    }
    if (fault?.how === "delay") await Promise.race([pause(fault.ms), gone(hungUp)]);
    if (hungUp.aborted) return;
    response.writeHead(status, {
      ...(isBytes ? {} : { "content-type": "application/json" }),
      ...headers,
      "content-length": bytes.length + (fault?.how === "trickle" ? TRICKLED : 0),
    });
    if (fault?.how === "trickle") {
      response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)));
      trickle(response, fault.everyMs);
      return;
    }
    if (fault?.how === "truncate" || fault?.how === "close mid-frame") {
      response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => socket?.destroy());
    } else response.end(bytes);
  }

  function listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
    return promise;
  }

  function cut(): void {
    for (const one of connections) one.destroy();
  }

  /** Resolves once the port is free and every connection gone. */
  function unlisten(): Promise<void> {
    if (!server.listening) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
      cut();
    });
  }

  await listen(0);
  const { port } = server.address() as AddressInfo; // of a server that listens on an IP address
  return {
    url: `http://127.0.0.1:${port}`,
    journal,
    changes,
    rates,
    fault(call, fault) {
      if (fault.how === "duplicate" || fault.how === "reorder") return false;
      if (fault.how === "unreachable") void unlisten();
      else faults.set(call, fault);
      return true;
    },
    cut,
    async mend() {
      faults.clear();
      rates.open();
      if (!server.listening) await listen(port);
    },
    close: unlisten,
  };
}

function requestOf(incoming: IncomingMessage, body: Buffer, signal: AbortSignal): FakeRequest {
  const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://fake");
  return {
    method: incoming.method ?? "GET",
    path: pathname,
    query: searchParams,
    headers: incoming.headers,
    body,
    json() {
      try {
        return JSON.parse(body.toString());
      } catch (error) {
        if (error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    form: () =>
      new Response(new Uint8Array(body), {
        headers: { "content-type": incoming.headers["content-type"] ?? "" },
      }).formData(),
    signal,
  };
}

function isFailure(fault: PeerFault): fault is FakeFailure {
  return ["refuse", "slow down", "server error", "unauthorised"].includes(fault.how);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/** Resolves once the caller has hung up. */
function gone(hungUp: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (hungUp.aborted) resolve();
    else hungUp.addEventListener("abort", () => resolve(), { once: true });
  });
}
