/**
 * What is left of hosts that are gone: invariant I6. Everything of a host names its home somewhere:
 * its processes by what is mounted in them, its cgroups and mounts by name, its files by place.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";

export interface Leftovers {
  readonly processes: readonly string[];
  readonly cgroups: readonly string[];
  readonly mounts: readonly string[];
  /** Files in `run/`, which holds only what a living host has. */
  readonly files: readonly string[];
}

/**
 * What a host that has stopped leaves there on purpose: the files of its locks, the groups' composed memory, what
 * plugins give to engines, and what sandboxes are to trust, which each start writes anew.
 */
const STAYS = /^((plugins\.)?lock\.db|(compose|gifts)\/.*|ca(-bundle)?\.pem|chromium-policy\.json)$/;

/** Of the home at this real path, once no host runs on it. */
export async function leftovers(home: string): Promise<Leftovers> {
  return {
    processes: (await processesOf(home)).map(({ pid, words }) => `${pid} ${words}`),
    cgroups: await cgroupsOf(home),
    mounts: await mountsOf(home, "self"),
    files: await filesBelow(join(home, "run")),
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((path) => !STAYS.test(path));
}

export interface HomeProcess {
  readonly pid: number;
  readonly parent: number;
  readonly words: string;
}

/** Of the home at this real path, its host included. */
export async function processesOf(home: string): Promise<HomeProcess[]> {
  const found = await Promise.all(
    (await allProcesses()).map(async (one) =>
      one.words.includes(markOf(home)) || (await mountsOf(home, one.pid)).length > 0 ? [one] : [],
    ),
  );
  return found.flat();
}

/** Whatever this process has started, and what that has. */
export async function descendantsOf(ancestor: number): Promise<HomeProcess[]> {
  const all = await allProcesses();
  const found: HomeProcess[] = [];
  for (let family = [ancestor]; family.length > 0;) {
    const children = all.filter(({ parent }) => family.includes(parent));
    found.push(...children);
    family = children.map(({ pid }) => pid);
  }
  return found;
}

/** Unlike the whole path, this part is the same however the file system it lies on is mounted. */
const markOf = (home: string) => basename(dirname(home));

/** Less the home itself: one that lies on a disk of its own was put there by whoever made it. */
async function mountsOf(home: string, pid: number | "self"): Promise<string[]> {
  const lines = await linesOf(`/proc/${pid}/mountinfo`);
  return lines.filter((line) => line.includes(markOf(home)) && !line.includes(` ${home} `));
}

async function allProcesses(): Promise<HomeProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return await Promise.all(
    pids.map(async (pid) => {
      const words = (await linesOf(`/proc/${pid}/cmdline`)).join("").replaceAll("\0", " ");
      const parent = (await linesOf(`/proc/${pid}/status`)).find((line) => line.startsWith("PPid:"));
      return { pid: Number(pid), parent: Number(parent?.slice(5)), words };
    }),
  );
}

/** Named after the home by sandbox/bubblewrap.ts. */
async function cgroupsOf(home: string): Promise<string[]> {
  const prefix = `bellhop-${createHash("sha256").update(home).digest("hex").slice(0, 12)}-`;
  const root = "/sys/fs/cgroup";
  const controllers = await readdir(root).catch(() => []); // no cgroups here, none left
  const places = [root, ...controllers.map((name) => join(root, name))];
  const found = await Promise.all(
    places.map(async (place) => {
      const names = await readdir(place).catch(() => []); // a plain file, or gone
      return names.filter((name) => name.startsWith(prefix)).map((name) => join(place, name));
    }),
  );
  return [...new Set(found.flat())];
}

/** None of a file that is gone, as those of /proc may be at any moment. */
async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, "utf8").catch(() => "")).split("\n");
}
