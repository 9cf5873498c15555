/**
 * Frames over a byte stream, of the host and of a plugin's process alike: a length of four bytes, a kind of one,
 * and the body, 1 MiB at most. A body is JSON, or bytes of a stream behind its number.
 *
 * - Neither side keeps more than one frame that is not whole. Who is sent a longer one, or something that is no
 *   frame, hears that it broke, and nothing after it.
 * - This file is part of what every plugin's process loads: it imports nothing that costs memory.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Duplex } from "node:stream";

export const MOST_BYTES = 1024 * 1024;
/** Of a stream in one frame. */
export const CHUNK_BYTES = 64 * 1024;

const HEADER_BYTES = 5;
const KIND = { json: 1, bytes: 2 } as const;

export interface FrameListener {
  onJson(value: unknown): void;
  onBytes(stream: number, bytes: Buffer): void;
  /** What came is no frame; nothing more is read. */
  onBroken(why: string): void;
}

/** @throws RejectedError when it is too long for a frame */
export function jsonFrame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  if (body.length > MOST_BYTES)
    throw new RejectedError(`it is ${body.length} bytes long, and 1 MiB is the most that fits`);
  return Buffer.concat([header(KIND.json, body.length), body]);
}

export function bytesFrame(stream: number, bytes: Uint8Array): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(stream);
  return Buffer.concat([header(KIND.bytes, 4 + bytes.length), number, bytes]);
}

function header(kind: number, length: number): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE(length);
  head.writeUInt8(kind, 4);
  return head;
}

/**
 * Reads frames from now on.
 * @param passed called with each frame's length, before it is handed on
 */
export function readFrames(
  stream: Duplex,
  { onJson, onBytes, onBroken }: FrameListener,
  passed: (bytes: number) => void = () => undefined,
): void {
  let pieces: Buffer[] = [];
  let have = 0;
  let broken = false;

  function bring(chunk: Buffer): void {
    if (broken) return;
    pieces.push(chunk);
    have += chunk.length;
    while (!broken && have >= HEADER_BYTES) {
      const [first = Buffer.alloc(0)] = pieces;
      const head = first.length >= HEADER_BYTES ? first : joined();
      const length = head.readUInt32BE(0);
      if (length > MOST_BYTES) return breakOff(`a frame of ${length} bytes`);
      if (have < HEADER_BYTES + length) return;
      const all = joined();
      const rest = all.subarray(HEADER_BYTES + length);
      pieces = rest.length === 0 ? [] : [rest];
      have = rest.length;
      passed(length);
      take(all.readUInt8(4), all.subarray(HEADER_BYTES, HEADER_BYTES + length));
    }
  }

  function joined(): Buffer {
    const all = pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces);
    pieces = [all];
    return all;
  }

  function take(kind: number, body: Buffer): void {
    if (kind === KIND.bytes && body.length >= 4) return onBytes(body.readUInt32BE(0), body.subarray(4));
    if (kind !== KIND.json) return breakOff(`a frame of the unknown kind ${kind}`);
    let value: unknown;
    try {
      value = JSON.parse(body.toString("utf8"));
    } catch {
      return breakOff("a frame that is no JSON");
    }
    onJson(value);
  }

  function breakOff(why: string): void {
    broken = true;
    pieces = [];
    onBroken(why);
  }

  stream.on("data", bring);
}
