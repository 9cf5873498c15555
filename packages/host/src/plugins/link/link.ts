/**
 * One line between the host and a plugin's process: calls with answers in both directions, words that want no
 * answer, and streams of bytes.
 *
 * - What waits is bounded on either side: so many calls at once, so many bytes of a stream ahead of its reader
 *   (who grants them), and so many bytes that the other side has not read; past these the call is refused, or the
 *   line is cut.
 * - When the line ends, every call that waits fails with `GoneError`, and every stream breaks off.
 * - What comes in is looked at here as far as the line needs it; what a call carries is for its callee to parse.
 * - This file is part of what every plugin's process loads: it imports nothing that costs memory.
 */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { type Duplex, Readable } from "node:stream";
import { fromWire, GoneError, toWire, type WireError } from "./errors.ts";
import { bytesFrame, CHUNK_BYTES, jsonFrame, readFrames } from "./frames.ts";

/** What a call carries and answers. Fields that are undefined do not travel. */
export type Params = Readonly<Record<string, unknown>>;

export interface LinkOptions {
  readonly stream: Duplex;
  /** Answers a call. What it throws, the other side throws. */
  readonly serve: (method: string, params: unknown, signal: AbortSignal) => Promise<unknown>;
  /** Hears what wants no answer. */
  readonly hear: (method: string, params: unknown) => void;
  /** The other side does not keep to the rules; the line is cut. */
  readonly onBroken: (why: string) => void;
  /** The line has ended, whoever ended it; nothing comes after it. */
  readonly onClosed?: () => void;
  /** Called with each frame's length. */
  readonly passed?: (bytes: number) => void;
  /** As the messages of its errors name the other side. */
  readonly other: string;
}

export interface Link {
  /**
   * @throws GoneError when the line ends before the answer
   * @throws the signal's reason when it aborts; the other side is told
   */
  call(method: string, params: Params, signal?: AbortSignal): Promise<unknown>;
  tell(method: string, params: Params): void;
  /**
   * The number under which the other side can read it, once. It is opened when that begins.
   * @param unused called instead where it never begins
   */
  offer(open: () => Readable, unused?: () => void): number;
  /** Takes back what nobody reads, or reads on. */
  withdraw(stream: number): void;
  /** What the other side offered. */
  receive(stream: number): Readable;
  close(why: string): void;
  readonly isOpen: boolean;
}

/** Bytes that are longer go as a stream. */
export const LONG_BYTES = 256 * 1024;

