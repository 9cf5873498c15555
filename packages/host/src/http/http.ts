/**
 * Bellhop's HTTP server: one app behind two listeners.
 *
 * - TCP, for browsers and programs with a token.
 * - The control socket in the home, 0600: who can open it is the owner. Only one host holds a home
 *   (the lock is taken before this), so a socket file that is already there is a dead host's.
 */
import { getRequestListener } from "@hono/node-server";
import { ConfigError } from "@bellhop/sdk";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { codeOf } from "../core/error-code.ts";
import { listening } from "../core/listen.ts";
import { createApp, type AppDeps } from "./app.ts";
import type { HttpEnv } from "./identity.ts";

export interface HttpDeps extends Omit<AppDeps, "url" | "http"> {
  readonly http: AppDeps["http"] & { readonly port: number };
  /** Path of the control socket. */
  readonly socket: string;
}

export interface Http {
  /**
   * Opens both listeners.
   * @throws ConfigError when the port is taken or may not be used, or the socket's path is too long
   */
  listen(): Promise<{ readonly url: string }>;
  /** A link that logs a browser in, once, within ten minutes. */
  loginUrl(): Promise<string>;
  /** Takes no more requests, ends the streams, lets answers under way finish (at most 1 s). */
  close(): Promise<void>;
}

/** What a unix socket's path may take, with the zero at its end: sun_path of unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;
const CLOSE_GRACE_MS = 1000;

export function createHttp(deps: HttpDeps): Http {
  const { http, socket, clock } = deps;
  let url = "";
  let closing = false;
  const app = createApp({ ...deps, url: () => url });
  const tcp = serverOf("tcp");
  const control = serverOf("socket");

  function serverOf(listener: HttpEnv["Bindings"]["listener"]): Server {
    const answer = getRequestListener(
      (request, { incoming }) => app.fetch(request, { listener, remote: incoming.socket.remoteAddress }),
      // The rest of the process keeps its own Request and Response.
      { overrideGlobalObjects: false },
    );
    const server = createServer((incoming, outgoing) => {
      // A connection that was kept alive for a next request would hold up the end for seconds.
      outgoing.once("close", () => closing && server.closeIdleConnections());
      void answer(incoming, outgoing);
    });
    return server;
  }

  async function listenTcp() {
    const { host, port } = http;
    await listening(tcp, { host, port }).catch((cause: unknown) => {
      throw new ConfigError(tcpProblem(host, port, codeOf(cause) ?? cause), { cause });
    });
    const address = tcp.address();
    const actual = typeof address === "object" && address !== null ? address.port : port;
    url = `http://${nameOf(host)}:${actual}`;
  }

  async function listenControl() {
    if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
      throw new ConfigError(
        `The path of the control socket, ${socket}, is longer than the system's ${MAX_SOCKET_PATH_BYTES} bytes: choose a shorter home with --home.`,
      );
    }
    await rm(socket, { force: true });
    await listening(control, { path: socket }).catch((cause: unknown) => {
      throw new ConfigError(
        `The control socket ${socket} cannot be opened: ${String(codeOf(cause) ?? cause)}.`,
        {
          cause,
        },
      );
    });
    await chmod(socket, 0o600);
  }

  return {
    async listen() {
      try {
        await listenTcp();
        await listenControl();
      } catch (error) {
        await Promise.all([ended(tcp), ended(control)]);
        throw error;
      }
      return { url };
    },
    async loginUrl() {
      return (await app.logins.createCode()).url;
    },
    async close() {
      closing = true;
      const servers = [tcp, control];
      const closed = Promise.all(servers.map(ended));
      app.closeStreams();
      for (const server of servers) server.closeIdleConnections();
      const cancel = clock.after(CLOSE_GRACE_MS, () => {
        for (const server of servers) server.closeAllConnections();
      });
      await closed;
      cancel();
    },
  };
}

async function ended(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

function tcpProblem(host: string, port: number, code: unknown): string {
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} is taken by another program: choose another with --port, or 0 for any that is free.`;
    case "EACCES":
      return `Port ${port} needs more rights than Bellhop has: choose one above 1023 with --port.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `"${host}" is no address of this machine: mend http.host in config.yaml.`;
    default:
      return `Bellhop cannot listen on ${host}:${port}: ${String(code)}.`;
  }
}

/** What a browser on this machine types; a listener on every address is reached by loopback. */
function nameOf(host: string): string {
  if (host === "0.0.0.0" || host === "") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
