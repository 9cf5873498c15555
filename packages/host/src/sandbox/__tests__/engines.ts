/**
 * Real container engines for tests: a Docker daemon and a Podman store of their own in a temporary
 * folder, each with one small image. Nothing of them is left when they are stopped, and they stop when
 * the test's process dies.
 *
 * No registry is asked: the image is a minimal Debian that `debootstrap` makes once on a machine. Node,
 * the forwarder and the agent's program are mounted, so nothing has to be installed in it.
 */
import { execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { ImageEngine } from "../image/builder.ts";

const execute = promisify(execFile);

/** What the image is made with; another list is another image. */
const SUITE = ["--variant=minbase", "bookworm"] as const;
const IMAGE = "bellhop-test-base:latest";
const PATH = process.env["PATH"] ?? "";
/** Clients before this version have BuildKit in them; later ones need a plugin for it. */
const BUILDX_APART = 23;

export interface StartedEngine {
  readonly name: "docker" | "podman";
  /** What its command line client is found by, PATH included. */
  readonly env: Readonly<Record<string, string>>;
  readonly image: string;
  /** The engine as images are built with it. */
  readonly builder: ImageEngine;
  /** Further words that its `build` and `run` need on such machines. */
  readonly limits: readonly string[];
  /** Runs its client. @returns what it prints */
  run(...words: string[]): Promise<string>;
  stop(): Promise<void>;
}

/**
 * What is missing on this machine to start it, or undefined.
 * @throws Error in its place where BELLHOP_CI=1 asks for everything
 */
export function missingFor(engine: "docker" | "podman"): string | undefined {
  const why = whatIsMissing(engine);
  if (why !== undefined && process.env["BELLHOP_CI"] === "1")
    throw new Error(`${engine} cannot be proved: ${why}`);
  return why;
}

function whatIsMissing(engine: "docker" | "podman"): string | undefined {
  if (process.getuid?.() !== 0) return "only root can start a container engine of its own";
  const wanted = engine === "docker" ? ["docker", "dockerd"] : ["podman"];
  const missing = [...wanted, "runc", "debootstrap", "setpriv", "flock"].filter((program) => {
    return onPath(program).length === 0;
  });
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

function onPath(program: string): string[] {
  return [...new Set(PATH.split(delimiter))].map((folder) => join(folder, program)).filter(existsSync);
}

/** A Docker daemon of the test's own. */
export async function startDockerd(): Promise<StartedEngine> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-dockerd-"));
  const socket = `unix://${join(folder, "docker.sock")}`;
  const daemon = spawn(
    "setpriv",
    [
      ["--pdeathsig", "TERM", "dockerd"],
      ["--iptables=false", "--bridge=none", "--ip-forward=false"],
      ["--exec-opt", "native.cgroupdriver=cgroupfs"],
      ["--host", socket, "--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
      ["--pidfile", join(folder, "pid")],
      // Where a containerd of the machine's runs already, Docker uses that one.
      ["--containerd-namespace", basename(folder), "--containerd-plugins-namespace", `${basename(folder)}-p`],
    ].flat(),
    { stdio: ["ignore", "ignore", "pipe"], detached: true },
  );
  async function stop(): Promise<void> {
    if (daemon.pid !== undefined && daemon.exitCode === null && daemon.signalCode === null) {
      daemon.kill("SIGTERM");
      await once(daemon, "exit");
    }
    await clear(folder);
  }
  try {
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface(daemon.stderr).on("line", (line) => {
        said.push(line);
        if (line.includes("API listen on")) resolve();
      });
      daemon.once("error", reject);
      daemon.once("exit", () => reject(new Error(`dockerd did not start:\n${said.slice(-20).join("\n")}`)));
    });
    const base = { HOME: folder, DOCKER_HOST: socket };
    const clients = await dockerClients(base);
    const env = { ...base, PATH: await pathWith("docker", clients.first, folder) };
    const builder = { name: "docker", command: [clients.builder], env } as const;
    const run = runner(clients.first, env);
    await run("import", await baseImage(), IMAGE);
    return { name: "docker", env, image: IMAGE, builder, limits: [], run, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Several clients may be on PATH, of other makers and years than the daemon; not each speaks with each.
 * `builder` has BuildKit in it where one does: the classic builder knows no secrets, which mirrors need.
 */
async function dockerClients(env: Record<string, string>): Promise<{ first: string; builder: string }> {
  const working: { client: string; version: number }[] = [];
  const refused: string[] = [];
  for (const client of onPath("docker")) {
    try {
      const { stdout } = await execute(
        client,
        ["version", "--format", "{{.Client.Version}} {{.Server.Version}}"],
        { env: { ...env, PATH } },
      );
      working.push({ client, version: Number.parseInt(stdout, 10) });
    } catch (error) {
      refused.push(String(error));
    }
  }
  const [first] = working;
  if (!first) throw new Error(`no docker client on PATH can speak with this dockerd:\n${refused.join("\n")}`);
  const builder = working.find(({ version }) => version < BUILDX_APART) ?? first;
  return { first: first.client, builder: builder.client };
}

/** PATH on which `program` is this one, and everything else as before. */
async function pathWith(program: string, file: string, folder: string): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin);
  await symlink(file, join(bin, program));
  return `${bin}${delimiter}${PATH}`;
}

/** A Podman store of the test's own. Podman has no daemon: there is nothing to start. */
export async function startPodman(): Promise<StartedEngine> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-podman-"));
  const [conf, storage] = [join(folder, "containers.conf"), join(folder, "storage.conf")];
  await writeFile(
    conf,
    [
      "[engine]",
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      'runtime = "runc"', // crun refuses machines that mount both versions of cgroups
      `tmp_dir = "${join(folder, "tmp")}"`,
    ].join("\n"),
  );
  await writeFile(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${join(folder, "root")}"\nrunroot = "${join(folder, "run")}"\n`,
  );
  const env = { PATH, HOME: folder, CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage };
  const run = runner("podman", env);
  async function stop(): Promise<void> {
    try {
      await run("rm", "--force", "--all", "--time", "0");
    } finally {
      await clear(folder);
    }
  }
  try {
    await run("import", await baseImage(), IMAGE);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: "podman",
    env,
    image: `localhost/${IMAGE}`,
    builder: { name: "podman", command: ["podman"], env },
    // Its own defaults are more than a process without CAP_SYS_RESOURCE may ask for.
    limits: ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4000:4000"],
    run,
    stop,
  };
}

