/** Idle: what a host costs that nobody writes to, with the one group of every install. */
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { startHost, temporaryHome } from "./host.ts";

export interface IdleOptions {
  /** How long to watch its processor time. */
  readonly seconds: number;
  readonly nodeFlags?: readonly string[];
}

export interface IdleReport {
  /** From the start of the process on an empty home until it says that it is ready, ms. */
  readonly firstReadyMs: number;
  /** The same on a home that is there. */
  readonly readyMs: number;
  readonly rssMiB: number;
  /** Of all its threads together, in the kernel's steps of 10 ms. */
  readonly cpuMs: number;
}

/** What a start leaves to do; V8 collects once more by itself about eight seconds after the last work. */
export const SETTLE_MS = 12_000;
/** proc_pid_stat(5): USER_HZ, the same on every Linux that Node supports. */
const TICK_MS = 10;

export async function measureIdle({ seconds, nodeFlags = [] }: IdleOptions): Promise<IdleReport> {
  await using home = await temporaryHome();
  const first = startHost(home.path, nodeFlags);
  const { readyMs: firstReadyMs } = await first.ready;
  await first.stop();

  const host = startHost(home.path, nodeFlags);
  const { readyMs, pid } = await host.ready;
  await pause(SETTLE_MS);
  const before = await cpuMsOf(pid);
  await pause(seconds * 1_000);
  const cpuMs = (await cpuMsOf(pid)) - before;
  const rssMiB = await residentMiB(pid);
  await host.stop();
  return { firstReadyMs, readyMs, rssMiB, cpuMs };
}

export async function residentMiB(pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/**
 * Processor time of all threads of a process by now. utime and stime: fields 14 and 15. The name in
 * parentheses may hold anything, so count from its end.
 */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
