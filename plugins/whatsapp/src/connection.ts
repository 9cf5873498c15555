/**
 * One connection to WhatsApp after another: what it says is handed on, and when it ends everybody who listened to it
 * is taken off, and why it ended is thrown.
 *
 * - New credentials are on the disk before Baileys does anything that depends on them.
 * - A restart that WhatsApp asks for (515, after a device was linked) is made at once, and not for ever.
 * - A connection that says nothing more is found by Baileys, which asks for a sign of life every half minute. Before
 *   that begins it waits for silence alone, so whoever wants it open by some time says so.
 */
import type { BaileysEventMap } from "baileys";
import { TemporaryError } from "@bellhop/sdk";
import { ended, RESTART_REQUIRED, statusOf } from "./errors.ts";
import type { Keys } from "./keys.ts";
import type { MakeSocket, SocketOptions, WhatsAppSocket } from "./socket.ts";
import type { After } from "./undecrypted.ts";

export interface ConnectionParts {
  readonly makeSocket: MakeSocket;
  readonly keys: Keys;
  readonly options: Omit<SocketOptions, "auth">;
  /** By when it has to be open. */
  readonly open?: { readonly ms: number; readonly after: After } | undefined;
}

/** What whoever uses the connection wants to hear. It must not throw. */
export interface Hearing {
  /** Before Baileys hears anything. */
  readonly onMade?: (socket: WhatsAppSocket) => void;
  readonly onOpen?: (socket: WhatsAppSocket) => void;
  readonly onUpdate?: (update: BaileysEventMap["connection.update"], socket: WhatsAppSocket) => void;
}

const EVENTS = [
  "connection.update",
  "creds.update",
  "messages.upsert",
  "groups.update",
  "group-participants.update",
] as const;
const MOST_RESTARTS = 3;

/**
 * Connects, and stays until the connection ends.
 * @throws TemporaryError, ConfigError: why it ended; the signal's reason
 */
export async function stayConnected(
  parts: ConnectionParts,
  hearing: Hearing,
  signal: AbortSignal,
): Promise<never> {
  for (let restarts = 0; restarts <= MOST_RESTARTS; restarts += 1) {
    const cause = await connectOnce(parts, hearing, signal);
    if (statusOf(cause) !== RESTART_REQUIRED) throw ended(cause);
  }
  throw new TemporaryError("WhatsApp asks again and again to connect anew");
}

/**
 * Connects, once. Resolves with why the connection ended.
 * @throws the signal's reason
 */
export async function connectOnce(
  { makeSocket, keys, options, open }: ConnectionParts,
  { onMade, onOpen, onUpdate }: Hearing,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  const auth = { creds: keys.creds(), keys: keys.keys };
  const socket = await makeSocket({ ...options, auth });
  const over = Promise.withResolvers<unknown>();
  const end = (why: unknown): void => {
    void socket.end(undefined); // it waits for the other side to hang up; we do not
    over.resolve(why);
  };
  const stop = (): void => end(undefined);
  const isOpen = open?.after(open.ms, () =>
    end(new TemporaryError("WhatsApp does not come to an end of letting us in")),
  );
  // Baileys has put what is new into the credentials before it tells us.
  socket.ev.on("creds.update", () => keys.save(auth.creds));
  socket.ev.on("connection.update", (update) => {
    onUpdate?.(update, socket);
    if (update.connection === "open") {
      isOpen?.();
      onOpen?.(socket);
    }
    if (update.connection === "close") over.resolve(update.lastDisconnect?.error);
  });
  onMade?.(socket);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const cause = await over.promise;
    signal.throwIfAborted();
    return cause;
  } finally {
    isOpen?.();
    signal.removeEventListener("abort", stop);
    for (const event of EVENTS) socket.ev.removeAllListeners(event);
    socket.ws.removeAllListeners();
    socket.ws.on("error", () => undefined); // it is over; what still goes wrong with it is nobody's matter
  }
}
