/**
 * Engines for tests that build images: a Docker engine of the test's own, and Podman with stores of its own, both
 * with a base made by debootstrap, because no image registry can be reached. All of it is gone afterwards but
 * the base's archive, which is kept for the next run.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ImageEngine } from "../image/builder.ts";

export const execute = promisify(execFile);
const PATH = process.env["PATH"] ?? "";
const BASE = "bellhop-test-base:bookworm";

export interface TestEngine extends AsyncDisposable {
  readonly engine: ImageEngine;
  /** Name of the base image in it. */
  readonly base: string;
  /** Further words that this machine's `build` needs. */
  readonly buildOptions: readonly string[];
  readonly runOptions: readonly string[];
}

/** Why this machine cannot do it, or undefined. With BELLHOP_CI=1 that is a failure. */
export function cannot(...programs: string[]): string | undefined {
  const missing = programs.filter(
    (name) => !PATH.split(":").some((folder) => existsSync(join(folder, name))),
  );
  const why =
    process.getuid?.() === 0
      ? missing.length > 0
        ? `${missing.join(", ")} missing`
        : undefined
      : "only root can start engines";
  if (why !== undefined && process.env["BELLHOP_CI"] === "1") throw new Error(why);
  return why;
}

/** Debian's own client, which has BuildKit in it, where it is there; another may only have the classic builder. */
export async function startDocker(client = "docker"): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-docker-"));
  const socket = join(folder, "docker.sock");
  const place = ["data-root", "exec-root", "pidfile"].flatMap((name) => [`--${name}`, join(folder, name)]);
  const options = ["--iptables=false", "--bridge=none", "--exec-opt", "native.cgroupdriver=cgroupfs"];
  const daemon = spawn("dockerd", [...options, ...place, "-H", `unix://${socket}`], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  const engine: ImageEngine = {
    name: "docker",
    command: [client],
    env: { PATH, HOME: folder, DOCKER_HOST: `unix://${socket}` },
  };
  async function close(): Promise<void> {
    daemon.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await Promise.race([answering(socket), ended.then(() => Promise.reject(new Error("dockerd ended")))]);
    await call(engine, "import", await baseArchive(), BASE);
  } catch (error) {
    await close();
    throw error;
  }
  return { engine, base: BASE, buildOptions: [], runOptions: [], [Symbol.asyncDispose]: close };
}

export async function startPodman(): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-podman-"));
  const stores = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
  const engine: ImageEngine = {
    name: "podman",
    command: ["podman", ...stores, "--cgroup-manager=cgroupfs", "--runtime", "runc"],
    env: { PATH, HOME: folder },
  };
  // Here a container may not raise these limits.
  const limits = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4000:4000"];
  async function close(): Promise<void> {
    await call(engine, "system", "reset", "--force").catch(() => undefined); // what is left, `rm` finds
    await execute("umount", ["--recursive", join(folder, "root", "overlay")]).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await call(engine, "import", await baseArchive(), BASE);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    engine,
    base: `localhost/${BASE}`,
    buildOptions: limits,
    runOptions: limits,
    [Symbol.asyncDispose]: close,
  };
}

/** Runs the client. */
export async function call(
  { command: [program, ...before], env }: ImageEngine,
  ...words: string[]
): Promise<string> {
  const { stdout } = await execute(program, [...before, ...words], {
    env: { ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trim();
}

/** A minimal Debian as an archive; made once for this machine. */
async function baseArchive(): Promise<string> {
  const cache = join(tmpdir(), `bellhop-test-base-${process.getuid?.()}`);
  const archive = join(cache, "bookworm-minbase.tar");
  if (existsSync(archive)) return archive;
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(cache, "work-"));
  try {
    await execute("debootstrap", ["--variant=minbase", "bookworm", join(work, "root")], {
      maxBuffer: 64 * 1024 * 1024,
    });
    await execute("tar", ["-C", join(work, "root"), "-cf", join(work, "made.tar"), "."]);
    await rename(join(work, "made.tar"), archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return archive;
}

/** A daemon says nothing when it begins to listen, so it is asked until it does. */
async function answering(socket: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const connection = createConnection(socket, () => {
        connection.destroy();
        resolve(true);
      });
      connection.on("error", () => resolve(false));
    });
    if (open) return;
    await sleep(100);
  }
  throw new Error("dockerd did not begin to listen");
}

/** The mirror's settings of this machine, as secrets of a build. */
export async function aptSecrets(): Promise<Record<string, string>> {
  const sources = "/etc/apt/sources.list.d/debian.sources";
  const there = await readFile(sources, "utf8").then(
    () => true,
    () => false,
  );
  return there ? { apt_sources: sources } : {};
}
