/**
 * Sandboxes: how long one takes to start, in each runtime that this machine has, beside the bare start of the same
 * program, in turns, so that whatever else the machine does falls on all.
 *
 * The program is the echo agent, because it is ready as soon as Node is: what a runtime adds is not hidden behind
 * what an engine's program does first. Ready is when it has answered its first request. Docker and Podman are
 * started for the bench, with an image of their own, so that those of the machine are left alone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { openCertificates } from "../packages/host/src/broker/certificates.ts";
import { openTrust } from "../packages/host/src/broker/trust.ts";
import { loadConfig } from "../packages/host/src/config.ts";
import { systemClock } from "../packages/host/src/core/clock.ts";
import { MAIN, newId, SandboxId } from "../packages/host/src/core/ids.ts";
import { silentLog } from "../packages/host/src/log.ts";
import {
  missingFor,
  type StartedEngine,
  startDockerd,
  startPodman,
} from "../packages/host/src/sandbox/__tests__/engines.ts";
import { createBubblewrap } from "../packages/host/src/sandbox/bubblewrap.ts";
import { createContainers } from "../packages/host/src/sandbox/container/container.ts";
import { docker, podman } from "../packages/host/src/sandbox/container/oci.ts";
import type { SandboxLimits, SandboxRuntime } from "../packages/host/src/turns/sandbox.ts";
import { type Summary, summarise } from "./stats.ts";

export interface SandboxOptions {
  /** Starts of each. */
  readonly samples: number;
}

export interface Started {
  readonly name: string;
  /** What is done before there is a program: folders, limits, a container that is created. */
  readonly prepare: Summary;
  /** From the start of the program to its first answer. */
  readonly ready: Summary;
  /** From the order to end it until nothing is left. */
  readonly gone: Summary;
}

export interface SandboxReport {
  readonly bare: Started;
  readonly runtimes: readonly Started[];
  /** What this machine does not have, and why. */
  readonly missing: readonly string[];
}

