/** The processes of a living host, by what they are: for faults that strike one of them by its pid. */
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { descendantsOf, type HomeProcess } from "./leftovers.ts";

/** The agent's own program, what supervises its sandbox, what the agent has started, or the process of a plugin. */
export type Part = "agent" | "supervisor" | "child" | "plugin";

const PATIENCE_MS = 10_000;
const LOOK_MS = 50;

/** Resolves as soon as there is one. @throws Error when none comes */
export async function pidOf(host: number, part: Part): Promise<number> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await pause(LOOK_MS)) {
    const [found] = select(await descendantsOf(host), host, part);
    if (found) return found.pid;
  }
  throw new Error(`no ${part} of the host ${host} was there for ${PATIENCE_MS} ms`);
}

/** How many sandboxes work for this host. */
export async function agentsOf(host: number): Promise<number> {
  return select(await descendantsOf(host), host, "agent").length;
}

function select(all: readonly HomeProcess[], host: number, part: Part): HomeProcess[] {
  const isAgent = ({ words }: HomeProcess) => /^\S*node \S*agent\.mjs/.test(words);
  switch (part) {
    case "agent":
      return all.filter(isAgent);
    case "supervisor":
      return all.filter(({ parent }) => parent === host);
    case "child": {
      const agents = new Set(all.filter(isAgent).map(({ pid }) => pid));
      return all.filter(({ parent }) => agents.has(parent));
    }
    case "plugin":
      return all.filter(({ words }) => /^\S*node .*\/plugins\/child\/start\b/.test(words));
    default:
      return part satisfies never;
  }
}

/** What it holds in memory now, in MiB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
