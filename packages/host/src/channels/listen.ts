/**
 * Listening to the platforms: one loop per account, for as long as the host runs.
 *
 * - It goes on from the stored cursor. A message counts as taken once it is on disk with its cursor
 *   (G1); what cannot be a message at all is passed over, so that it is not brought again for ever.
 * - Who throws is called again: when it said, else with full jitter. An account that only its operator
 *   can mend is left alone for ten minutes, and the owner is told once.
 * - The log has one line for each thing that goes wrong, however often it is tried, and one for its end.
 */
import {
  type Accept,
  type Channel,
  ConfigError,
  type Inbound,
  RejectedError,
  TemporaryError,
} from "@bellhop/sdk";
import type { Admission } from "../admission/admission.ts";
import { fullJitter } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { atMost, pause } from "../core/patience.ts";
import type { Log } from "../log.ts";
import type { Inbox } from "../store/inbox.ts";

export interface ListeningParts {
  readonly channels: readonly Channel[];
  readonly admission: Pick<Admission, "receive">;
  readonly inbox: Pick<Inbox, "cursor" | "skip">;
  /** An account needs its operator; called once until it listens again. */
  readonly onHeld: (channel: Channel, problem: ConfigError) => void;
  readonly clock: Clock;
  /** From 0 to below 1, for the jitter of backoffs. */
  readonly random: () => number;
  readonly log: Log;
}

export interface Listeners {
  /** These from now on: what is not among them is listened to no more. */
  set(channels: readonly Channel[]): void;
  /** Accounts that do not listen just now, and why. */
  silent(): readonly {
    readonly channel: string;
    readonly account: string;
    readonly why: string;
    /** Only its operator can mend it. */
    readonly stopped: boolean;
  }[];
  close(): Promise<void>;
}

const HELD_MS = 10 * 60_000;
/** Who has listened that long listens: what fails after it is another incident. */
const SETTLED_MS = 60_000;
/** A channel that does not end when it is told to does not hold up ours. */
const CLOSE_MS = 2_000;

export function listenToAll(parts: ListeningParts): Listeners {
  const listeners = new Map<Channel, ReturnType<typeof keepListening>>();
  let closed = false;

  function set(channels: readonly Channel[]): void {
    const wanted = new Set(channels.filter(({ listen }) => listen));
    for (const [channel, { stop }] of listeners) {
      if (wanted.has(channel)) continue;
      stop();
      listeners.delete(channel);
    }
    if (closed) return;
    for (const channel of wanted)
      if (!listeners.has(channel)) listeners.set(channel, keepListening(channel, parts));
  }

  set(parts.channels);
  return {
    set,
    silent: () =>
      [...listeners.values()].flatMap(({ channel: { name: channel, account }, trouble }) => {
        const found = trouble();
        return found ? { channel, account, ...found } : [];
      }),
    async close() {
      closed = true;
      const ending = [...listeners.values()];
      set([]);
      await atMost(parts.clock, CLOSE_MS, Promise.all(ending.map(({ over }) => over)));
    },
  };
}

function keepListening(channel: Channel, parts: ListeningParts) {
  const closing = new AbortController();
  const { signal } = closing;
  const { admission, inbox, onHeld, clock, random, log } = parts;
  const { name, account } = channel;
  let failures = 0;
  let held = false;
  /** What the log was told last, of an account that does not listen. */
  let told: string | undefined;
  let trouble: { readonly why: string; readonly stopped: boolean } | undefined;

  async function take(inbound: Inbound, cursor?: string): Promise<void> {
    try {
      await admission.receive(channel, inbound, cursor);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error; // it is not on disk: it must be brought again
      log.warn(
        { err: error, channel: name, account, message: inbound.platformId },
        "no message; passed over",
      );
      if (cursor !== undefined) await inbox.skip(name, account, cursor);
    }
    recovered();
  }

  const accept: Accept = Object.assign(take, {
    keep: async (cursor: string) => await inbox.skip(name, account, cursor),
  });

  function recovered(): void {
    failures = 0;
    held = false;
    if (told !== undefined) log.info({ channel: name, account }, "a channel listens again");
    told = undefined;
  }

  /** How long to leave the account alone. */
  function patience(error: unknown): number {
    if (error instanceof ConfigError) {
      if (!held) onHeld(channel, error);
      held = true;
      return HELD_MS;
    }
    const waitMs = fullJitter(failures++, random);
    if (!(error instanceof TemporaryError)) return waitMs;
    return Math.max(error.retryAfterMs ?? 0, waitMs); // a platform may say "at once", again and again
  }

  async function keep(): Promise<void> {
    while (!signal.aborted) {
      const cancel = clock.after(SETTLED_MS, recovered);
      try {
        trouble = undefined;
        await channel.listen?.(await inbox.cursor(name, account), accept, signal);
        throw new TemporaryError(`${name} stopped listening by itself`);
      } catch (error) {
        cancel();
        if (signal.aborted) return;
        const ms = patience(error);
        const why = error instanceof Error ? error.message : String(error);
        trouble = { why, stopped: error instanceof ConfigError };
        log[why === told ? "debug" : "warn"](
          { err: error, channel: name, account, againInMs: Math.ceil(ms) },
          "a channel does not listen",
        );
        told = why;
        await pause(clock, ms, signal);
      }
    }
  }

  return { channel, trouble: () => trouble, over: keep(), stop: () => closing.abort() };
}
