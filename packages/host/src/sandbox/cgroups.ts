/**
 * Limits by cgroups, for a host that may write the hierarchy (root): one cgroup a sandbox in each
 * controller's own hierarchy (v1) or in the one (v2).
 *
 * A cgroup outlives whoever made it, so its name says whose it is: the home, and the process that
 * made it by pid and start time. Only those whose maker is gone are swept, and never another home's.
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TemporaryError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import { newId, SandboxId } from "../core/ids.ts";
import type { SandboxLimits } from "../turns/sandbox.ts";
import { type Held, type Limiter, OWN_PROCESSES } from "./limits.ts";
import { lives, procStat } from "./proc-stat.ts";
import { hasCode } from "../core/error-code.ts";

/** As cpu.max and cpu.cfs_period_us want it: the kernel's default of 100 ms. */
const CPU_PERIOD_US = 100_000;
/** Where processors are short, a sandbox gets a quarter of what anything else does: the host serves all of them. */
const CPU_SHARES = { v1: "256", v2: "25" } as const;
/** A killed process leaves its cgroup within a few ms; a loaded machine gets two seconds. */
const EMPTY_TRIES = 200;
const EMPTY_PAUSE_MS = 10;

/** Becomes the rest of its words, as a member of the cgroups before `--`. */
const JOIN =
  'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

interface Hierarchy {
  /** Where it is mounted. */
  readonly root: string;
  /** File names and what to write. Those marked optional may be missing in this kernel. */
  readonly settings: (
    limits: SandboxLimits,
  ) => readonly (readonly [file: string, value: string, optional?: "optional"])[];
}

export interface CgroupsOptions {
  /** Names the home: letters and digits. */
  readonly homeId: string;
  readonly clock: Clock;
}

/** The limiter of a machine whose cgroups this process may make, else undefined. */
export async function cgroupLimiter({ homeId, clock }: CgroupsOptions): Promise<Limiter | undefined> {
  const mounts = cgroupMounts(await readFile("/proc/self/mountinfo", "utf8"));
  const v1 = version1(mounts);
  const found = v1 ?? (await version2(mounts));
  if (!found) return undefined;

  const prefix = `bellhop-${homeId}-`;
  const mine = `${prefix}${process.pid}.${procStat(process.pid)?.start}-`;
  const limiter: Limiter = {
    tier: v1 ? "cgroup-v1" : "cgroup-v2",
    async hold(id, limits) {
      const cgroups = found.map(({ root }) => join(root, mine + id));
      const close = () => removeAll(cgroups, clock);
      try {
        for (const [index, { settings }] of found.entries()) {
          const cgroup = cgroups[index] ?? "";
          await mkdir(cgroup);
          for (const [file, value, optional] of settings(limits)) {
            await writeFile(join(cgroup, file), value, { flag: "r+" }).catch((error: unknown) => {
              if (!optional) throw error;
            });
          }
        }
      } catch (cause) {
        await close();
        throw new TemporaryError("a cgroup for the sandbox could not be made", { cause });
      }
      return held(cgroups, close);
    },
    async sweep() {
      for (const { root } of found) {
        for (const name of await readdir(root)) {
          if (name.startsWith(prefix) && !makerLives(name.slice(prefix.length))) {
            await removeAll([join(root, name)], clock);
          }
        }
      }
    },
  };
  return (await works(limiter)) ? limiter : undefined;
}

/** Whether one can really be made: a read-only or foreign hierarchy looks the same from outside. */
async function works(limiter: Limiter): Promise<boolean> {
  const smallest = { cpus: 1, memoryBytes: 64 * 1024 * 1024, pids: 1, tmpBytes: 0 };
  try {
    const trial = await limiter.hold(newId(SandboxId), smallest, 0);
    await trial.close();
    return true;
  } catch {
    return false; // the next tier is the answer, and `probe` names it
  }
}

function held(cgroups: readonly string[], close: () => Promise<void>): Held {
  return {
    wrap: ["sh", "-c", JOIN, "sh", ...cgroups, "--"],
    watch: () => undefined, // the kernel does
    async outOfMemory() {
      const counters = await Promise.all(
        cgroups.flatMap((cgroup) =>
          ["memory.oom_control", "memory.events"].map((file) =>
            readFile(join(cgroup, file), "utf8").catch(() => ""),
          ),
        ),
      );
      return counters.some((text) => /^oom_kill [1-9]/m.test(text));
    },
    close,
  };
}

