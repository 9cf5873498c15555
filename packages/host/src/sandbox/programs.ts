/** The programs of Bellhop's own that run inside: found beside this file, in the sources as in the package. */
import { realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Mount } from "../turns/sandbox.ts";
import { INSIDE } from "./profile.ts";

/** Node and forwarder.mjs, read-only. */
export async function programs(): Promise<readonly Mount[]> {
  return [
    { source: await realpath(process.execPath), target: INSIDE.node, mode: "ro" },
    { source: await beside("forwarder.mjs"), target: INSIDE.forwarder, mode: "ro" },
  ];
}

/** What carries the door over the stdio of `exec -i`. */
export async function doorPrograms(): Promise<readonly Mount[]> {
  return [
    { source: await beside("door.mjs"), target: INSIDE.doorProgram, mode: "ro" },
    { source: await beside("mux.mjs"), target: INSIDE.mux, mode: "ro" },
  ];
}

function beside(name: string): Promise<string> {
  return realpath(fileURLToPath(new URL(name, import.meta.url)));
}
