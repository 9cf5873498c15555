/**
 * One connection of Socket Mode, from its address to its end. It says what comes and when it is over; to connect
 * again is not its business.
 *
 * - It is up once Slack has said hello.
 * - One that says nothing, not even to a ping, for a whole interval is dead, though nobody ended it.
 * - What cannot be read is passed over with one line in the log.
 *
 * It stands on `ws`. Slack's own client (`@slack/socket-mode`) takes 14 MB more before it is connected, hides why
 * Slack ends a connection, and connects again with a patience of its own.
 */
import { ConfigError, type Logger, TemporaryError } from "@bellhop/sdk";
import { WebSocket } from "ws";
import { z } from "zod";

const Frame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), num_connections: z.int().default(1) }),
  z.object({ type: z.literal("disconnect"), reason: z.string().default("") }),
  z.object({ type: z.literal("events_api"), envelope_id: z.string(), payload: z.unknown() }),
  z.object({ type: z.literal("slash_commands"), envelope_id: z.string(), payload: z.unknown() }),
  z.object({ type: z.literal("interactive"), envelope_id: z.string(), payload: z.unknown() }),
]);
export type Envelope = Extract<z.infer<typeof Frame>, { envelope_id: string }>;

export interface SocketParts {
  /** It holds a ticket that lets in whoever has it. */
  readonly url: string;
  /** It must not throw. */
  readonly onEnvelope: (envelope: Envelope, connection: Connection) => void;
  readonly pace: SocketPace;
  readonly log: Pick<Logger, "warn">;
}

export interface SocketPace {
  /** Until Slack has said hello. */
  readonly helloMs: number;
  /** How long a connection may say nothing before it is pinged, and then again. */
  readonly silenceMs: number;
}

export interface Connection {
  /** How many the app had when this one began, itself among them. */
  readonly connections: number;
  /** Resolves when Slack wants another to take its place. */
  readonly leaving: Promise<void>;
  /** Resolves with why it is over. */
  readonly over: Promise<unknown>;
  /** On one that is over nothing is done: Slack brings again what was not acknowledged. */
  acknowledge(envelope: Envelope, reply?: string): void;
  close(): void;
}

/** More than Slack ever sends in one. */
const MOST_BYTES = 8 * 1024 * 1024;

/** Resolves once Slack has said hello. @throws TemporaryError, ConfigError, whatever `signal` aborted with */
export async function openConnection(
  { url, onEnvelope, pace, log }: SocketParts,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted();
  const socket = new WebSocket(url, {
    maxPayload: MOST_BYTES,
    perMessageDeflate: false,
    handshakeTimeout: pace.helloMs,
  });
  const hello = Promise.withResolvers<number>();
  const leaving = Promise.withResolvers<void>();
  const over = Promise.withResolvers<unknown>();
  let heard = true;

  const onAbort = () => end(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });

  function end(error: unknown): void {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(patience);
    clearInterval(listening);
    over.resolve(error);
    hello.reject(error);
    socket.terminate();
  }

  const patience = setTimeout(() => end(new TemporaryError("Slack did not say hello")), pace.helloMs);
  const listening = setInterval(() => {
    if (!heard) return end(new TemporaryError("The connection to Slack has gone silent"));
    heard = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, pace.silenceMs);

  let connections = 1;
  const connection: Connection = {
    get connections() {
      return connections;
    },
    leaving: leaving.promise,
    over: over.promise,
    acknowledge({ envelope_id }: Envelope, reply) {
      const payload = reply === undefined ? undefined : { text: reply };
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ envelope_id, payload }));
    },
    close: () => end(new TemporaryError("The connection to Slack was closed")),
  };

  function take(frame: z.infer<typeof Frame>): void {
    if (frame.type === "hello") hello.resolve(frame.num_connections);
    else if (frame.type !== "disconnect") onEnvelope(frame, connection);
    else if (frame.reason === "warning" || frame.reason === "refresh_requested") leaving.resolve();
    else end(ended(frame.reason));
  }

  socket.on("message", (data) => {
    heard = true;
    const frame = Frame.safeParse(Buffer.isBuffer(data) ? jsonOf(data.toString()) : undefined);
    if (frame.success) take(frame.data);
    else log.warn("a frame of Slack's that cannot be read was passed over");
  });
  for (const sign of ["ping", "pong"]) socket.on(sign, () => (heard = true));
  socket.on("error", (cause) => end(new TemporaryError("The connection to Slack failed", { cause })));
  socket.on("close", () => end(new TemporaryError("Slack ended the connection")));
  connections = await hello.promise;
  clearTimeout(patience);
  return connection;
}

function ended(reason: string): Error {
  if (reason === "link_disabled")
    return new ConfigError(
      "Socket Mode was turned off for the Slack app. Turn it on again at api.slack.com/apps, under Socket Mode.",
    );
  if (reason === "too_many_websockets")
    return new ConfigError(
      "The Slack app has ten connections already, which is all that Slack allows. End the other programs that use it.",
    );
  return new TemporaryError(`Slack ended the connection (${reason})`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
