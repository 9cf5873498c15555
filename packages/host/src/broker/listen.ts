/**
 * Listening on, and connecting to, unix sockets whose path may be long. The kernel takes 107 bytes, and
 * a home below a deep directory exceeds them; then the same socket is reached through the open
 * descriptor of its directory, `/proc/self/fd/N/name`. Where there is no /proc, a shorter home is asked for.
 */
import { ConfigError } from "@bellhop/sdk";
import { open } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";

/** macOS takes 103 bytes, Linux 107. */
const LONGEST = 103;

export interface SocketPath {
  /** Short enough for this process to listen on or connect to, until `release`. */
  readonly path: string;
  release(): Promise<void>;
}

/** @throws ConfigError where the path is too long and cannot be shortened */
export async function socketPath(directory: string, name: string): Promise<SocketPath> {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= LONGEST) return { path, release: () => Promise.resolve() };
  if (process.platform !== "linux") {
    throw new ConfigError(
      `The path ${path} is too long for a socket (${LONGEST} bytes). Choose a shorter home with --home.`,
    );
  }
  const handle = await open(directory, "r");
  return { path: `/proc/self/fd/${handle.fd}/${name}`, release: () => handle.close() };
}

/** Stops listening and ends what is under way. */
export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
