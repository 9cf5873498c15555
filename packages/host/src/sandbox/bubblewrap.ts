/**
 * Sandboxes by bubblewrap: no daemon, no image, a few milliseconds. Linux.
 *
 * - What starts a sandbox is a chain of programs that become each other by exec: limits, prlimit, as
 *   root staging and the change to the group's user, bubblewrap. Bubblewrap never runs as root: every
 *   sysctl of the machine could then be written from inside.
 * - The chain starts with nothing but PATH in its environment, and bubblewrap takes its options by
 *   descriptor: both can be read inside, as those of process 1.
 * - Everything ends with the host: bubblewrap dies with its parent, and forwarder.mjs holds a line to it.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BellhopError, RejectedError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { PreparedSandbox, Probe, SandboxRuntime, SandboxSpec } from "../turns/sandbox.ts";
import { chooseLimiter } from "./choose-limiter.ts";
import { homeIdOf } from "./home-id.ts";
import { FD, launch, START } from "./launch.ts";
import { type Held, type LimitsTier, NOFILE } from "./limits.ts";
import { checkedTargets, environment, ETC_FILES, hostTrees, INSIDE, profile } from "./profile.ts";
import { programs } from "./programs.ts";
import { seccompFilter } from "./seccomp.ts";
import { handOver, openSources } from "./sources.ts";
import { sandboxUid, stage } from "./staging.ts";
import { trial } from "./trial.ts";
import { explained, howToInstall, UnfitError } from "./unfit.ts";

export interface BubblewrapOptions {
  /** BELLHOP_HOME. */
  readonly home: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How often the watchdog of the tier `rlimit+watchdog` looks. @default 250 ms */
  readonly watchdogMs?: number | undefined;
  /** Only this tier of limits will do. @default the strongest of this machine */
  readonly limits?: LimitsTier | undefined;
}

/** The runtime. Nothing is done before the first call of it. */
export function createBubblewrap({
  home,
  clock,
  log,
  watchdogMs,
  limits,
}: BubblewrapOptions): SandboxRuntime {
  let machine: ReturnType<typeof inspect> | undefined;

  /** What stays the same from sandbox to sandbox. Looked at again after a failure: it may be mended. */
  function ready() {
    machine ??= inspect().catch((error: unknown) => {
      machine = undefined;
      throw error;
    });
    return machine;
  }

  async function inspect() {
    const version = await bubblewrapVersion();
    const seccomp = seccompFilter(process.arch);
    await mkdir(join(home, "run"), { recursive: true, mode: 0o700 });
    const real = await realpath(home);
    const homeId = homeIdOf(real);
    const uid = process.getuid?.() ?? 0;
    const limiter = await chooseLimiter({ homeId, uid, env: START, only: limits, clock, log, watchdogMs });
    await limiter.sweep();
    return {
      version,
      limiter,
      seccomp,
      uid,
      home: { given: home, real },
      programs: await programs(),
      trees: await hostTrees(),
      rlimits: await rlimits(),
    };
  }

  async function prepare(spec: SandboxSpec): Promise<PreparedSandbox> {
    const { limiter, programs: own, trees, rlimits, seccomp, ...host } = await ready();
    const uid = sandboxUid(spec.groupNumber);
    const door = { source: spec.doorDirectory, target: INSIDE.door, mode: "ro" } as const;
    const sources = await openSources(checkedTargets([...own, door, ...spec.mounts]), host.home);

    let held: Held | undefined;
    async function giveBack(): Promise<void> {
      const closed = await Promise.allSettled([held?.close(), ...sources.map((source) => source.close())]);
      for (const one of closed) {
        if (one.status === "rejected") log.error({ err: one.reason }, "A sandbox left something behind");
      }
    }
    try {
      if (uid !== undefined) await handOver(sources, uid, log);
      const staged = uid === undefined ? undefined : await stage(sources, uid);
      const limited = await limiter.hold(spec.id, spec.limits, uid ?? host.uid);
      held = limited;

      const mounts = sources.map(({ path, target, mode }, index) => {
        return { source: staged ? staged.path(index) : path, target, mode };
      });
      const etcFds = Object.keys(ETC_FILES).map((_, index) => FD.etc + index);
      let state: "prepared" | "spawned" | "disposed" = "prepared";
      return {
        spawn(command) {
          if (state !== "prepared") throw new RejectedError(`this sandbox is ${state} already`);
          const cwd = command.cwd ?? INSIDE.group;
          const env = environment(command);
          const options = profile({ mounts, trees, etcFds, limits: spec.limits }, cwd);
          state = "spawned";
          return launch({
            chain: [
              [limited.wrap, rlimits, staged?.wrap ?? []].flat(),
              // Shells and systemd-run add to the environment, and bubblewrap's is seen inside.
              ["env", "-i", `PATH=${START.PATH}`, "bwrap", "--args", String(FD.args), "--"],
              [INSIDE.node, INSIDE.forwarder, String(FD.line), ...command.argv],
            ].flat(),
            options: [...options, "--seccomp", String(FD.seccomp), "--info-fd", String(FD.info)],
            etc: Object.values(ETC_FILES),
            env,
            held: limited,
            release: giveBack,
            seccomp,
            sources,
            clock,
            log,
          });
        },
        async dispose() {
          if (state !== "prepared") return;
          state = "disposed";
          await giveBack();
        },
      };
    } catch (error) {
      await giveBack();
      throw error;
    }
  }

  return {
    name: "bubblewrap",
    async probe(): Promise<Probe> {
      try {
        const { version, limiter } = await ready();
        const { said, code } = await trial(prepare, { home, clock });
        if (code !== 0) throw explained(said, code);
        return { ok: true, version, limits: limiter.tier };
      } catch (error) {
        if (error instanceof UnfitError) return { ok: false, reason: error.reason, fix: error.fix };
        if (!(error instanceof BellhopError)) throw error;
        return { ok: false, reason: error.message, fix: "Mend that and start Bellhop again" };
      }
    },
    prepare,
  };
}

/** @throws UnfitError when it is missing or lacks what the profile needs */
async function bubblewrapVersion(): Promise<string> {
  if (process.platform !== "linux")
    throw new UnfitError("bubblewrap needs Linux", "Run Bellhop on Linux or in WSL2");
  const run = async (flag: string) => (await promisify(execFile)("bwrap", [flag], { env: START })).stdout;
  let version: string;
  try {
    version = (await run("--version")).trim().replace(/^bubblewrap /, "");
  } catch (cause) {
    throw new UnfitError("bubblewrap is not installed", await howToInstall(), { cause });
  }
  const help = await run("--help");
  if (!help.includes("--disable-userns") || !help.includes("--size")) {
    throw new UnfitError(
      `bubblewrap ${version} is too old: 0.8 is the first that can cap file systems and forbid user namespaces`,
      await howToInstall(),
    );
  }
  return version;
}

/** Those of every tier, as words of the chain. A limit can only be lowered. */
async function rlimits(): Promise<readonly string[]> {
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8"))?.[1];
  const nofile = Math.min(NOFILE, hard === undefined ? NOFILE : Number(hard));
  return ["prlimit", "--core=0:0", `--nofile=${nofile}:${nofile}`];
}
