/**
 * Bytes from a stream into a file of ours: never whole in memory, never seen half. They go to a name
 * that nobody looks at, are synced, and then take their place.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { BellhopError, TemporaryError } from "@bellhop/sdk";
import { failpoint } from "../core/failpoint.ts";
import { HEAD_BYTES, mediaType } from "../core/media-type.ts";

export interface Received {
  readonly type: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Receiving {
  readonly partial: string;
  readonly target: string;
  /** Of the file, for what its content does not tell alone. */
  readonly name: string;
  /** Called for each piece before it is written. @throws BellhopError when it is too much */
  readonly take: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** By the sandbox's user too, whatever our umask, and by nobody else: the home around it is 0700. */
const READABLE = 0o644;

/**
 * @throws TemporaryError when the stream broke off, or the disk did not take it
 * @throws BellhopError what `take` threw
 */
export async function receive(source: AsyncIterable<unknown>, options: Receiving): Promise<Received> {
  const { partial, target, name, signal } = options;
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await using handle = await open(partial, "wx", 0o600);
    const written = await write(source, handle, options);
    signal.throwIfAborted();
    await handle.chmod(READABLE);
    await handle.sync();
    failpoint("file.written");
    await rename(partial, target);
    failpoint("file.renamed");
    await syncFolder(dirname(target));
    return { type: mediaType(written.head, name), bytes: written.bytes, sha256: written.sha256 };
  } catch (cause) {
    await rm(partial, { force: true });
    if (cause instanceof BellhopError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TemporaryError(`the file ${JSON.stringify(name)} did not arrive whole (${why})`, { cause });
  }
}

async function write(
  source: AsyncIterable<unknown>,
  handle: FileHandle,
  { take, signal }: Receiving,
): Promise<{ head: Buffer; bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let head = Buffer.alloc(0);
  let bytes = 0;
  for await (const piece of source) {
    signal.throwIfAborted();
    if (!(piece instanceof Uint8Array)) throw new TypeError("a file comes in bytes");
    take(piece.byteLength);
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, piece]).subarray(0, HEAD_BYTES);
    hash.update(piece);
    for (let at = 0; at < piece.byteLength;) {
      at += (await handle.write(piece, at, piece.byteLength - at, bytes + at)).bytesWritten;
    }
    bytes += piece.byteLength;
  }
  return { head, bytes, sha256: hash.digest("hex") };
}

async function syncFolder(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}