function runner(client: string, env: Record<string, string>): StartedEngine["run"] {
  return async (...words) => {
    const { stdout } = await execute(client, words, { env, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  };
}

/** $1 the archive, then what debootstrap is told. Whoever comes second finds it made. */
const MAKE_BASE = `
  set -eu
  archive=$1; shift
  [ ! -e "$archive" ] || exit 0
  work=$(mktemp -d "$archive.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/root"
  debootstrap "$@" "$work/root"
  tar -C "$work/root" --exclude='./var/cache/apt/archives/*.deb' -cf "$work/base.tar" .
  mv "$work/base.tar" "$archive"`;

/**
 * A minimal Debian as a tar file, made once on a machine and kept in its temporary folder under a name
 * that says what is in it. Test files that want it at once make it once.
 */
async function baseImage(): Promise<string> {
  const folder = join(tmpdir(), `bellhop-test-base-${process.getuid?.()}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = createHash("sha256").update(SUITE.join(" ")).digest("hex").slice(0, 12);
  const archive = join(folder, `${key}.tar`);
  if (existsSync(archive)) return archive;
  const words = [join(folder, "lock"), "/bin/sh", "-c", MAKE_BASE, "sh", archive, ...SUITE];
  await execute("flock", words, { maxBuffer: 64 * 1024 * 1024 });
  return archive;
}

/** The mirror's settings of this machine, as secrets of a build. */
export function aptSecrets(): Record<string, string> {
  const sources = "/etc/apt/sources.list.d/debian.sources";
  return existsSync(sources) ? { apt_sources: sources } : {};
}

/** With what is still mounted below it. */
async function clear(folder: string): Promise<void> {
  const mounted = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of mounted.toReversed()) spawnSync("umount", ["--lazy", path]);
  await rm(folder, { recursive: true, force: true });
}
