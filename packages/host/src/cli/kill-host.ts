/**
 * Kills a host that does not answer, with everything that it has started: the last way to stop it.
 *
 * That the right process is hit is shown by the kernel, not by a file: it holds the lock of the home.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { TemporaryError } from "@bellhop/sdk";
import { homePaths } from "../config.ts";
import { hasCode } from "../core/error-code.ts";
import type { Clock } from "../core/clock.ts";
import { lives, procStat } from "../sandbox/proc-stat.ts";
import { sleep } from "./follow.ts";

interface Process {
  readonly pid: number;
  readonly start: string;
}

const LOOK_MS = 10;
const PATIENCE_MS = 5_000;

/** The process that holds the home's lock; undefined where none does. */
export function holderOf(home: string): number | undefined {
  let inode: number;
  try {
    inode = statSync(join(homePaths(home).run, "lock.db")).ino;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  return holderIn(readFileSync("/proc/locks", "utf8"), inode);
}

/** Of proc_locks(5): `1: POSIX  ADVISORY  WRITE 4242 08:01:1234 0 EOF`. */
function holderIn(locks: string, inode: number): number | undefined {
  for (const line of locks.split("\n")) {
    const [, kind, , mode, pid, file = ""] = line.trim().split(/\s+/);
    if (kind === "POSIX" && mode === "WRITE" && file.split(":")[2] === String(inode)) return Number(pid);
  }
  return undefined;
}

/**
 * Resolves with how many processes there were beside it, when all are gone.
 * @throws TemporaryError when something will not die
 */
export async function killHost(pid: number, clock: Clock): Promise<number> {
  const host = identify(pid);
  if (!host) return 0;
  // Before its end: afterwards nobody knows any more whose children these were.
  const children = descendantsOf(pid);
  kill(host);
  for (const child of children) kill(child);
  const deadline = clock.monotonic() + PATIENCE_MS;
  const never = new AbortController().signal;
  while ([host, ...children].some(({ pid, start }) => lives(pid, start))) {
    if (clock.monotonic() > deadline) {
      throw new TemporaryError(`Process ${pid} or a sandbox of it has survived kill -9; look with: ps axf`);
    }
    await sleep(clock, LOOK_MS, never);
  }
  return children.length;
}

function descendantsOf(pid: number): Process[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(Number(name));
    if (parent !== undefined) parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const found: Process[] = [];
  const pids = [...(parents.get(pid) ?? [])];
  for (let next = pids.pop(); next !== undefined; next = pids.pop()) {
    const known = identify(next);
    if (known) found.push(known);
    pids.push(...(parents.get(next) ?? []));
  }
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // gone
  }
}

function identify(pid: number): Process | undefined {
  const start = procStat(pid)?.start;
  return start === undefined ? undefined : { pid, start };
}

function kill({ pid, start }: Process): void {
  if (!lives(pid, start)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
