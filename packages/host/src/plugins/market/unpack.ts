/**
 * Unpacks a package's tarball. What is in it was made by a stranger: only plain files and folders come out, all
 * below the folder given, of bounded number and size; anything else refuses the whole of it.
 */
import { RejectedError } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type ReadEntry, extract } from "tar";
import { BOUNDS } from "./check-folder.ts";

/** @throws RejectedError when it is no tarball of a package, or holds what a package does not */
export async function unpack(tarball: string, into: string): Promise<void> {
  let problem: string | undefined;
  let files = 0;
  let bytes = 0;

  function take(path: string, entry: Pick<ReadEntry, "type" | "size">): boolean {
    files += 1;
    bytes += entry.size;
    const segments = path.split("/");
    if (!["File", "OldFile", "Directory", "ContiguousFile"].includes(entry.type)) {
      problem ??= `${JSON.stringify(path)} is a ${entry.type}`;
    } else if (path.startsWith("/") || path.includes("\\") || segments.includes("..")) {
      problem ??= `${JSON.stringify(path)} leads out of it`;
    } else if (files > BOUNDS.files || bytes > BOUNDS.bytes) {
      problem ??= `it unpacks to more than ${BOUNDS.files} files or ${BOUNDS.bytes / 1024 / 1024} MB`;
    }
    return problem === undefined;
  }

  try {
    await extract({
      file: tarball,
      cwd: into,
      strip: 1,
      strict: true,
      preserveOwner: false,
      noMtime: true,
      // The umask of the home is for files of ours; a program of the plugin's stays one.
      filter: (path, entry) => "type" in entry && take(path, entry),
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RejectedError(`${tarball} cannot be unpacked: ${why}.`, { cause });
  }
  if (problem !== undefined) throw new RejectedError(`${tarball} is not unpacked: ${problem}.`);
  if (files === 0) throw new RejectedError(`${tarball} is empty.`);
}

/** As package managers write it: `sha512-…`. */
export async function integrityOf(file: string): Promise<string> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(file), hash);
  return `sha512-${hash.digest("base64")}`;
}
