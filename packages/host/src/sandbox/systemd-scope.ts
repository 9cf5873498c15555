/**
 * Limits for an ordinary user to whom systemd delegates: each sandbox starts in a transient scope
 * of the user's own manager. The scope ends with its last process, so nothing is left to sweep.
 *
 * Not told here: whether the kernel killed something for memory, because the scope and its counters
 * are gone when its end is seen. Such a sandbox ends with `exit`.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { SandboxLimits } from "../turns/sandbox.ts";
import { type Limiter, OWN_PROCESSES } from "./limits.ts";

/** Prints the limits that really hold for it. */
const SHOW = 'c=/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup) && cat "$c/memory.max" "$c/pids.max"';
const TRIAL = { cpus: 1, memoryBytes: 64 * 1024 * 1024, pids: 40, tmpBytes: 0 };
/** A manager that is there answers at once. */
const TRIAL_TIMEOUT_MS = 2_000;

export interface ScopeOptions {
  /** Names the home: letters and digits. */
  readonly homeId: string;
  /** The user, whose manager listens below `/run/user`. */
  readonly uid: number;
  /** The environment a sandbox is started with: PATH alone. */
  readonly env: { readonly PATH: string };
}

/** The limiter of a machine whose systemd grants this user scopes that limit, else undefined. */
export async function scopeLimiter({ homeId, uid, env }: ScopeOptions): Promise<Limiter | undefined> {
  const scope = (name: string, { memoryBytes, pids, cpus }: SandboxLimits) => {
    return [
      ["env", `XDG_RUNTIME_DIR=/run/user/${uid}`],
      ["systemd-run", "--user", "--scope", "--quiet", "--collect", `--unit=bellhop-${homeId}-${name}`],
      ["-p", `MemoryMax=${memoryBytes}`, "-p", "MemorySwapMax=0"],
      ["-p", `TasksMax=${pids + OWN_PROCESSES}`, "-p", `CPUQuota=${Math.round(cpus * 100)}%`],
      ["--"],
    ].flat();
  };
  const limits = `${TRIAL.memoryBytes}\n${TRIAL.pids + OWN_PROCESSES}\n`;
  const [program = "", ...words] = scope(`trial-${process.pid}`, TRIAL).concat("sh", "-c", SHOW);
  try {
    const { stdout } = await promisify(execFile)(program, words, { env, timeout: TRIAL_TIMEOUT_MS });
    if (stdout !== limits) return undefined;
  } catch {
    return undefined; // no systemd, no manager of this user, or no delegation: the next tier, then
  }
  return {
    tier: "systemd-scope",
    hold: async (id, wanted) => ({
      wrap: scope(id, wanted),
      watch: () => undefined, // the kernel does
      outOfMemory: async () => false,
      close: async () => undefined,
    }),
    sweep: async () => undefined,
  };
}
