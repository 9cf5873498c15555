/**
 * What lies in a folder that an agent can write, found without following any of its links: the sibling of
 * `openBeneath`. Each folder is entered by the descriptor of the one before, each file is looked at by a
 * descriptor of its own, so a link or a swapped parent leads nowhere (F29). Linux only, like that one.
 *
 * How much is looked at is bounded; `whole` says whether that was all.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, opendir } from "node:fs/promises";
import { codeOf } from "./error-code.ts";

const O_PATH = 0o10000000;
const LOOK = O_PATH | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface Listed {
  /** From the root on, with `/`. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
  readonly bytes: number;
  /** Of a file that is not too large, its SHA-256; of the rest what changes when anything about it does. */
  readonly mark: string;
}

export interface Listing {
  readonly entries: readonly Listed[];
  readonly whole: boolean;
}

export interface ListingBounds {
  readonly entries: number;
  readonly depth: number;
  /** A larger file is not read. */
  readonly fileBytes: number;
  /** Read of all files together. */
  readonly bytes: number;
}

/** @throws Error when the root itself cannot be opened */
export async function listBeneath(root: string, bounds: ListingBounds): Promise<Listing> {
  const entries: Listed[] = [];
  let whole = true;
  let left = bounds.bytes;

  async function walk(at: FileHandle, prefix: string, depth: number): Promise<void> {
    const names: string[] = [];
    for await (const { name } of await opendir(`/proc/self/fd/${at.fd}`)) {
      if (names.length + entries.length >= bounds.entries) {
        whole = false;
        break;
      }
      names.push(name);
    }
    for (const name of names.toSorted()) {
      if (entries.length >= bounds.entries) {
        whole = false;
        return;
      }
      const entry = await openOr(`/proc/self/fd/${at.fd}/${name}`, LOOK);
      if (!entry) continue; // gone since
      try {
        await look(at, entry, name, prefix, depth);
      } finally {
        await entry.close();
      }
    }
  }

  async function look(at: FileHandle, entry: FileHandle, name: string, prefix: string, depth: number) {
    const found = await entry.stat();
    const path = prefix + name;
    const stamp = `${found.ino}:${found.size}:${found.mtimeMs}:${found.ctimeMs}`;
    if (found.isDirectory()) {
      entries.push({ path, kind: "folder", bytes: 0, mark: "" });
      if (depth < bounds.depth) await walk(entry, `${path}/`, depth + 1);
      else whole = false;
    } else if (found.isFile()) {
      const hash =
        found.size <= bounds.fileBytes && found.size <= left ? await hashOf(at, name, found.size) : undefined;
      left -= hash === undefined ? 0 : found.size;
      entries.push({ path, kind: "file", bytes: found.size, mark: hash ?? stamp });
    } else {
      entries.push({ path, kind: found.isSymbolicLink() ? "link" : "other", bytes: 0, mark: stamp });
    }
  }

  await using start = await open(root, LOOK | constants.O_DIRECTORY);
  await walk(start, "", 1);
  return { entries, whole };
}

/** Undefined when it is no plain file any more, or has grown past what it was. */
async function hashOf(at: FileHandle, name: string, bytes: number): Promise<string | undefined> {
  const handle = await openOr(`/proc/self/fd/${at.fd}/${name}`, READ);
  if (!handle) return undefined;
  try {
    if (!(await handle.stat()).isFile()) return undefined;
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(Math.min(64 * 1024, bytes + 1));
    for (let read = 0; read <= bytes;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, read);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
      read += bytesRead;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

/** Undefined where there is nothing that can be opened so: the agent may have changed it meanwhile. */
async function openOr(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "ENXIO", "EAGAIN"].includes(code)) return undefined;
    throw error;
  }
}
