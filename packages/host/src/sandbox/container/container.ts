/**
 * Sandboxes by a container engine: Docker, Podman, or another whose words are in a dialect.
 *
 * - A container is created while the engine of the agent starts up, and started with its one program. It holds
 *   the group's folders, Node, forwarder.mjs and the agent's program as mounts; the image is used read-only.
 * - forwarder.mjs is the first to run. It gets its order over the line of life, compares what is mounted with
 *   what the host had opened (F30), and only then runs the program, whose own stdio stay clean.
 * - Everything ends with the host (guard.ts), and what a host left is swept by the next of the same home.
 */
import { BellhopError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { chmod, mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import {
  type Mount,
  type PreparedSandbox,
  type Probe,
  type SandboxRuntime,
  type SandboxSpec,
  UnreadyError,
} from "../../turns/sandbox.ts";
import { homeIdOf } from "../home-id.ts";
import { NOFILE, OWN_PROCESSES } from "../limits.ts";
import { checkedTargets, environment, etcFiles, INSIDE, SHM_BYTES } from "../profile.ts";
import { doorPrograms, programs } from "../programs.ts";
import { type Inmates, seccompJson } from "../seccomp.ts";
import { handOver, lookAtSources, openSources, type Source } from "../sources.ts";
import { sandboxUid } from "../staging.ts";
import { trial } from "../trial.ts";
import { UnfitError } from "../unfit.ts";
import { createClient, RefusedError } from "./client.ts";
import { type ContainerOrder, type Dialect, LABEL } from "./dialect.ts";
import { openExecDoor, withoutMark } from "./exec-door.ts";
import { startGuard, sweep, thisHost } from "./guard.ts";
import { type Line, openLine } from "./line.ts";
import { launchContainer, removeContainer } from "./run.ts";
import { trustMounts } from "./trust.ts";

export interface ContainersOptions {
  readonly dialect: Dialect;
  /** BELLHOP_HOME. */
  readonly home: string;
  readonly image: string;
  /** What the engine's client is found by, PATH and HOME included; nothing secret. */
  readonly env: Readonly<Record<string, string>>;
  /** How connections get out: over a socket that is mounted, or over `exec -i`. @default what this engine can do */
  readonly door?: "auto" | "socket" | "exec";
  /** The OCI runtime that the engine is to use, such as runsc. @default the engine's own */
  readonly ociRuntime?: string | undefined;
  /** @default agent */
  readonly inmates?: Inmates;
  readonly clock: Clock;
  readonly log: Log;
}

/** An engine under load. */
const CREATE_MS = 60_000;
/** Where the line's folder is seen inside. */
const LINE = "/run/bellhop-line";
/** What door.mjs takes of `pids` beside forwarder.mjs. */
const DOOR_PROCESSES = 16;
/** The folder of sockets that are made inside. */
const SOCKETS_BYTES = 64 * 1024;
const ENGINE_IS_DOWN =
  /cannot connect to the|is the docker daemon running|connection refused|error during connect|no such host|broken pipe|unexpected EOF/i;

/** The runtime. Nothing is done before the first call of it. */
export function createContainers(options: ContainersOptions): SandboxRuntime {
  const { dialect, home, image, clock, log } = options;
  const client = createClient(dialect.program, options.env, dialect.install);
  const run = join(home, "run");
  const etc = new Map<string, Promise<readonly Mount[]>>();
  let machine: ReturnType<typeof inspect> | undefined;
  let guarded = false;

  /** What stays the same from sandbox to sandbox. Looked at again after a failure: it may be mended. */
  function ready() {
    machine ??= inspect().catch((error: unknown) => {
      machine = undefined;
      throw error;
    });
    return machine;
  }

  async function inspect() {
    const facts = await dialect.facts(client).catch((cause: unknown) => {
      if (!(cause instanceof TemporaryError)) throw cause;
      throw new UnreadyError(`${dialect.name} does not answer (${cause.message})`, { cause });
    });
    await client.run(dialect.image(image), CREATE_MS).catch((cause: unknown) => {
      if (!(cause instanceof RefusedError)) throw cause;
      throw new UnreadyError(`${dialect.name} does not have the image ${image}`, { cause });
    });
    await mkdir(run, { recursive: true, mode: 0o700 });
    const real = await realpath(home);
    const homeId = homeIdOf(real);
    const host = thisHost();
    await sweep(client, dialect, homeId, log);
    if (!guarded) startGuard({ client, dialect, label: `${LABEL.host}=${host}`, clock, log });
    guarded = true;
    const seccomp = join(run, `seccomp-${dialect.name}.json`);
    await writeFile(seccomp, JSON.stringify(seccompJson(options.inmates ?? "agent")));
    const asked = options.door ?? "auto";
    const byExec = asked === "exec" || (asked === "auto" && !facts.sameKernel);
    return {
      facts,
      homeId,
      host,
      byExec,
      seccomp: facts.seccomp ? seccomp : undefined,
      home: { given: home, real },
      programs: [...(await programs()), ...(byExec ? await doorPrograms() : [])],
      nofile: await openFiles(),
    };
  }

  async function prepare(spec: SandboxSpec): Promise<PreparedSandbox> {
    const { facts, byExec, ...host } = await ready();
    const own = sandboxUid(spec.groupNumber);
    const user = { uid: own ?? process.getuid?.() ?? 0, gid: own ?? process.getgid?.() ?? 0 };
    const name = `bellhop-${spec.id}`;
    const line = byExec ? undefined : await openLine(join(run, "lines", spec.id), own);
    let sources: readonly Source[] = [];
    let door: Awaited<ReturnType<typeof openExecDoor>> | undefined;

    async function cut(): Promise<void> {
      await Promise.all([line?.close(), door?.close()]);
    }
    async function giveBack(): Promise<void> {
      const closed = await Promise.allSettled([cut(), ...sources.map((source) => source.close())]);
      for (const one of closed) {
        if (one.status === "rejected") log.error({ err: one.reason }, "A sandbox left something behind");
      }
    }
    try {
      const sockets = line ? socketMounts(line, spec) : [];
      const wanted = [...host.programs, ...(await etcMounts(user)), ...sockets, ...spec.mounts];
      const checked = withoutSockets(checkedTargets([...wanted, ...reserved(byExec, spec)]));
      const trust = byExec ? trustMounts(spec.doorDirectory) : [];
      // Held by descriptor where the kernel lets us, else only looked at.
      const open = process.platform === "linux" ? openSources : lookAtSources;
      sources = await open([...checked, ...trust], host.home);
      if (own !== undefined) await handOver(sources, own, log);
      if (byExec)
        door = await openExecDoor({ client, dialect, name, doorDirectory: spec.doorDirectory, log });
      const tmpfs = [
        { target: "/tmp", bytes: spec.limits.tmpBytes, own: false },
        { target: INSIDE.home, bytes: spec.limits.tmpBytes, own: true },
        ...(byExec ? [{ target: INSIDE.door, bytes: SOCKETS_BYTES, own: true }] : []),
      ];
      await create({
        name,
        labels: { [LABEL.home]: host.homeId, [LABEL.sandbox]: spec.id, [LABEL.host]: host.host },
        image,
        user,
        limits: spec.limits,
        pids: spec.limits.pids + OWN_PROCESSES + (byExec ? DOOR_PROCESSES : 0),
        mounts: sources.map(({ path, target, mode }) => ({ source: path, target, mode })),
        tmpfs,
        shmBytes: SHM_BYTES,
        nofile: host.nofile,
        seccomp: host.seccomp,
        ociRuntime: options.ociRuntime,
        entry: entry(facts.init, byExec ? `listen:${INSIDE.door}/line.sock` : `${LINE}/s`),
      });
    } catch (error) {
      await giveBack();
      throw error;
    }

    async function create(order: ContainerOrder): Promise<void> {
      try {
        await client.run(dialect.create(order, facts), CREATE_MS);
      } catch (cause) {
        if (!(cause instanceof RefusedError)) {
          await removeContainer(client, dialect, name, log); // it may come yet
          throw cause;
        }
        if (dialect.noImage.test(cause.printed)) {
          throw new UnreadyError(`${dialect.name} does not have the image ${image} any more`, { cause });
        }
        if (ENGINE_IS_DOWN.test(cause.printed)) {
          throw new UnreadyError(`${dialect.name} does not answer any more`, { cause });
        }
        throw cause;
      }
    }

    let state: "prepared" | "spawned" | "disposed" = "prepared";
    return {
      spawn(command) {
        if (state !== "prepared") throw new RejectedError(`this sandbox is ${state} already`);
        const env = environment(command);
        state = "spawned";
        // On another kernel the same file has another number: there only the names were compared.
        const mounts = facts.sameKernel ? sources.map(({ target, dev, ino }) => ({ target, dev, ino })) : [];
        const order = `${JSON.stringify({ mounts, env, argv: command.argv, cwd: command.cwd ?? INSIDE.group })}\n`;
        return launchContainer({
          client,
          dialect,
          name,
          attach(stderr) {
            line?.order(order);
            return door ? withoutMark(stderr, () => door?.bring(order)) : stderr;
          },
          starved: () => line?.starved() ?? door?.starved() ?? false,
          cut,
          release: giveBack,
          clock,
          log,
        });
      },
      async dispose() {
        if (state !== "prepared") return;
        state = "disposed";
        await removeContainer(client, dialect, name, log);
        await giveBack();
      },
    };
  }

  /** What programs look for in /etc, as files that an engine can mount. Written once for each user. */
  function etcMounts({ uid, gid }: ContainerOrder["user"]): Promise<readonly Mount[]> {
    const key = `${uid}.${gid}`;
    const made = etc.get(key) ?? writeEtc(join(run, "etc", key), String(uid), String(gid));
    etc.set(key, made);
    made.catch(() => etc.delete(key));
    return made;
  }

  return {
    name: dialect.name,
    async probe(): Promise<Probe> {
      try {
        const { facts, byExec } = await ready();
        const { said, code } = await trial(prepare, { home, clock });
        if (code !== 0) {
          throw new UnfitError(
            `A trial container ended with code ${code}: ${said.trim().slice(-500) || "it said nothing"}`,
            `Mend that, or choose another runtime`,
          );
        }
        const notes = [
          ...(dialect.unverified ? ["unverified"] : []),
          ...(byExec ? ["door by exec"] : []),
          ...(facts.seccomp ? [] : ["without seccomp"]),
        ];
        return { ok: true, version: [facts.version, ...notes].join(", "), limits: facts.limits };
      } catch (error) {
        return whyNot(error);
      }
    },
    prepare,
  };

  function whyNot(error: unknown): Probe {
    if (error instanceof UnfitError) return { ok: false, reason: error.reason, fix: error.fix };
    if (error instanceof UnreadyError) {
      const fix = error.message.includes("the image")
        ? "Build it with: bellhop image build"
        : `Start ${dialect.name}, or choose another runtime`;
      return { ok: false, reason: error.message, fix, mayPass: true };
    }
    if (!(error instanceof BellhopError)) throw error;
    return { ok: false, reason: error.message, fix: "Mend that and start Bellhop again" };
  }
}

/** In the place of an init that the engine does not bring, a shell: it buries orphans, too. */
function entry(init: boolean, line: string): ContainerOrder["entry"] {
  const words = [INSIDE.forwarder, line];
  if (init) return [INSIDE.node, ...words];
  return ["/bin/sh", "-c", '"$@"; exit $?', "sh", INSIDE.node, ...words];
}

function socketMounts(line: Line, { doorDirectory }: SandboxSpec): readonly Mount[] {
  return [
    { source: line.directory, target: LINE, mode: "ro" },
    { source: doorDirectory, target: INSIDE.door, mode: "ro" },
  ];
}

/** Where sockets are made inside, nothing can be mounted. */
function reserved(byExec: boolean, { doorDirectory }: SandboxSpec): readonly (Mount & { reserved: true })[] {
  return byExec ? [{ source: doorDirectory, target: INSIDE.door, mode: "rw", reserved: true }] : [];
}

function withoutSockets(mounts: readonly (Mount & { reserved?: true })[]): readonly Mount[] {
  return mounts.filter(({ reserved }) => reserved === undefined);
}

async function writeEtc(folder: string, uid: string, gid: string): Promise<readonly Mount[]> {
  await mkdir(folder, { recursive: true });
  // Without any server in it: there are no names in a sandbox.
  const files = { ...etcFiles(uid, gid), "/etc/resolv.conf": "" };
  return await Promise.all(
    Object.entries(files).map(async ([target, content]) => {
      const source = join(folder, basename(target));
      await writeFile(source, content);
      await chmod(source, 0o644); // whatever the umask: the sandbox's user reads it
      return { source, target, mode: "ro" } as const;
    }),
  );
}

/** No more than this process may have itself: a limit can only be lowered. */
async function openFiles(): Promise<number> {
  if (process.platform !== "linux") return NOFILE;
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8"))?.[1];
  return Math.min(NOFILE, hard === undefined ? NOFILE : Number(hard));
}
