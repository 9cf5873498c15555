/**
 * Whether a folder may become a plugin's: no links (they would lead somewhere else tomorrow), nothing but files
 * and folders, not too much of it. What npm has put below `node_modules` may link within the folder.
 */
import { RejectedError } from "@bellhop/sdk";
import { lstat, opendir, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { hasCode } from "../../core/error-code.ts";

export const BOUNDS = { files: 30_000, bytes: 300 * 1024 * 1024 } as const;

/** @throws RejectedError naming the first thing that may not be there */
export async function checkFolder(folder: string): Promise<void> {
  const root = await realpath(folder);
  let files = 0;
  let bytes = 0;

  async function walk(at: string): Promise<void> {
    for await (const entry of await opendir(at)) {
      const path = join(at, entry.name);
      const shown = relative(root, path);
      files += 1;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isSymbolicLink()) await checkLink(path, shown);
      else if (entry.isFile()) bytes += (await lstat(path)).size;
      else throw new RejectedError(`${shown} is neither a file nor a folder; a plugin has only those.`);
      if (files > BOUNDS.files || bytes > BOUNDS.bytes) {
        throw new RejectedError(
          `It has more than ${BOUNDS.files} files or ${BOUNDS.bytes / 1024 / 1024} MB, which is more than a plugin may have.`,
        );
      }
    }
  }

  async function checkLink(path: string, shown: string): Promise<void> {
    const target = await realpath(path).catch((error: unknown) => {
      if (hasCode(error, "ENOENT") || hasCode(error, "ELOOP")) return undefined;
      throw error;
    });
    const inside = target !== undefined && target.startsWith(root + sep);
    if (inside && shown.split(sep).includes("node_modules")) return;
    throw new RejectedError(
      `${shown} is a link${inside ? "" : " out of the folder"}; put what it points to in its place.`,
    );
  }

  await walk(root);
}
