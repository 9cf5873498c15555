/**
 * What of this machine each group's sandboxes are given beside the group's own: asked of the file system and
 * judged by `core/mount-policy.ts`, anew for every sandbox that opens.
 *
 * - A mount that is refused is logged, stands in `status` with its reason, and is left out; the group runs.
 * - What is given is a real path together with the device and inode that were judged. sandbox/sources.ts
 *   holds the runtime to them by descriptor, and the first program inside compares them once more, so a swap
 *   between the look and the start ends in a new look (F30).
 * - Nothing that is mounted is ever changed for a group's sake: neither its owner nor its mode.
 */
import { constants, type BigIntStats } from "node:fs";
import { access, lstat, realpath } from "node:fs/promises";
import { codeOf, hasCode } from "../core/error-code.ts";
import { type GroupFolder, MAIN } from "../core/ids.ts";
import { type Allowlist, EXTRA, expanded, judgeMount, type WantedMount } from "../core/mount-policy.ts";
import type { Status } from "../core/status.ts";
import type { Log } from "../log.ts";
import type { Mount } from "../turns/sandbox.ts";
import { type AllowlistState, readAllowlist } from "./mount-allowlist.ts";
import { contentsProblem } from "./mount-contents.ts";

export type MountState = Status["mounts"][number];

export interface MountsParts {
  /** What each group wants; one that wants nothing need not stand here. */
  readonly wanted: ReadonlyMap<GroupFolder, readonly WantedMount[]>;
  /** What plugins want for a group just now, after the group's own; and every group that they may want it for. */
  readonly ofPlugins?: {
    readonly wanted: (group: GroupFolder) => readonly WantedMount[];
    readonly groups: () => Promise<readonly GroupFolder[]>;
  };
  /** Path of `mount-allowlist.json`. */
  readonly allowlist: string;
  /** Bellhop's own folders, which nobody is given. They need not be there. */
  readonly own: readonly string[];
  /** What `~` means. */
  readonly userHome: string;
  /** The user of the group's sandboxes where it is not this process's own. */
  readonly uidOf: (group: GroupFolder) => Promise<number | undefined>;
  /** Tells the owner, once for each key. */
  readonly tell: (key: string, text: string) => Promise<void>;
  /** What was decided, before a sandbox has it; only when it is not what was decided last. */
  readonly record: (decided: MountState) => Promise<void>;
  readonly log: Log;
}

export interface Mounts {
  /** For one sandbox that is about to open. */
  readonly of: (group: GroupFolder) => Promise<readonly Mount[]>;
  /** As it would be decided now, for every group. */
  readonly states: () => Promise<MountState[]>;
}

type Judged = { readonly state: MountState; readonly mount: Mount | undefined };

