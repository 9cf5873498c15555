/**
 * Hears what Slack brings over Socket Mode, one thing after the other, and acknowledges each once it was taken (G1).
 * What was not acknowledged within three seconds Slack brings again, over this connection or the next.
 *
 * - When Slack wants to end a connection, the next one is up before the old one goes.
 * - Slack gives each event to one of an app's connections. So another program that has one takes ours away: where
 *   one was counted, it is looked again after a while (a connection of ours that died is counted for some time too),
 *   and then it is said.
 */
import { ConfigError, type Logger } from "@bellhop/sdk";
import { type Connection, type Envelope, openConnection, type SocketPace } from "./socket.ts";

export interface Pace extends SocketPace {
  /** Before it is looked again whether another program has a connection. */
  readonly secondLookMs: number;
}

export const PACE: Pace = { helloMs: 10_000, silenceMs: 15_000, secondLookMs: 90_000 };

export interface ListeningParts {
  /** Where the next connection is to be made. */
  readonly address: (signal: AbortSignal) => Promise<string>;
  /** Resolves once it is on disk, or is nobody's business: with what whoever did it is shown at once, if anything. */
  readonly take: (envelope: Envelope) => Promise<string | undefined>;
  /** It can be heard just now. `shared`: another program seems to be connected too. */
  readonly onUp: (shared: boolean) => void;
  readonly pace: Pace;
  readonly log: Pick<Logger, "warn">;
}

/** Until `signal` aborts. @throws TemporaryError, ConfigError, what `take` threw */
export async function listening(parts: ListeningParts, signal: AbortSignal): Promise<never> {
  const { address, take, onUp, pace, log } = parts;
  const open = new Set<Connection>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // it may fail when nobody waits for it any more
  let taken: Promise<void> = Promise.resolve();

  function onEnvelope(envelope: Envelope, connection: Connection): void {
    taken = takeAfter(taken, envelope, connection);
    taken.catch(failed.reject);
  }

  async function takeAfter(before: Promise<void>, envelope: Envelope, connection: Connection): Promise<void> {
    await before; // after one that failed none is taken
    signal.throwIfAborted();
    connection.acknowledge(envelope, await take(envelope));
  }

  /** And whether somebody else has one. */
  async function connect(): Promise<{ readonly connection: Connection; readonly shared: boolean }> {
    const url = await address(signal);
    const connection = await openConnection({ url, onEnvelope, pace, log }, signal);
    const shared = connection.connections > open.size + 1;
    open.add(connection);
    onUp(shared);
    return { connection, shared };
  }

  /** What it brought is acknowledged over it first. */
  async function retire(connection: Connection, all: Promise<void>): Promise<void> {
    await all;
    connection.close();
    open.delete(connection);
  }

  let looking: NodeJS.Timeout | undefined;
  try {
    let { connection, shared } = await connect();
    for (;;) {
      const look = Promise.withResolvers<void>();
      if (shared) looking = setTimeout(look.resolve, pace.secondLookMs);
      await Promise.race([ended(connection), connection.leaving, look.promise, failed.promise]);
      const next = await connect();
      if (shared && next.shared) throw elsewhere();
      retire(connection, taken).catch(failed.reject);
      ({ connection, shared } = next);
    }
  } finally {
    clearTimeout(looking);
    for (const one of open) one.close();
  }
}

async function ended(connection: Connection): Promise<never> {
  throw await connection.over;
}

function elsewhere(): ConfigError {
  return new ConfigError(
    "Another program is connected for this Slack app, and Slack gives each message to only one of the two. End it, or give Bellhop an app of its own.",
  );
}
