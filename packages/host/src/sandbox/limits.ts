/**
 * How much of the machine a sandbox may use. Which of the machine's means holds it is its tier;
 * `status` names it, because they do not promise the same:
 *
 * - `cgroup-v1`, `cgroup-v2`: memory, processes and CPU of the whole tree, held by the kernel.
 * - `systemd-scope`: the same for an ordinary user to whom systemd delegates.
 * - `rlimit+watchdog`: where there is neither. See rlimits.ts.
 *
 * In every tier: no core files, a limit of descriptors a process, and capped private file systems.
 */
import type { SandboxId } from "../core/ids.ts";
import type { SandboxLimits } from "../turns/sandbox.ts";

export type LimitsTier = "cgroup-v1" | "cgroup-v2" | "systemd-scope" | "rlimit+watchdog";

export interface Limiter {
  readonly tier: LimitsTier;
  /** @param uid the user the sandbox will run as */
  hold(id: SandboxId, limits: SandboxLimits, uid: number): Promise<Held>;
  /** Ends and gives back what hosts of this home that were killed have left behind. */
  sweep(): Promise<void>;
}

/** The limits of one sandbox. */
export interface Held {
  /** Words before the command to be limited, each a program that becomes the next one by exec. */
  readonly wrap: readonly string[];
  /** Called once with the pid of the sandbox's init; `exceeded` when the host itself must end it. */
  watch(initPid: number, exceeded: () => void): void;
  /** Whether something in here was killed for want of memory. */
  outOfMemory(): Promise<boolean>;
  /** Kills what is left and gives everything back. */
  close(): Promise<void>;
}

/** What the sandbox's own processes and the threads of the forwarder take of `pids`. */
export const OWN_PROCESSES = 24;
/** Descriptors a process: enough for any build, too few to eat the machine's. */
export const NOFILE = 4096;