export function createMounts(parts: MountsParts): Mounts {
  const { wanted, allowlist: file, userHome, log } = parts;
  /** What was decided last, by group, source and place in the list, to tell of changes alone. */
  const decided = new Map<string, string>();

  async function judgeGroup(group: GroupFolder): Promise<Judged[]> {
    const list = [...(wanted.get(group) ?? []), ...(parts.ofPlugins?.wanted(group) ?? [])];
    if (list.length === 0) return [];
    const [read, uid, ...own] = await Promise.all([
      readAllowlist(file, userHome),
      parts.uidOf(group),
      // The list itself may lie behind a link, in a folder that could else be given away.
      ...[...parts.own, file].map(realOrGiven),
    ]);
    await tellOf(read);
    const taken: string[] = [];
    const judged: Judged[] = [];
    for (const one of list) {
      const found = await judgeOne(one, { group, read, uid, own, taken });
      if (found.mount) taken.push(found.mount.target);
      judged.push(found);
    }
    return judged;
  }

  async function judgeOne(one: WantedMount, scene: Scene): Promise<Judged> {
    const found = await look(one, scene);
    const { group } = scene;
    if (typeof found === "string") {
      const target = one.target ?? EXTRA;
      return {
        state: { group, source: one.source, target, mode: one.mode, refused: found },
        mount: undefined,
      };
    }
    const { target, mode } = found;
    return { state: { group, source: one.source, target, mode }, mount: found };
  }

  /** The mount, or why there is none. */
  async function look(one: WantedMount, { group, read, uid, own, taken }: Scene): Promise<Mount | string> {
    if (read.state === "missing") return `there is no ${file}, so nothing is permitted (docs/mounts.md)`;
    if (read.state === "broken") return `${file} ${read.why}`;
    const whole = expanded(one.source, userHome);
    if (whole === undefined) return "its source must be an absolute path, or begin with ~/";
    try {
      const real = await realpath(whole);
      const scene = { allowlist: read.allowlist, main: group === MAIN, own, taken };
      // The given path is asked with `~` filled in, so that both are paths of this machine.
      const verdict = judgeMount({ ...one, source: whole }, real, scene);
      if (!verdict.ok) return verdict.reason;
      const stat = await lstat(real, { bigint: true });
      const problem = await entryProblem({ real, stat, uid, mode: verdict.mode, allowlist: read.allowlist });
      if (problem !== undefined) return problem;
      const foreign = { dev: String(stat.dev), ino: String(stat.ino) };
      return { source: real, target: verdict.target, mode: verdict.mode, foreign };
    } catch (error) {
      if (hasCode(error, "ENOENT")) return "there is no such file or folder";
      const code = codeOf(error);
      if (code === undefined) throw error;
      return `it cannot be reached (${code})`;
    }
  }

  async function tellOf(read: AllowlistState): Promise<void> {
    switch (read.state) {
      case "good":
        return;
      case "missing":
        return await parts.tell(
          "mount-allowlist:missing",
          `Groups want folders of this machine, but there is no ${file}: nothing is mounted until you write it (docs/mounts.md).`,
        );
      case "broken":
        return await parts.tell(
          `mount-allowlist:${read.why}`,
          `${file} ${read.why}. Until it is mended, no folders of this machine are mounted.`,
        );
      default:
        return read satisfies never;
    }
  }

  /** Logs and records what is not as it was decided last. */
  async function settle(judged: readonly Judged[]): Promise<void> {
    for (const [index, { state }] of judged.entries()) {
      const key = `${state.group} ${index}`;
      const now = JSON.stringify(state);
      if (decided.get(key) === now) continue;
      await parts.record(state);
      decided.set(key, now);
      if (state.refused === undefined) log.info({ ...state }, "a folder of this machine is mounted");
      else log.warn({ ...state }, `a mount was refused and is left out: ${state.refused}`);
    }
  }

  return {
    async of(group) {
      const judged = await judgeGroup(group);
      await settle(judged);
      return judged.flatMap(({ mount }) => mount ?? []);
    },
    async states() {
      const all = new Set([...wanted.keys(), ...((await parts.ofPlugins?.groups()) ?? [])]);
      const groups = await Promise.all([...all].map(judgeGroup));
      return groups.flat().map(({ state }) => state);
    },
  };
}

interface Scene {
  readonly group: GroupFolder;
  readonly read: AllowlistState;
  readonly uid: number | undefined;
  readonly own: readonly string[];
  readonly taken: readonly string[];
}

interface Entry {
  readonly real: string;
  readonly stat: BigIntStats;
  readonly uid: number | undefined;
  readonly mode: "ro" | "rw";
  readonly allowlist: Allowlist;
}

/** What the thing itself has against being mounted. */
async function entryProblem({ real, stat, uid, mode, allowlist }: Entry): Promise<string | undefined> {
  const directory = stat.isDirectory();
  if (!directory && !stat.isFile()) return "it is neither a folder nor a plain file";
  const usable = uid === undefined ? await mayUse(real, directory, mode) : allows(stat, uid, directory, mode);
  if (!usable) {
    const who = uid === undefined ? "Bellhop's user" : `the group's sandboxes run as user ${uid}, who`;
    return mode === "rw"
      ? `${who} may not write there; let that user do so, or mount it ro`
      : `${who} may not read it; let that user do so`;
  }
  return directory ? await contentsProblem(real, allowlist.blocked) : undefined;
}

async function mayUse(path: string, directory: boolean, mode: "ro" | "rw"): Promise<boolean> {
  const wanted = constants.R_OK | (directory ? constants.X_OK : 0) | (mode === "rw" ? constants.W_OK : 0);
  return await access(path, wanted).then(
    () => true,
    () => false,
  );
}

/** By the bits alone: the host is root, and the user is not there to be asked. */
function allows(stat: BigIntStats, uid: number, directory: boolean, mode: "ro" | "rw"): boolean {
  const wanted = 4 | (directory ? 1 : 0) | (mode === "rw" ? 2 : 0);
  const shift = Number(stat.uid) === uid ? 6 : Number(stat.gid) === uid ? 3 : 0;
  return ((Number(stat.mode) >> shift) & wanted) === wanted;
}

async function realOrGiven(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
