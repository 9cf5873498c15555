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
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What the image is made with; another list is another image. */
const SUITE = ["--variant=minbase", "bookworm"] as const;
const IMAGE = "bellhop-test-base:latest";
const IN_THE_PROCESS = { ...process.env };

export interface StartedEngine {
  readonly name: "docker" | "podman";
  /** What its command line client finds it by. */
  readonly env: Readonly<Record<string, string>>;
  readonly image: string;
  /** Gives the image another name, and takes it away. */
  tag(name: string): Promise<void>;
  untag(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** What is missing on this machine to start it, or undefined. */
export function missingFor(engine: "docker" | "podman"): string | undefined {
  if (process.getuid?.() !== 0) return "only root can start a container engine of its own";
  const wanted = engine === "docker" ? ["docker", "dockerd", "runc"] : ["podman", "runc"];
  const missing = [...wanted, "debootstrap"].filter((program) => !onPath(program));
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

function onPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

/** A Docker daemon of the test's own. */
export async function startDockerd(): Promise<StartedEngine> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-dockerd-"));
  const socket = `unix://${join(folder, "docker.sock")}`;
  const daemon = spawn(
    "setpriv",
    [
      ["--pdeathsig", "TERM", "dockerd"],
      [
        "--iptables=false",
        "--bridge=none",
        "--ip-forward=false",
        "--exec-opt",
        "native.cgroupdriver=cgroupfs",
      ],
      ["--host", socket, "--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
      ["--pidfile", join(folder, "pid")],
    ].flat(),
    { stdio: ["ignore", "ignore", "pipe"], detached: true },
  );
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(daemon.stderr).on("line", (line) => {
      said.push(line);
      if (line.includes("API listen on")) resolve();
    });
    daemon.once("error", reject);
    daemon.once("exit", () => reject(new Error(`dockerd did not start:\n${said.slice(-20).join("\n")}`)));
  });
  const env = { DOCKER_HOST: socket };
  const docker = (...args: string[]) => execute("docker", args, { env: { ...IN_THE_PROCESS, ...env } });
  await docker("import", await baseImage(), IMAGE);
  return {
    name: "docker",
    env,
    image: IMAGE,
    tag: async (name) => void (await docker("tag", IMAGE, name)),
    untag: async (name) => void (await docker("rmi", name)),
    async stop() {
      if (daemon.exitCode === null && daemon.signalCode === null) {
        daemon.kill("SIGTERM");
        await once(daemon, "exit");
      }
      await clear(folder);
    },
  };
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
  const env = { CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage };
  const podman = (...args: string[]) => execute("podman", args, { env: { ...IN_THE_PROCESS, ...env } });
  await podman("import", await baseImage(), IMAGE);
  return {
    name: "podman",
    env,
    image: `localhost/${IMAGE}`,
    tag: async (name) => void (await podman("tag", IMAGE, name)),
    untag: async (name) => void (await podman("untag", name)),
    async stop() {
      await podman("rm", "--force", "--all");
      await clear(folder);
    },
  };
}

/**
 * A minimal Debian as a tar file, made once on a machine and kept in its temporary folder under a name
 * that says what is in it.
 */
export async function baseImage(): Promise<string> {
  const key = createHash("sha256").update(SUITE.join(" ")).digest("hex").slice(0, 12);
  const file = join(tmpdir(), `bellhop-test-base-${key}.tar`);
  if (existsSync(file)) return file;
  const folder = await mkdtemp(join(tmpdir(), "bellhop-debootstrap-"));
  const [root, tar] = [join(folder, "root"), join(folder, "base.tar")];
  await mkdir(root);
  await execute("debootstrap", [...SUITE, root], { maxBuffer: 64 * 1024 * 1024 });
  await execute("tar", ["-C", root, "--exclude=./var/cache/apt/archives/*.deb", "-cf", tar, "."]);
  await rename(tar, file); // in one step: two that make it at once do no harm
  await clear(folder);
  return file;
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
