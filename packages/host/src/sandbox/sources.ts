/**
 * What is mounted into a sandbox, held by descriptor from the moment it was checked.
 *
 * A source is a folder or a plain file and is reached through no link, so that what the operator
 * allowed is what is mounted. Its device and inode go to forwarder.mjs, which compares them inside
 * before anything runs; the descriptor stays open until then, so that the inode cannot be another's.
 */
import { type BigIntStats, constants } from "node:fs";
import {
  type FileHandle,
  chown,
  lchown,
  lstat,
  open,
  readdir,
  readlink,
  realpath,
  stat,
} from "node:fs/promises";
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import type { Log } from "../log.ts";
import type { Mount } from "../turns/sandbox.ts";

/** `O_PATH`: a descriptor that only names the file. Nothing blocks, no right to read is needed. */
const O_PATH = 0o10000000;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;

export interface Source extends Mount {
  /** The source, canonical. */
  readonly path: string;
  /** The source itself, whatever its path means by now: good while this is open. */
  readonly reach: string;
  readonly directory: boolean;
  readonly dev: string;
  readonly ino: string;
  close(): Promise<void>;
}

/** `given` as callers write it, `real` without links: the one prefix that may be a link. */
export interface Home {
  readonly given: string;
  readonly real: string;
}

/**
 * Opens every source, and closes those already open when one is refused.
 * @throws ConfigError when one is missing or is neither folder nor plain file
 * @throws RejectedError when one is reached through a link
 * @throws TemporaryError when one that is not of the home was changed since it was judged: the next start judges anew
 */
export async function openSources(mounts: readonly Mount[], home: Home): Promise<Source[]> {
  const opened = await Promise.allSettled(mounts.map((mount) => openSource(mount, home)));
  const sources = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = opened.find((one) => one.status === "rejected");
  if (!failed) return sources;
  await Promise.all(sources.map((source) => source.close()));
  throw failed.reason;
}

async function openSource(mount: Mount, home: Home): Promise<Source> {
  const { source } = mount;
  const handle = await open(source, O_PATH | constants.O_NOFOLLOW).catch((cause: unknown) => {
    throw unopenable(mount, cause);
  });
  try {
    const reach = `/proc/self/fd/${handle.fd}`;
    const path = await readlink(reach);
    const found = await handle.stat({ bigint: true });
    return { ...asOrdered(mount, path, found, home), reach, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The same where no descriptor can name a file (not Linux): every source is judged in the same way, but nothing
 * holds it until it is mounted.
 */
export async function lookAtSources(mounts: readonly Mount[], home: Home): Promise<Source[]> {
  return await Promise.all(
    mounts.map(async (mount) => {
      const path = await realpath(mount.source).catch((cause: unknown) => {
        throw unopenable(mount, cause);
      });
      const found = await lstat(mount.source, { bigint: true });
      return { ...asOrdered(mount, path, found, home), reach: path, close: () => Promise.resolve() };
    }),
  );
}

/** @throws as openSources does, when this is not what was ordered */
function asOrdered(
  mount: Mount,
  path: string,
  found: BigIntStats,
  home: Home,
): Omit<Source, "reach" | "close"> {
  const { source, foreign } = mount;
  const [dev, ino] = [String(found.dev), String(found.ino)];
  if (foreign && (path !== source || foreign.dev !== dev || foreign.ino !== ino)) throw changed(source);
  if (found.isSymbolicLink() || path !== canonical(source, home)) {
    throw new RejectedError(
      `${source} is, or is reached through, a symbolic link and is not mounted: name the real path`,
    );
  }
  if (!found.isDirectory() && !found.isFile()) {
    throw new ConfigError(`${source} is neither a folder nor a plain file and cannot be mounted`);
  }
  return { ...mount, path, directory: found.isDirectory(), dev, ino };
}

function unopenable({ source, foreign }: Mount, cause: unknown): Error {
  return foreign
    ? changed(source, { cause })
    : new ConfigError(`${source}, which is to be mounted in a sandbox, cannot be opened`, { cause });
}

function changed(source: string, options?: ErrorOptions): TemporaryError {
  return new TemporaryError(
    `${source} was changed between the look at it and the start of the sandbox, so it is looked at again`,
    options,
  );
}

function canonical(source: string, { given, real }: Home): string {
  return source === given || source.startsWith(`${given}/`) ? real + source.slice(given.length) : source;
}

/**
 * Makes what is mounted rw the group's own, and checks that it can read the rest. What lies outside of the home
 * stays its owner's: `policy/mounts.ts` has seen that the group can use it as it is.
 *
 * Everything below a folder is walked only when the folder itself is not the group's yet; it is given
 * away last, so that a walk that was cut short is made again.
 * @throws ConfigError when the group's user could not read a source
 */
export async function handOver(sources: readonly Source[], uid: number, log: Log): Promise<void> {
  for (const { path, reach, directory, mode, foreign } of sources) {
    if (foreign) continue;
    const found = await stat(reach);
    if (mode === "rw") {
      if (found.uid === uid) continue;
      if (directory) await giveFolder(await open(reach, FOLDER), uid, path, log);
      else await chown(reach, uid, uid);
    } else if (!mayRead(found, uid, directory)) {
      throw new ConfigError(
        `${path} cannot be read by the sandbox's user. Allow it with: chmod -R go+rX ${path} (the folders above it may stay closed)`,
      );
    }
  }
}

function mayRead(
  found: { uid: number; gid: number; mode: number },
  uid: number,
  directory: boolean,
): boolean {
  const bits = directory ? 0o111 : 0o444;
  const whose = found.uid === uid ? 0o700 : found.gid === uid ? 0o070 : 0o007;
  return (found.mode & bits & whose) !== 0;
}

/** By descriptor, so that nothing below can lead the walk elsewhere while it goes on. */
async function giveFolder(folder: FileHandle, uid: number, name: string, log: Log): Promise<void> {
  try {
    const here = `/proc/self/fd/${folder.fd}`;
    for (const entry of await readdir(here)) {
      const at = `${here}/${entry}`;
      const found = await lstat(at);
      if (found.isDirectory()) {
        const below = await open(at, FOLDER | constants.O_NOFOLLOW);
        await giveFolder(below, uid, `${name}/${entry}`, log);
      } else if (found.isFile() && found.nlink > 1) {
        // Its other name may be a file of the host's.
        log.warn(
          { file: `${name}/${entry}` },
          "A file with several names was not given to the sandbox's user",
        );
      } else {
        await lchown(at, uid, uid);
      }
    }
    await folder.chown(uid, uid);
  } finally {
    await folder.close();
  }
}
