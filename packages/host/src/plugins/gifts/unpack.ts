/**
 * Unpacks a `.tar.gz` of programs into a folder of its own.
 *
 * - Only folders and plain files, below the folder: an archive with a link, a device or a way out of the folder
 *   is refused whole. So nothing that is written can be reached through anything else of it.
 * - What it grows to is counted while it grows, so that a small archive does not fill the disk.
 * - If everything in it lies in one folder, as it does in most releases, that folder's contents are what counts.
 */
import { createReadStream } from "node:fs";
import { chmod, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { RejectedError } from "@bellhop/sdk";
import { createTarDecoder } from "modern-tar";
import { codeOf } from "../../core/error-code.ts";
import { openFolder } from "./tree.ts";

export interface UnpackLimits {
  readonly entries: number;
  readonly bytes: number;
}

export const UNPACK_LIMITS: UnpackLimits = { entries: 20_000, bytes: 1024 * 1024 * 1024 };

/**
 * @param place must not be there yet; it appears whole or not at all
 * @throws RejectedError with what is wrong with the archive
 */
export async function unpack(
  archive: string,
  place: string,
  limits: UnpackLimits = UNPACK_LIMITS,
): Promise<void> {
  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  await openFolder(partial);
  try {
    await extract(archive, partial, limits);
    const [only, ...others] = await readdir(partial, { withFileTypes: true });
    if (!only) throw new RejectedError("there is nothing in it");
    const whole = only.isDirectory() && others.length === 0 ? join(partial, only.name) : partial;
    await rename(whole, place);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function extract(archive: string, folder: string, limits: UnpackLimits): Promise<void> {
  const plain = createReadStream(archive).pipe(createGunzip());
  const entries = Readable.toWeb(plain).pipeThrough(createTarDecoder({ strict: true }));
  let left = limits.bytes;
  let count = 0;
  try {
    for await (const { header, body } of entries) {
      count += 1;
      if (count > limits.entries) throw new RejectedError(`it has more than ${limits.entries} entries`);
      const path = plainPath(header.name);
      if (header.type === "directory") {
        await openFolder(folder, path);
        await body.cancel();
        continue;
      }
      if (header.type !== undefined && header.type !== "file") {
        throw new RejectedError(
          `${JSON.stringify(header.name)} in it is a ${header.type}, and only files are taken`,
        );
      }
      await openFolder(folder, dirname(path));
      left = await write(join(folder, path), body, ((header.mode ?? 0) & 0o111) !== 0, left, limits);
    }
  } catch (error) {
    if (error instanceof RejectedError) throw error;
    const code = codeOf(error);
    if (code === "EEXIST") throw new RejectedError("two entries of it have the same name", { cause: error });
    if (code !== undefined && !code.startsWith("Z_")) throw error; // of this machine's, such as a full disk
    throw new RejectedError("it is no .tar.gz, or a broken one", { cause: error });
  } finally {
    plain.destroy();
  }
}

async function write(
  file: string,
  body: AsyncIterable<Uint8Array>,
  executable: boolean,
  left: number,
  limits: UnpackLimits,
): Promise<number> {
  let rest = left;
  {
    await using handle = await open(file, "wx");
    for await (const chunk of body) {
      rest -= chunk.length;
      if (rest < 0) throw new RejectedError(`it grows to more than ${limits.bytes / 2 ** 20} MiB`);
      await handle.writeFile(chunk);
    }
  }
  await chmod(file, executable ? 0o755 : 0o644);
  return rest;
}

function plainPath(name: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || name.includes("\0") || name.includes("\\") || parts.includes("..")) {
    throw new RejectedError(`${JSON.stringify(name)} in it is no path below its own folder`);
  }
  return parts.length === 0 ? "." : parts.join("/");
}