const MOST_CALLS = 256;
const MOST_STREAMS = 256;
/** How far a stream may be ahead of its reader. */
const WINDOW_BYTES = 4 * CHUNK_BYTES;
/** Written, and not read by the other side. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Incoming {
  readonly readable: Readable;
  granted: number;
}

interface Offer {
  readonly open: () => Readable;
  readonly unused: (() => void) | undefined;
  readable: Readable | undefined;
  begun: boolean;
  granted: number;
  more: (() => void) | undefined;
}

export function createLink(options: LinkOptions): Link {
  const { stream, serve, hear, onBroken, onClosed, passed, other } = options;
  const waiting = new Map<number, Waiting>();
  const serving = new Map<number, AbortController>();
  const incoming = new Map<number, Incoming>();
  const offers = new Map<number, Offer>();
  let next = 1;
  let why: string | undefined;

  function write(frame: Buffer): void {
    if (why !== undefined) return;
    stream.write(frame);
    if (stream.writableLength > MOST_UNREAD_BYTES) broken("it does not read what it is told");
  }

  function broken(problem: string): void {
    if (why !== undefined) return;
    onBroken(problem);
    close(problem);
  }

  function close(problem: string): void {
    if (why !== undefined) return;
    why = problem;
    stream.destroy();
    const gone = new GoneError(`${other} is not there any more (${problem}); it is tried again`);
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
    for (const controller of serving.values()) controller.abort(gone);
    serving.clear();
    for (const { readable } of incoming.values()) readable.destroy(gone);
    incoming.clear();
    for (const number of offers.keys()) drop(number);
    onClosed?.();
  }

  function onJson(value: unknown): void {
    const message = fieldsOf(value);
    const id = (name: string) => numberOf(message?.[name]);
    const call = id("call");
    const done = id("done");
    const fail = id("fail");
    const cancel = id("cancel");
    const more = id("more");
    const end = id("end");
    const stop = id("stop");
    const method = message?.["method"];
    if (call !== undefined && typeof method === "string") void answer(call, method, message?.["params"]);
    else if (done !== undefined) settle(done)?.resolve(message?.["value"]);
    else if (fail !== undefined) settle(fail)?.reject(fromWire(errorOf(message?.["error"])));
    else if (cancel !== undefined)
      serving.get(cancel)?.abort(new TemporaryError("whoever asked does not wait any more"));
    else if (more !== undefined) grant(more, numberOf(message?.["bytes"]) ?? 0);
    else if (end !== undefined) ended(end, message?.["error"]);
    else if (stop !== undefined) drop(stop);
    else if (typeof message?.["tell"] === "string") hear(message["tell"], message["params"]);
    else broken("it sent a message that means nothing");
  }

  function settle(id: number): Waiting | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    return found; // none: it was cancelled meanwhile
  }

  async function answer(id: number, method: string, params: unknown): Promise<void> {
    if (serving.has(id)) return broken("it used the number of a call twice");
    if (serving.size >= MOST_CALLS) return fail(id, new TemporaryError("too many calls at once"));
    const controller = new AbortController();
    serving.set(id, controller);
    try {
      const value = await serve(method, params, controller.signal);
      write(jsonFrame({ done: id, value }));
    } catch (error) {
      fail(id, error);
    } finally {
      serving.delete(id);
    }
  }

  function fail(id: number, error: unknown): void {
    write(jsonFrame({ fail: id, error: toWire(error) }));
  }

  function onBytes(number: number, bytes: Buffer): void {
    const into = incoming.get(number);
    if (!into) return; // nobody reads it any more, and the other side has not heard that yet
    into.granted -= bytes.length;
    if (into.granted < 0) return broken("it sent more of a stream than it was granted");
    into.readable.push(bytes);
  }

  function ended(number: number, error: unknown): void {
    const into = incoming.get(number);
    incoming.delete(number);
    if (error === undefined) into?.readable.push(null);
    else into?.readable.destroy(fromWire(errorOf(error)));
  }

  function grant(number: number, bytes: number): void {
    const found = offers.get(number);
    if (!found) return;
    found.granted += bytes;
    found.more?.();
    if (found.begun) return;
    found.begun = true;
    void pump(number, found);
  }

  async function pump(number: number, offer: Offer): Promise<void> {
    try {
      const readable = offer.open();
      offer.readable = readable;
      for await (const piece of readable) {
        const bytes = bytesOf(piece);
        for (let at = 0; at < bytes.length;) {
          const part = bytes.subarray(at, at + Math.min(CHUNK_BYTES, bytes.length - at));
          while (offer.granted < part.length && offers.has(number)) {
            await new Promise<void>((resolve) => (offer.more = resolve));
          }
          if (!offers.has(number)) return;
          offer.granted -= part.length;
          at += part.length;
          write(bytesFrame(number, part));
        }
      }
      write(jsonFrame({ end: number }));
    } catch (error) {
      if (offers.has(number)) write(jsonFrame({ end: number, error: toWire(error) }));
    } finally {
      offers.delete(number);
    }
  }

  function withdraw(number: number): void {
    if (offers.get(number)?.begun)
      write(jsonFrame({ end: number, error: toWire(new TemporaryError("it was taken back")) }));
    drop(number);
  }

  function drop(number: number): void {
    const found = offers.get(number);
    offers.delete(number);
    found?.more?.();
    found?.readable?.destroy();
    if (found && !found.begun) found.unused?.();
  }

  readFrames(stream, { onJson, onBytes, onBroken: (problem) => broken(`it sent ${problem}`) }, passed);
  stream.once("close", () => close("it has ended"));
  stream.on("error", (error: Error) => close(error.message));

  return {
    get isOpen() {
      return why === undefined;
    },

    async call(method, params, signal) {
      signal?.throwIfAborted();
      if (why !== undefined) throw new GoneError(`${other} is not there (${why}); it is tried again`);
      if (waiting.size >= MOST_CALLS) throw new TemporaryError(`${other} has too much to do`);
      const id = next++;
      const frame = jsonFrame({ call: id, method, params });
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const abort = () => {
        if (!settle(id)) return;
        write(jsonFrame({ cancel: id }));
        reject(signal?.reason);
      };
      waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", abort, { once: true });
      write(frame);
      try {
        return await promise;
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    },

    tell(method, params) {
      write(jsonFrame({ tell: method, params }));
    },

    offer(open, unused) {
      if (offers.size >= MOST_STREAMS) throw new TemporaryError(`${other} is being sent too much at once`);
      const number = next++;
      offers.set(number, { open, unused, readable: undefined, begun: false, granted: 0, more: undefined });
      return number;
    },

    withdraw,

    receive(number) {
      if (incoming.size >= MOST_STREAMS) throw new TemporaryError(`${other} sends too much at once`);
      if (incoming.has(number)) throw new RejectedError(`${other} offered the same bytes twice`);
      const readable = new Readable({
        highWaterMark: WINDOW_BYTES,
        read() {
          const into = incoming.get(number);
          if (!into || into.granted > WINDOW_BYTES / 2) return;
          const bytes = WINDOW_BYTES - into.granted;
          into.granted += bytes;
          write(jsonFrame({ more: number, bytes }));
        },
        destroy(error, done) {
          if (incoming.delete(number)) write(jsonFrame({ stop: number }));
          done(error);
        },
      });
      readable.on("error", () => undefined); // who reads hears of it; nobody has to
      incoming.set(number, { readable, granted: 0 });
      if (why !== undefined) readable.destroy(new GoneError(`${other} is not there any more`));
      return readable;
    },

    close,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // An object's fields may be anything, and each is looked at before it is used.
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function errorOf(value: unknown): WireError {
  const fields = fieldsOf(value);
  const [name, message, retry] = [fields?.["name"], fields?.["message"], fields?.["retryAfterMs"]];
  const words = {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : "it failed and did not say why",
  };
  return typeof retry === "number" && retry >= 0 ? { ...words, retryAfterMs: retry } : words;
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === "string") return Buffer.from(piece);
  throw new RejectedError("a stream of something other than bytes");
}
