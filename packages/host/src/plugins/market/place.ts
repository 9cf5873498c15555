/**
 * Where a plugin's code lies: `plugins/<name>/` of the home. It is made beside, in `plugins/.staged/`, whole and
 * checked, and put in place by renaming: whoever looks finds the old one or the new one.
 *
 * Two renames replace a folder. A crash between them leaves the old one aside, and `mendPlaced` puts it back.
 * A plugin under development is a link to its author's folder.
 */
import { RejectedError } from "@bellhop/sdk";
import { lstat, mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { HomePaths } from "../../config.ts";
import { hasCode } from "../../core/error-code.ts";

type Paths = Pick<HomePaths, "plugins">;

export interface Stage {
  /** Empty, and on the file system of its later place. */
  readonly folder: string;
  /** What was not put in place is gone. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Whose it is, and of a plugin that is being replaced its name. */
const STAGED = /^(\d+)-(?:(.+)\.old$)?/;

const stagedIn = ({ plugins }: Paths) => join(plugins, ".staged");

export function placeOf({ plugins }: Paths, name: string): string {
  return join(plugins, name);
}

export async function openStage(paths: Paths): Promise<Stage> {
  const around = join(stagedIn(paths), `${process.pid}-${crypto.randomUUID()}`);
  const folder = join(around, "plugin");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    folder,
    async [Symbol.asyncDispose]() {
      await rm(around, { recursive: true, force: true });
    },
  };
}

/** Puts the folder in the plugin's place, whatever was there. */
export async function putInPlace(paths: Paths, name: string, folder: string): Promise<void> {
  await replace(paths, name, (place) => rename(folder, place));
}

/** The plugin is used where its author works on it. */
export async function linkInPlace(paths: Paths, name: string, folder: string): Promise<void> {
  await replace(paths, name, (place) => symlink(folder, place, "dir"));
}

export async function takeAway(paths: Paths, name: string): Promise<void> {
  const aside = join(stagedIn(paths), `${process.pid}-${crypto.randomUUID()}`);
  await mkdir(stagedIn(paths), { recursive: true, mode: 0o700 });
  try {
    await rename(placeOf(paths, name), aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** Where a link in the plugin's place leads; undefined: it is a folder of its own, or not there. */
export async function linkOf(paths: Paths, name: string): Promise<string | undefined> {
  try {
    return await readlink(placeOf(paths, name));
  } catch (error) {
    if (hasCode(error, "EINVAL") || hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** What a crash left is put back or taken away. What others are at work on stays. */
export async function mendPlaced(paths: Paths): Promise<void> {
  const staged = stagedIn(paths);
  for (const entry of await entriesOf(staged)) {
    const [, owner, old] = STAGED.exec(entry) ?? [];
    if (isAlive(Number(owner))) continue;
    if (old !== undefined && !(await isThere(placeOf(paths, old)))) {
      await rename(join(staged, entry), placeOf(paths, old));
    } else {
      await rm(join(staged, entry), { recursive: true, force: true });
    }
  }
}

async function replace(paths: Paths, name: string, put: (place: string) => Promise<void>): Promise<void> {
  const place = placeOf(paths, name);
  const old = join(stagedIn(paths), `${process.pid}-${name}.old`);
  await mkdir(stagedIn(paths), { recursive: true, mode: 0o700 });
  await mendPlaced(paths);
  const replaces = await isThere(place);
  if (replaces) await rename(place, old);
  try {
    await put(place);
  } catch (cause) {
    if (replaces) await rename(old, place);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RejectedError(`${place} cannot be put in place: ${why}. What was there is there still.`, {
      cause,
    });
  }
  await rm(old, { recursive: true, force: true });
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}
