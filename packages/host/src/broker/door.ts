/**
 * A door: the one way out of one sandbox, an HTTP server on a unix socket. The socket is the identity,
 * so nothing a request says about who it is matters.
 *
 * - The model's API is served here (model-door.ts), and of the network what rules and people allow (egress/).
 * - A file goes up only where the host has asked for it (pulls.ts).
 * - Every refusal has a reason that an agent can read.
 * - What one sandbox does at its door is bounded, and can neither throw into the host nor hold up others.
 */
import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { StaleError } from "@bellhop/sdk";
import type { Door, DoorSpec } from "../turns/broker.ts";
import { createModelDoor, type ModelDoorDeps } from "./model-door.ts";
import { createEgress, type EgressDeps } from "./egress/egress.ts";
import { createPulls } from "./pulls.ts";
import { listening } from "../core/listen.ts";
import { closed, socketPath } from "./listen.ts";
import { egressRefusal, pathRefusal, refusalBytes, refuse, type Refusal } from "./refusal.ts";

/** An engine with its subagents uses a handful. */
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 32 * 1024;
/** To send a whole request; how long an answer takes is for the turn's clocks to judge (G9). */
const REQUEST_TIMEOUT_MS = 120_000;
/** Hosts whose refusal is logged, per door: an agent that tries thousands does not fill the log. */
const MAX_LOGGED_HOSTS = 50;

export interface DoorDeps extends ModelDoorDeps {
  /** Absolute path of the directory to make. */
  readonly directory: string;
  /** Puts what else is to lie in it beside the socket (trust.ts). */
  readonly furnish?: ((directory: string) => Promise<void>) | undefined;
  /** Without it, nothing but the model is reached. */
  readonly egress?: EgressDeps | undefined;
}

/** @throws ConfigError when the path of the socket is too long */
export async function openDoor(spec: DoorSpec, deps: DoorDeps): Promise<Door> {
  const { directory, clock } = deps;
  const log = deps.log.with({ part: "broker", group: spec.group, sandbox: spec.sandbox });
  const loggedHosts = new Set<string>();
  const model = createModelDoor(spec, { ...deps, log });
  const pulls = createPulls(clock);
  const egress = deps.egress && createEgress(spec, { ...deps.egress, clock, log }, model.lent);

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
  server.on("connect", (request, socket, head) => {
    if (egress) egress.connect(request, socket, head);
    else refuseRaw(socket, refusedEgress(request.url ?? ""));
  });
  server.on("upgrade", (request, socket, head) => {
    const { url = "" } = request;
    if (egress && !url.startsWith("/")) egress.upgrade(request, socket, head);
    else refuseRaw(socket, pathRefusal("upgrade", url));
  });
  server.on("clientError", (_error, socket) => socket.destroy()); // not HTTP: nothing to answer

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (pulls.serves(request)) return await pulls.serve(request, response);
    if (egress && !request.url?.startsWith("/")) return await egress.serve(request, response);
    const refusal = refusalOf(request);
    if (!refusal) return await model.serve(request, response);
    request.resume();
    refuse(response, refusal);
  }

  function refusalOf({ method = "", url = "" }: IncomingMessage): Refusal | undefined {
    if (!url.startsWith("/")) return refusedEgress(URL.canParse(url) ? new URL(url).host : url);
    const path = url.split("?", 1)[0] ?? "";
    return model.serves(method, path) ? undefined : pathRefusal(method, path);
  }

  function refusedEgress(host: string): Refusal {
    if (loggedHosts.size < MAX_LOGGED_HOSTS && !loggedHosts.has(host)) {
      loggedHosts.add(host);
      log.info({ host: host.slice(0, 255) }, "egress refused");
    }
    return egressRefusal(host);
  }

  await mkdir(directory, { mode: 0o700 });
  const socket = await socketPath(directory, "broker.sock");
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    model.close();
    pulls.end();
    egress?.close();
    await closed(server);
    await socket.release();
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await listening(server, { path: socket.path });
    await deps.furnish?.(directory);
    await admit(directory, spec.uid);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    directory,
    setTurn(next, bound) {
      if (next !== model.turn()) pulls.end();
      model.setTurn(next, bound);
      egress?.look();
    },
    setBackground(running) {
      model.setBackground(running);
      egress?.look();
    },
    lastFailure: model.lastFailure,
    asking: model.asking,
    async pull(path, take) {
      if (model.turn() === undefined) throw new StaleError("no answer is under way");
      return await pulls.pull(path, take);
    },
    close: () => (closing ??= close()),
  };
}

/** Lets the owner of the sandbox, and nobody else, walk to the socket and use it, but not replace it. */
async function admit(directory: string, uid: number | undefined): Promise<void> {
  const path = join(directory, "broker.sock");
  await chmod(path, 0o600);
  if (uid !== undefined) await chown(path, uid, uid);
  await chmod(directory, 0o711);
}

function refuseRaw(socket: Duplex, refusal: Refusal): void {
  socket.on("error", () => socket.destroy()); // it went away before it read why
  socket.end(refusalBytes(refusal));
}