const ECHO_AGENT = fileURLToPath(new URL("echo-agent/echo-agent.mjs", import.meta.url));
const INSIDE = "/opt/echo-agent/echo-agent.mjs";
const REQUEST = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } })}\n`;
const WARM_UP = 2;
const MiB = 1024 * 1024;

/** One start; the times are in ms. */
type Once = () => Promise<{ readonly prepare: number; readonly ready: number; readonly gone: number }>;

export async function measureSandbox({ samples }: SandboxOptions): Promise<SandboxReport> {
  const root = await mkdtemp(join(await realpath(tmpdir()), "bellhop-bench-"));
  const engines: StartedEngine[] = [];
  const missing: string[] = [];
  try {
    for (const [name, start] of [["docker", startDockerd] as const, ["podman", startPodman] as const]) {
      const why = missingFor(name);
      if (why === undefined) engines.push(await start());
      else missing.push(`${name}: ${why}`);
    }
    const ways = new Map<string, Once>([["bare", bare(root)]]);
    const furnish = await trust(root);
    for (const [name, runtime] of runtimesOf(root, engines)) {
      const probe = await runtime.probe();
      const folder = join(root, name.replaceAll(/\W+/g, "-"));
      if (probe.ok) ways.set(name, await inRuntime(runtime, folder, furnish));
      else missing.push(`${name}: ${probe.reason}`);
    }
    const [first, ...rest] = await inTurns(ways, samples);
    if (!first) throw new TypeError("there is always the bare start");
    return { bare: first, runtimes: rest, missing };
  } finally {
    for (const engine of engines) await engine.stop();
    await rm(root, { recursive: true, force: true });
  }
}

function runtimesOf(root: string, engines: readonly StartedEngine[]): [string, SandboxRuntime][] {
  const own = { clock: systemClock, log: silentLog };
  const containers = engines.flatMap(({ name, image, env }): [string, SandboxRuntime][] => {
    const dialect = name === "docker" ? docker : podman;
    const home = join(root, `home-${name}`);
    return [
      [name, createContainers({ dialect, home, image, env, door: "socket", ...own })],
      [`${name}, door by exec`, createContainers({ dialect, home, image, env, door: "exec", ...own })],
    ];
  });
  return [["bubblewrap", createBubblewrap({ home: join(root, "home-bubblewrap"), ...own })], ...containers];
}

/** What lies beside every door, because each Node that starts reads some of it. */
async function trust(root: string): Promise<(doorDirectory: string) => Promise<void>> {
  const directory = join(root, "ca");
  const { ca } = await openCertificates({ directory, clock: systemClock, random: randomBytes });
  return await openTrust(root, ca);
}

async function inTurns(ways: ReadonlyMap<string, Once>, samples: number): Promise<Started[]> {
  const times = [...ways.keys()].map((name) => {
    return { name, prepare: [] as number[], ready: [] as number[], gone: [] as number[] };
  });
  for (let round = -WARM_UP; round < samples; round += 1) {
    for (const of of times) {
      const took = await ways.get(of.name)?.();
      if (!took || round < 0) continue;
      for (const what of ["prepare", "ready", "gone"] as const) of[what].push(took[what]);
    }
  }
  return times.map(({ name, prepare, ready, gone }) => {
    return { name, prepare: summarise(prepare), ready: summarise(ready), gone: summarise(gone) };
  });
}

/** The same Node and the same program, as a child of this process. */
function bare(home: string): Once {
  return async () => {
    const begun = performance.now();
    const child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable } = spawn(
      process.execPath,
      [ECHO_AGENT],
      { cwd: home, env: { HOME: home }, stdio: ["pipe", "pipe", "inherit"] },
    );
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await answered(child);
    const ready = performance.now();
    child.kill("SIGKILL");
    await exited;
    return { prepare: 0, ready: ready - begun, gone: performance.now() - ready };
  };
}

async function inRuntime(
  runtime: SandboxRuntime,
  folder: string,
  furnish: (doorDirectory: string) => Promise<void>,
): Promise<Once> {
  const [group, engineHome, doorDirectory] = ["group", "engine", "door"].map((name) => join(folder, name));
  if (!group || !engineHome || !doorDirectory) throw new TypeError("three names are three folders");
  for (const path of [group, engineHome, doorDirectory]) await mkdir(path, { recursive: true });
  await furnish(doorDirectory);
  const limits = defaultLimits(folder);
  return async () => {
    const begun = performance.now();
    const sandbox = await runtime.prepare({
      id: newId(SandboxId),
      group: MAIN,
      groupNumber: 1,
      mounts: [
        { source: group, target: "/workspace/group", mode: "rw" },
        { source: engineHome, target: "/home/agent/.claude", mode: "rw" },
        { source: ECHO_AGENT, target: INSIDE, mode: "ro" },
      ],
      doorDirectory,
      limits,
    });
    const prepared = performance.now();
    const running = sandbox.spawn({ argv: ["/opt/bellhop/bin/node", INSIDE], env: {} });
    running.stderr.pipe(process.stderr, { end: false });
    await answered(running);
    const ready = performance.now();
    await running.kill();
    return { prepare: prepared - begun, ready: ready - prepared, gone: performance.now() - ready };
  };
}

function defaultLimits(home: string): SandboxLimits {
  const { cpus, memoryMb, pids, tmpMb } = loadConfig({ home, env: {}, flags: {} }).sandbox;
  return { cpus, memoryBytes: memoryMb * MiB, pids, tmpBytes: tmpMb * MiB };
}

/** @throws Error when it ends before it has said anything */
async function answered({ stdin, stdout }: { stdin: Writable; stdout: Readable }): Promise<void> {
  stdin.on("error", () => undefined); // it ends without reading when it is killed
  stdin.write(REQUEST);
  await new Promise<void>((resolve, reject) => {
    stdout.once("data", () => resolve());
    stdout.once("close", () => reject(new Error("the echo agent ended before it had answered")));
  });
  stdout.resume();
}
