/**
 * Delivery: from the outbox to the channels, in order per chat, chats side by side (G12, G14).
 *
 * - Nothing polls: a chat is served when it is woken, and again when its first row is due.
 * - What may have arrived is sent again at most once, and only where the channel cannot show it
 *   twice is it sent until it is known to have arrived (G14).
 * - A row that cannot be delivered does not block its chat for ever (G13).
 */
import {
  type Channel,
  ConfigError,
  type Outbound,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { fullJitter } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { type ChatId, chatAddress, type OutboxId } from "../core/ids.ts";
import { COMMAND_KEY, type Hold } from "../core/pause.ts";
import type { Log } from "../log.ts";
import type { Outbox, OutboxRow } from "../store/outbox.ts";
import type { Notices } from "./notices.ts";
import { failpoint } from "../core/failpoint.ts";

export interface DeliveryParts {
  readonly outbox: Outbox;
  readonly channelOf: (chat: ChatId) => Channel | undefined;
  readonly notices: Notices;
  readonly bus: EventBus;
  /** While this is aborted nothing is sent but the answers to commands, and what is being sent ends (G27). */
  readonly hold: Hold;
  readonly clock: Clock;
  /** From 0 to below 1, for the jitter of backoffs. */
  readonly random: () => number;
  readonly log: Log;
}

export interface Delivery {
  /** There may be something to send to this chat. */
  wake(chat: ChatId): void;
  /**
   * Wakes every chat that is owed something: at the start, when a dead host may have left it half sent,
   * and after a jump of the clock.
   */
  recover(): Promise<void>;
  /** Resolves when nothing is being sent just now. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** G15: what could not be delivered in a day is given up. */
const GIVE_UP_MS = 24 * 60 * 60_000;
/** How long to leave an account alone that needs its operator. */
const HELD_MS = 5 * 60_000;
/** After the database failed us. */
const BREATHER_MS = 1_000;

export function createDelivery(parts: DeliveryParts): Delivery {
  const { outbox, channelOf, notices, bus, hold, clock, random, log } = parts;
  const serving = new Map<ChatId, Promise<void>>();
  const again = new Set<ChatId>();
  const alarms = new Map<ChatId, () => void>();
  /** What its channel has taken while we could not write that down. */
  const arrived = new Map<OutboxId, string>();
  const closing = new AbortController();

  function wake(chat: ChatId): void {
    if (closing.signal.aborted) return;
    alarms.get(chat)?.();
    alarms.delete(chat);
    if (serving.has(chat)) {
      again.add(chat);
      return;
    }
    const served = serve(chat)
      .catch((error: unknown) => {
        log.error({ err: error, chat }, "delivery stopped; it goes on in a moment");
        alarm(chat, BREATHER_MS);
      })
      .finally(() => {
        serving.delete(chat);
        if (again.delete(chat)) wake(chat);
      });
    serving.set(chat, served);
  }

  function alarm(chat: ChatId, ms: number): void {
    if (closing.signal.aborted) return;
    alarms.get(chat)?.();
    alarms.set(
      chat,
      clock.after(ms, () => wake(chat)),
    );
  }

  async function serve(chat: ChatId): Promise<void> {
    const channel = channelOf(chat);
    if (!channel) return; // its plugin is not there now; it wakes its chats when it comes
    while (!closing.signal.aborted) {
      again.delete(chat);
      const claimed = await outbox.claim(chat, hold().aborted ? "answers to commands" : undefined);
      if (!claimed) return;
      failpoint("send.claimed");
      if ("dueAt" in claimed) {
        alarm(chat, Math.max(0, claimed.dueAt - clock.now()));
        return;
      }
      if ("interrupted" in claimed) await afterInterruption(channel, claimed.interrupted);
      else await send(channel, claimed.row, claimed.replyTo);
      bus.publish({ type: "durable", chat });
    }
  }

  async function send(channel: Channel, row: OutboxRow, replyTo: string | undefined): Promise<void> {
    const message = toOutbound(row, replyTo);
    if (!message) return await outbox.bury(row, "the message it reacts to has not arrived");
    let platformId: string;
    failpoint("send.begin");
    const held = row.key.startsWith(COMMAND_KEY) ? closing.signal : hold();
    if (held.aborted) return await outbox.retry(row, clock.now(), "held by the emergency stop");
    const signal = AbortSignal.any([closing.signal, held]);
    try {
      ({ platformId } = await channel.send(message, signal));
    } catch (error) {
      if (signal.aborted) return; // left as it is: whoever goes on decides what became of it (G14)
      return await settleFailure(channel, row, error);
    }
    failpoint("send.done");
    arrived.set(row.id, platformId);
    await arrivedAs(row, platformId);
  }

  async function arrivedAs(row: OutboxRow, platformId: string): Promise<void> {
    await outbox.sent(row, platformId);
    failpoint("send.settled");
    arrived.delete(row.id);
  }

  async function afterInterruption(channel: Channel, row: OutboxRow): Promise<void> {
    const platformId = arrived.get(row.id);
    if (platformId !== undefined) return await arrivedAs(row, platformId);
    await ambiguous(channel, row, 0, "it was not written down what became of this");
  }

  async function settleFailure(channel: Channel, row: OutboxRow, error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error);
    const now = clock.now();
    if (now - row.created_at > GIVE_UP_MS) {
      log.warn({ chat: row.chat_id, why }, "a message was given up after a day");
      return await (error instanceof UnknownOutcomeError ? outbox.unknown(row, why) : outbox.bury(row, why));
    }
    if (error instanceof TemporaryError)
      return await outbox.retry(row, now + (error.retryAfterMs ?? fullJitter(row.attempts, random)), why);
    if (error instanceof UnknownOutcomeError)
      return await ambiguous(channel, row, fullJitter(row.attempts, random), why);
    if (error instanceof ConfigError) {
      const { channel: name, account } = chatAddress(row.chat_id);
      await notices.tell(
        `account:${name}/${account}:${row.id}`,
        `The channel ${name} needs you: ${why}. What it owes is kept.`,
        row.chat_id,
      );
      return await outbox.retry(row, now + HELD_MS, why);
    }
    if (error instanceof RejectedError) {
      log.warn({ chat: row.chat_id, why }, "a message was rejected for good");
      return await outbox.bury(row, why);
    }
    // Not an error of the contract: nobody can say whether it was applied.
    log.error({ err: error, chat: row.chat_id }, "a channel failed in an unforeseen way");
    await ambiguous(channel, row, fullJitter(row.attempts, random), why);
  }

  /** G14. */
  async function ambiguous(channel: Channel, row: OutboxRow, waitMs: number, why: string): Promise<void> {
    if (channel.abilities.resend.how === "once" || row.attempts < 2)
      await outbox.retry(row, clock.now() + waitMs, why);
    else await outbox.unknown(row, why);
  }

  return {
    wake,

    async recover() {
      for (const chat of await outbox.chatsOwed()) wake(chat);
    },

    async settled() {
      while (serving.size > 0) await Promise.all(serving.values());
    },

    async close() {
      closing.abort();
      for (const cancel of alarms.values()) cancel();
      alarms.clear();
      await Promise.all(serving.values());
    },
  };
}

/** Undefined for a reaction to what its platform does not know. */
function toOutbound(row: OutboxRow, replyTo: string | undefined): Outbound | undefined {
  const chat = chatAddress(row.chat_id).native;
  switch (row.kind) {
    case "text":
    case "notice":
      return {
        kind: "text",
        key: row.key,
        chat,
        text: row.text,
        sender: row.sender_name ?? undefined,
        replyTo,
      };
    case "reaction":
      return replyTo === undefined
        ? undefined
        : { kind: "reaction", key: row.key, chat, to: replyTo, emoji: row.text };
    case "file":
    case "draft":
      throw new Error(`a ${row.kind} cannot be sent yet`);
    default:
      return row.kind satisfies never;
  }
}
