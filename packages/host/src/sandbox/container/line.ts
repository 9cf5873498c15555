/**
 * The host's line of life into a container (see forwarder.mjs): a unix socket in a folder of its own that
 * is mounted. The first to come is forwarder.mjs, since nothing else runs before it has its order;
 * then nobody can come any more.
 */
import { chmod, chown, mkdir, open, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { listening } from "../../core/listen.ts";

/** What a socket's path may have; a longer one is reached through its folder's descriptor. */
const LONGEST_PATH = 103;

export interface Line {
  /** To be mounted. */
  readonly directory: string;
  /** What forwarder.mjs is told as soon as it is there. Once. */
  order(text: string): void;
  /** What forwarder.mjs has said: the agent's word for how it ended. */
  starved(): boolean;
  /** Breaks it: forwarder.mjs ends, and all with it. */
  close(): Promise<void>;
}

export async function openLine(directory: string, uid: number | undefined): Promise<Line> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const there = await reachable(directory, "s");
  const order = Promise.withResolvers<string>();
  let line: Socket | undefined;
  let heard = () => "";
  let over = false;
  const server = createServer((socket) => {
    server.close(); // takes the socket away, too
    line = socket;
    socket.on("error", () => socket.destroy()); // how a container ends is told by its engine
    heard = hear(socket);
    if (over) socket.destroy();
    else void order.promise.then((text) => socket.write(text));
  });
  await listening(server, { path: there.path });
  await chmod(join(directory, "s"), 0o600);
  if (uid !== undefined) await chown(join(directory, "s"), uid, uid);
  await chmod(directory, 0o711);
  return {
    directory,
    order: order.resolve,
    starved: () => heard() === STARVED,
    async close() {
      if (over) return;
      over = true;
      server.close();
      line?.destroy();
      await there.release();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** As forwarder.mjs says it. */
export const STARVED = "out of memory\n";

/** The first few words of a stream. */
export function hear(stream: Readable): () => string {
  let said = "";
  stream.on("data", (piece: Buffer) => {
    if (said.length < STARVED.length) said += piece.toString("latin1").slice(0, STARVED.length);
  });
  return () => said;
}

/** A path of the socket that is short enough for the kernel. */
export async function reachable(
  directory: string,
  name: string,
): Promise<{ readonly path: string; release(): Promise<void> }> {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= LONGEST_PATH || process.platform !== "linux") {
    return { path, release: () => Promise.resolve() };
  }
  const handle = await open(directory, "r");
  return { path: `/proc/self/fd/${handle.fd}/${name}`, release: () => handle.close() };
}
