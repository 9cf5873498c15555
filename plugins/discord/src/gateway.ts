/**
 * One connection to Discord's gateway, from its first word to its end.
 *
 * - It yields what happens, in order, and throws when the connection is over: whoever listens opens the next one,
 *   from the last place that is on disk. What came after that place and is dropped here, Discord brings again.
 * - It identifies or resumes once, and never again by itself.
 * - A beat that was not answered before the next one means that the connection is dead, though nobody ended it.
 * - It ends without a word, so that the session can be taken up again: close code 1000 would end that too.
 */
import { type Logger, TemporaryError } from "@bellhop/sdk";
import { WebSocket } from "ws";
import { z } from "zod";
import { closed, SessionOverError } from "./errors.ts";

export const Frame = z.discriminatedUnion("op", [
  z.object({ op: z.literal(0), t: z.string(), s: z.int(), d: z.unknown().optional() }),
  z.object({ op: z.literal(1) }), // it wants a beat now
  z.object({ op: z.literal(7) }), // it wants us to connect anew
  z.object({ op: z.literal(9), d: z.boolean() }), // no such session; true: try it again
  z.object({ op: z.literal(10), d: z.object({ heartbeat_interval: z.number().positive() }) }),
  z.object({ op: z.literal(11) }), // a beat was heard
]);
type Frame = z.infer<typeof Frame>;
export type Dispatch = Extract<Frame, { op: 0 }>;

export interface Session {
  readonly id: string;
  /** Of the last thing that is on disk. */
  readonly seq: number;
}

export interface GatewayOptions {
  /** `wss://…`, without a query. */
  readonly url: string;
  readonly token: string;
  /** What we are told of, as bits. */
  readonly intents: number;
  /** The session that is taken up again; without it a new one begins. */
  readonly session?: Session | undefined;
  /** How long its first word is waited for, and then that it lets us in. */
  readonly helloMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Pick<Logger, "warn">;
}

/** More than wait here, Discord shall keep for us. */
const MOST_WAITING = 10_000;
const MOST_FRAME_BYTES = 32 * 1024 * 1024;
const NAME = "bellhop";

/** @throws TemporaryError, SessionOverError, ConfigError, or whatever `signal` aborted with */
export async function* gateway(
  options: GatewayOptions,
  signal: AbortSignal,
): AsyncGenerator<Dispatch, never> {
  signal.throwIfAborted();
  const { session, token, intents, random, log } = options;
  const socket = new WebSocket(`${options.url}/?v=10&encoding=json`, {
    handshakeTimeout: options.helloMs,
    maxPayload: MOST_FRAME_BYTES,
    perMessageDeflate: false,
  });
  const waiting: Dispatch[] = [];
  let news = Promise.withResolvers<void>();
  let over: { readonly why: unknown } | undefined;
  /** Of the last thing that whoever listens has done with: a beat says that all until then was heard (G1). */
  let seq: number | null = session?.seq ?? null;
  let answered = true;
  let heart: NodeJS.Timeout | undefined;
  /** Whatever it says meanwhile: it may say that for ever. */
  let entry = patience("says nothing");

  function patience(does: string): NodeJS.Timeout {
    return setTimeout(() => end(new TemporaryError(`Discord's gateway ${does}`)), options.helloMs);
  }

  function end(why: unknown): void {
    over ??= { why };
    news.resolve();
  }

  function say(frame: { readonly op: number; readonly d: unknown }): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function beat(): void {
    say({ op: 1, d: seq });
  }

  function keepBeating(everyMs: number): void {
    clearTimeout(heart);
    const next = (ms: number) => {
      heart = setTimeout(() => {
        if (!answered) return end(new TemporaryError("Discord's gateway does not answer any more"));
        answered = false;
        beat();
        next(everyMs);
      }, ms);
    };
    next(everyMs * random()); // not all at once after Discord was away
  }

  function begin(): void {
    if (session) return say({ op: 6, d: { token, session_id: session.id, seq: session.seq } });
    const properties = { os: process.platform, browser: NAME, device: NAME };
    say({ op: 2, d: { token, intents, properties } });
  }

  function take(frame: Frame): void {
    switch (frame.op) {
      case 0:
        clearTimeout(entry);
        waiting.push(frame);
        if (waiting.length > MOST_WAITING) end(new TemporaryError("Discord sends more than can be stored"));
        return news.resolve();
      case 1:
        return beat();
      case 7:
        return end(new TemporaryError("Discord asks us to connect anew"));
      case 9:
        if (frame.d) return end(new TemporaryError("Discord asks us to take up the session once more"));
        return end(new SessionOverError("Discord does not know the session any more"));
      case 10:
        clearTimeout(entry);
        entry = patience("does not let us in");
        keepBeating(frame.d.heartbeat_interval);
        return begin();
      case 11:
        answered = true;
        return;
      default:
        return frame satisfies never;
    }
  }

  const abort = () => end(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  socket.on("message", (data) => {
    const frame = Frame.safeParse(parsed(Buffer.isBuffer(data) ? data.toString() : ""));
    if (frame.success) take(frame.data);
    else log.warn("a frame of Discord's gateway that cannot be read was passed over");
  });
  socket.on("close", (code) => end(closed(code)));
  socket.on("error", (cause) => end(new TemporaryError("Discord's gateway cannot be reached", { cause })));

  try {
    for (;;) {
      signal.throwIfAborted();
      const next = waiting.shift();
      if (next) {
        yield next;
        seq = next.s;
        continue;
      }
      if (over) throw over.why; // after all that came before it
      await news.promise;
      news = Promise.withResolvers();
    }
  } finally {
    clearTimeout(heart);
    clearTimeout(entry);
    signal.removeEventListener("abort", abort);
    socket.terminate();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no frame: it is said so there
  }
}
