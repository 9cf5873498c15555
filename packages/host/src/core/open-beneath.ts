/**
 * The one way the host opens a file that an agent can write (design: trust).
 *
 * The path is walked one component at a time, each opened relative to the descriptor of the one
 * before: a link, a swapped parent or `..` cannot lead out of `root`, however the agent races us
 * (F29). What comes out is a regular file with one name and at most `maxBytes`; a FIFO, device or
 * leased file never makes the host wait. Linux only: it leans on `/proc/self/fd`.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { RejectedError } from "@bellhop/sdk";
import { codeOf } from "./error-code.ts";

/** `O_PATH`, which Node does not name: a descriptor to walk from, that reads nothing. */
const O_PATH = 0o10000000;
const STEP = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** There is no such file: often not a fault at all. */
export class MissingFileError extends RejectedError {}

export interface FileBeneath {
  /** Bytes when it was opened. */
  readonly size: number;
  readonly modifiedAtMs: number;
  /** Up to `maxBytes`. @throws RejectedError when the file has grown past them since */
  read(): Promise<Buffer>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens `relative` (components separated by `/`) below the directory `root`, for reading.
 * @throws MissingFileError when nothing is there
 * @throws RejectedError when it is anything but a plain file with one name of at most `maxBytes`
 */
export async function openBeneath(
  root: string,
  relative: string,
  { maxBytes }: { readonly maxBytes: number },
): Promise<FileBeneath> {
  const names = components(relative);
  let at = await open(root, O_PATH | constants.O_DIRECTORY);
  try {
    for (const [index, name] of names.entries()) {
      const next = await step(at, name, index === names.length - 1 ? FILE : STEP, relative);
      await at.close();
      at = next;
    }
    return await checked(at, relative, maxBytes);
  } catch (error) {
    await at.close();
    throw error;
  }
}

/** All of such a file. Same errors. */
export async function readBeneath(
  root: string,
  relative: string,
  limits: { readonly maxBytes: number },
): Promise<Buffer> {
  await using file = await openBeneath(root, relative, limits);
  return await file.read();
}

function components(relative: string): string[] {
  const names = relative.split("/");
  if (names.some((name) => name === "" || name === "." || name === ".." || name.includes("\0"))) {
    throw new RejectedError(
      `${JSON.stringify(relative)} is not a plain relative path: write it without a leading /, "." or ".."`,
    );
  }
  return names;
}

async function step(at: FileHandle, name: string, flags: number, relative: string): Promise<FileHandle> {
  try {
    return await open(`/proc/self/fd/${at.fd}/${name}`, flags);
  } catch (cause) {
    throw refusal(relative, cause);
  }
}

function refusal(relative: string, cause: unknown): RejectedError {
  const code = codeOf(cause) ?? "an unknown error";
  const what = JSON.stringify(relative);
  switch (code) {
    case "ENOENT":
      return new MissingFileError(`${what} does not exist`, { cause });
    case "ENOTDIR":
    case "ELOOP":
      return new RejectedError(`${what} leads through a link or through something that is no folder`, {
        cause,
      });
    case "EAGAIN":
    case "ENXIO":
      return new RejectedError(`${what} is not a plain file, or somebody holds a lease on it`, { cause });
    case "EACCES":
      return new RejectedError(`${what} cannot be read: its permissions forbid it`, { cause });
    case "ENAMETOOLONG":
      return new RejectedError(`${what} is too long a path`, { cause });
    default:
      return new RejectedError(`${what} cannot be opened (${code})`, { cause });
  }
}

async function checked(handle: FileHandle, relative: string, maxBytes: number): Promise<FileBeneath> {
  const what = JSON.stringify(relative);
  const found = await handle.stat();
  if (!found.isFile()) throw new RejectedError(`${what} is not a plain file`);
  if (found.nlink !== 1) {
    throw new RejectedError(`${what} has ${found.nlink} names (hard links); a file with one name is needed`);
  }
  if (found.size > maxBytes) throw tooBig(what, maxBytes);
  const close = () => handle.close();
  return {
    size: found.size,
    modifiedAtMs: found.mtimeMs,
    async read() {
      // One byte more than allowed, so that a file that grew in the meantime is noticed.
      const buffer = Buffer.alloc(Math.min(maxBytes, found.size) + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      if (length > maxBytes) throw tooBig(what, maxBytes);
      return buffer.subarray(0, Math.min(length, found.size));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function tooBig(what: string, maxBytes: number): RejectedError {
  return new RejectedError(`${what} is larger than the ${maxBytes} bytes allowed here`);
}