async function removeAll(cgroups: readonly string[], clock: Clock): Promise<void> {
  await Promise.all(cgroups.map((cgroup) => remove(cgroup, clock)));
}

async function remove(cgroup: string, clock: Clock): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await rmdir(cgroup);
      return;
    } catch (cause) {
      if (hasCode(cause, "ENOENT")) return;
      if (!hasCode(cause, "EBUSY") || tries >= EMPTY_TRIES) {
        throw new TemporaryError(`the cgroup ${cgroup} could not be removed`, { cause });
      }
    }
    await killMembers(cgroup);
    await new Promise<void>((resolve) => clock.after(EMPTY_PAUSE_MS, resolve));
  }
}

async function killMembers(cgroup: string): Promise<void> {
  const members = await readFile(join(cgroup, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of members.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
}

interface CgroupMount {
  readonly root: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/** Of `/proc/self/mountinfo` (proc_pid_mountinfo(5)): the mount point is the fifth word. */
function cgroupMounts(mountinfo: string): CgroupMount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [type, , options = ""] = after.split(" ");
    const root = before.split(" ")[4];
    if (root === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    return [{ root, version: type === "cgroup" ? 1 : 2, controllers: options.split(",") } as const];
  });
}

function version1(mounts: readonly CgroupMount[]): Hierarchy[] | undefined {
  const of = (controller: string) =>
    mounts.find(({ version, controllers }) => version === 1 && controllers.includes(controller))?.root;
  const [memory, pids, cpu] = [of("memory"), of("pids"), of("cpu")];
  if (memory === undefined || pids === undefined || cpu === undefined) return undefined;
  const hierarchies: Hierarchy[] = [
    {
      root: memory,
      settings: ({ memoryBytes }) => [
        ["memory.limit_in_bytes", String(memoryBytes)],
        // Memory and swap together; missing where swap is not accounted.
        ["memory.memsw.limit_in_bytes", String(memoryBytes), "optional"],
      ],
    },
    { root: pids, settings: (limits) => [["pids.max", String(limits.pids + OWN_PROCESSES)]] },
    {
      root: cpu,
      settings: ({ cpus }) => [
        ["cpu.cfs_period_us", String(CPU_PERIOD_US)],
        ["cpu.cfs_quota_us", String(Math.round(cpus * CPU_PERIOD_US))],
        ["cpu.shares", CPU_SHARES.v1],
      ],
    },
  ];
  // Controllers mounted together share a cgroup: it is made once.
  return [...Map.groupBy(hierarchies, ({ root }) => root)].map(([root, same]) => ({
    root,
    settings: (limits) => same.flatMap(({ settings }) => settings(limits)),
  }));
}

async function version2(mounts: readonly CgroupMount[]): Promise<Hierarchy[] | undefined> {
  const root = mounts.find(({ version }) => version === 2)?.root;
  if (root === undefined) return undefined;
  const control = join(root, "cgroup.subtree_control");
  const wanted = ["memory", "pids", "cpu"];
  const given = async () => (await readFile(control, "utf8").catch(() => "")).trim().split(" ");
  const missing = async () => {
    const there = await given();
    return wanted.filter((controller) => !there.includes(controller));
  };
  if ((await missing()).length > 0) {
    const add = (await missing()).map((controller) => `+${controller}`).join(" ");
    // Refused where processes live in the root itself (a container): then this tier is not to be had.
    await writeFile(control, add, { flag: "r+" }).catch(() => undefined);
    if ((await missing()).length > 0) return undefined;
  }
  return [
    {
      root,
      settings: ({ memoryBytes, pids, cpus }) => [
        ["memory.max", String(memoryBytes)],
        ["memory.swap.max", "0", "optional"],
        ["pids.max", String(pids + OWN_PROCESSES)],
        ["cpu.max", `${Math.round(cpus * CPU_PERIOD_US)} ${CPU_PERIOD_US}`],
        ["cpu.weight", CPU_SHARES.v2],
      ],
    },
  ];
}

/** Of the rest of a name: `pid.start-sandbox`. What we did not write so is left alone. */
function makerLives(rest: string): boolean {
  const maker = /^(\d+)\.(\d+)-/.exec(rest);
  if (!maker) return true;
  return lives(Number(maker[1]), maker[2] ?? "");
}
