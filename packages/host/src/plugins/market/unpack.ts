/** Unpacks a package's tarball, and says by its content which one it is. */
import { RejectedError } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { unpack } from "../gifts/unpack.ts";
import { BOUNDS } from "./check-folder.ts";

/**
 * Everything that lies in the one folder that packages have around them.
 * @param into is empty; it stays so where the tarball is refused
 * @throws RejectedError when it is none, or holds what a package does not: links, ways out, too much
 */
export async function unpackTarball(tarball: string, into: string): Promise<void> {
  try {
    await unpack(tarball, into, { entries: BOUNDS.files, bytes: BOUNDS.bytes });
  } catch (cause) {
    if (!(cause instanceof RejectedError)) throw cause;
    throw new RejectedError(`${tarball} cannot be unpacked: ${cause.message}.`, { cause });
  }
}

/** As package managers write it: `sha512-…`. */
export async function integrityOf(file: string): Promise<string> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(file), hash);
  return `sha512-${hash.digest("base64")}`;
}
