/** What the kernel says of a process, in the little that tells it from another with the same pid. */
import { readFileSync } from "node:fs";

export interface ProcStat {
  /** `Z` when it has ended and only its parent has not yet asked how. */
  readonly state: string;
  /** In clock ticks after boot: a pid comes back, pid and start together do not. */
  readonly start: string;
}

/** Of proc_pid_stat(5), fields 3 and 22; undefined when there is no such process. */
export function procStat(pid: number): ProcStat | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // gone
  }
  // Field 2, in parentheses, is a name that may hold anything: count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", start: fields[19] ?? "" };
}

/** Whether it is still this one, and still does something. */
export function lives(pid: number, start: string): boolean {
  const now = procStat(pid);
  return now !== undefined && now.start === start && now.state !== "Z";
}
