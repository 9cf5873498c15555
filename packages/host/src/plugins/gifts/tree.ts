/**
 * A folder of a plugin's, read whole so that it can be put where sandboxes see it. Links are refused: what they
 * lead to was never shown to whoever approved the plugin. Sizes are capped before anything is read.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RejectedError } from "@bellhop/sdk";
import { hasCode } from "../../core/error-code.ts";

export interface TreeFile {
  /** From the root on, with `/`. */
  readonly path: string;
  readonly executable: boolean;
  readonly content: Buffer;
}

const MOST_FILES = 5_000;
const MOST_BYTES = 64 * 1024 * 1024;
const DEEPEST = 16;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @throws RejectedError with what is in the way */
export async function readTree(root: string): Promise<readonly TreeFile[]> {
  const files: TreeFile[] = [];
  let bytes = 0;

  async function walk(folder: string, prefix: string, depth: number): Promise<void> {
    if (depth > DEEPEST) throw new RejectedError(`${root} has folders more than ${DEEPEST} deep`);
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = prefix + entry.name;
      if (entry.isDirectory()) await walk(join(folder, entry.name), `${path}/`, depth + 1);
      else if (entry.isFile()) files.push(await read(join(folder, entry.name), path));
      else throw new RejectedError(`${path} in ${root} is a link or no plain file; give the file itself`);
    }
  }

  async function read(file: string, path: string): Promise<TreeFile> {
    if (files.length >= MOST_FILES) throw new RejectedError(`${root} has more than ${MOST_FILES} files`);
    await using handle = await open(file, READ);
    const found = await handle.stat();
    if (!found.isFile()) throw new RejectedError(`${path} in ${root} is no plain file`);
    const { size, mode } = found;
    bytes += size;
    if (bytes > MOST_BYTES) throw new RejectedError(`${root} is larger than ${MOST_BYTES / 2 ** 20} MiB`);
    const content = Buffer.alloc(size);
    await handle.read(content, 0, size, 0);
    return { path, executable: (mode & 0o100) !== 0, content };
  }

  if (!(await isFolder(root))) throw new RejectedError(`there is no folder ${root}`);
  await walk(root, "", 1);
  return files;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return false;
    throw error;
  }
}

/** Of names, modes and contents. */
export function markOf(files: readonly TreeFile[]): string {
  const hash = createHash("sha256");
  for (const { path, executable, content } of files) {
    hash.update(`${JSON.stringify([path, executable, content.length])}\n`).update(content);
  }
  return hash.digest("hex").slice(0, 32);
}

/** For every sandbox's user to read; appears whole or not at all. One that is there already is left. */
export async function writeTree(place: string, files: readonly TreeFile[]): Promise<void> {
  if (await isFolder(place)) return;
  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  await openFolder(partial);
  for (const { path, executable, content } of files) {
    await openFolder(partial, dirname(path));
    await openFile(join(partial, path), content, executable);
  }
  await rename(partial, place);
}

/** A folder, and those between it and `root`, which every user may walk, whatever our umask. */
export async function openFolder(root: string, path = "."): Promise<void> {
  await mkdir(join(root, path), { recursive: true });
  for (let at = path; ; at = dirname(at)) {
    await chmod(join(root, at), 0o755);
    if (at === ".") return;
  }
}

/** A file that every user may read, whatever our umask. */
export async function openFile(
  file: string,
  content: Uint8Array | string,
  executable: boolean,
): Promise<void> {
  await writeFile(file, content);
  await chmod(file, executable ? 0o755 : 0o644);
}
