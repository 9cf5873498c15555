/**
 * Limits where no cgroup can be had (an ordinary user without delegation):
 *
 * - memory: a watchdog that sums what the whole sandbox uses, its private file systems included, and
 *   has it killed past the limit. Between two looks RLIMIT_DATA holds each process;
 * - processes: those its user has now + 512 (RLIMIT_NPROC counts the user's, not the sandbox's);
 * - CPU: none.
 *
 * Not seen: shared memory that no process has mapped (a memfd, a detached System V segment).
 *
 * The watchdog looks through the sandbox's own `/proc`, so it sees all that is inside and nothing
 * else. It runs only while the sandbox does.
 */
import { readdir, readFile, stat, statfs } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { Limiter } from "./limits.ts";

/** design 5.3: enough for what the user does besides, too few for a fork bomb to hurt. */
const MORE_PROCESSES = 512;
/** A sandbox that uses less than half of its memory is looked at so many times less often. */
const CALM = 4;
/**
 * What a JavaScript engine reserves and never touches counts for RLIMIT_DATA: 562 MiB of Node 24, and
 * 9 GiB of the claude CLI, which takes less where it must, but then has nothing left and aborts.
 */
const RESERVED_BYTES = 10 * 1024 ** 3;
/** The private file systems of the profile; what lies in them is memory. */
const PRIVATE = ["/tmp", "/dev/shm", "/home/agent"];

export interface RlimitOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How often the watchdog looks. Short, because a bomb fills a GB in a few of these. @default 250 */
  readonly watchdogMs?: number | undefined;
}

export function rlimitLimiter({ clock, log, watchdogMs = 250 }: RlimitOptions): Limiter {
  return {
    tier: "rlimit+watchdog",
    async hold(_id, { memoryBytes }, uid) {
      const nproc = (await processesOf(uid)) + MORE_PROCESSES;
      const data = memoryBytes + RESERVED_BYTES;
      let exceeded = false;
      let stop = () => undefined as void;
      return {
        wrap: ["prlimit", `--data=${data}:${data}`, `--nproc=${nproc}:${nproc}`],
        watch(initPid, kill) {
          let stopped = false;
          let calm = false;
          let cancel = () => undefined as void;
          stop = () => {
            stopped = true;
            cancel();
          };
          const look = async () => {
            if (stopped) return;
            try {
              const used = await memoryOf(initPid, memoryBytes);
              exceeded = used > memoryBytes;
              calm = used < memoryBytes / 2;
            } catch (err) {
              // It may have ended under our eyes; if it has not, the next look says the same again.
              log.debug({ err }, "The memory of a sandbox could not be read");
            }
            if (exceeded) kill();
            else next();
          };
          const next = () => {
            if (!stopped) cancel = clock.after(calm ? CALM * watchdogMs : watchdogMs, () => void look());
          };
          next();
        },
        outOfMemory: async () => exceeded,
        close: async () => stop(),
      };
    },
    sweep: async () => undefined, // nothing of it outlives its sandbox
  };
}

/** Threads count as processes here, as they do for RLIMIT_NPROC. */
async function processesOf(uid: number): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const counts = await Promise.all(
    pids.map(async (pid) => {
      const tasks = await stat(`/proc/${pid}/task`).catch(() => undefined); // ended meanwhile
      return tasks?.uid === uid ? tasks.nlink - 2 : 0;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Bytes in use; a quick upper bound where that is at most `enough`. */
async function memoryOf(initPid: number, enough: number): Promise<number> {
  const inside = `/proc/${initPid}/root`;
  const files = await sum(PRIVATE, async (path) => {
    const { blocks, bfree, bsize } = await statfs(inside + path);
    return (blocks - bfree) * bsize;
  });
  const pids = (await readdir(`${inside}/proc`)).filter((name) => /^\d+$/.test(name));
  const used = async (measure: (proc: string) => Promise<Memory>) => {
    const parts = await Promise.all(pids.map((pid) => measure(`${inside}/proc/${pid}`)));
    const total = (key: keyof Memory) => parts.reduce((sum, part) => sum + part[key], 0);
    // Shared memory that is mapped may be a file of a private file system, counted already.
    return total("anonymous") + Math.max(files, total("shared"));
  };
  // Quick, but counts a page for each process that has it after a fork …
  const bound = await used(resident);
  // … so before anything is killed, a page is counted once.
  return bound <= enough ? bound : await used(proportional);
}

interface Memory {
  readonly anonymous: number;
  readonly shared: number;
}

async function resident(proc: string): Promise<Memory> {
  const text = await readOr(`${proc}/status`, "");
  return { anonymous: bytesOf(text, "RssAnon"), shared: bytesOf(text, "RssShmem") };
}

async function proportional(proc: string): Promise<Memory> {
  const text = await readOr(`${proc}/smaps_rollup`, "");
  return { anonymous: bytesOf(text, "Pss_Anon"), shared: bytesOf(text, "Pss_Shmem") };
}

function bytesOf(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

/** A process may end at any time; then it uses nothing. */
function readOr(file: string, absent: string): Promise<string> {
  return readFile(file, "utf8").catch(() => absent);
}

async function sum<T>(items: readonly T[], measure: (item: T) => Promise<number>): Promise<number> {
  const sizes = await Promise.all(items.map(measure));
  return sizes.reduce((total, size) => total + size, 0);
}
