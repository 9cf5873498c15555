/**
 * Delivery: from the outbox to the channels, in order per chat, chats side by side (G12–G15).
 *
 * - Nothing polls: a chat is served when it is woken, and again when its first row is due or its
 *   account may send again (outbox/accounts.ts). Only what may be sent at once is claimed.
 * - What may have arrived is sent again by the rule of its channel (outbox/ambiguity.ts). An edit and a
 *   reaction may be made twice without anybody seeing it, so they are simply made again.
 * - An amendment is an edit of what was sent, or nothing.
 * - A row that cannot be delivered does not block its chat (G13); people are told (outbox/lost-words.ts).
 * - Everything that changes a chat's messages goes through its one lane, the growing of a draft too: an
 *   answer is never overwritten by its own beginning.
 */
import {
  type Channel,
  ConfigError,
  RejectedError,
  type Sent,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { fullJitter } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { EventBus } from "../core/events.ts";
import { failpoint } from "../core/failpoint.ts";
import { type ChatId, chatAddress, type OutboxId } from "../core/ids.ts";
import { createLanes, type Lane } from "../core/lanes.ts";
import { COMMAND_KEY, type Hold } from "../core/pause.ts";
import type { Log } from "../log.ts";
import { type ClaimedRow, isAmendment, type Outbox, type OutboxRow } from "../store/outbox.ts";
import { type Account, createAccounts } from "./accounts.ts";
import { maySendAgain } from "./ambiguity.ts";
import { type Lost, ownersOffer, ownersWord, wordTo } from "./lost-words.ts";
import type { Notices } from "./notices.ts";
import type { OutboundHooks } from "./outbound-hooks.ts";
import { type FileOf, toOutbound } from "./outbound.ts";
import type { Speaker } from "./speaker.ts";

export interface DeliveryParts {
  readonly outbox: Outbox;
  readonly channelOf: (chat: ChatId) => Channel | undefined;
  readonly fileOf: FileOf;
  readonly secrets: KnownSecrets;
  /** Puts our name before what we say where it is not our account. */
  readonly speaker: Speaker;
  readonly notices: Notices;
  /** Plugins that see what goes out before it does. */
  readonly hooks?: Pick<OutboundHooks, "prepare"> | undefined;
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
  /** The draft, if it can be seen, should read so by now. Only the latest word counts; none is kept. */
  grow(chat: ChatId, draft: OutboxId, text: string): void;
  /** Makes a call that is no message, if there is room beside the messages; whether it worked is all that is told. */
  aside(chat: ChatId, call: (channel: Channel, signal: AbortSignal) => Promise<unknown>): Promise<boolean>;
  /** Calls with each row that has arrived. The returned function ends it. */
  onSent(listener: (row: OutboxRow) => void): () => void;
  /** An account that needed its operator may work again. */
  accountReady(channel: Channel): void;
  /** It is not there any more; what it owes is kept. */
  forget(channel: Channel): void;
  /** Accounts that cannot send just now. */
  troubles(): { account: string; why: string; until: number; stopped: boolean }[];
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
/** Nothing is to be asked before it goes, so nobody looks. */
const FREE = { at: 0, direct: true } as const;
/** Spreads those who were told to come back at the same time. */
const SPREAD_MS = 1_000;

export function createDelivery(parts: DeliveryParts): Delivery {
  const { outbox, channelOf, speaker, notices, bus, hold, clock, random, log } = parts;
  const growth = new Map<ChatId, { draft: OutboxId; text: string }>();
  const listeners = new Set<(row: OutboxRow) => void>();
  /** What its channel has taken while we could not write that down. */
  const arrived = new Map<OutboxId, string>();
  /** Chats whose owner has been told that they do not get what we owe them. */
  const troubled = new Set<ChatId>();
  const closing = new AbortController();

  const lanes = createLanes({
    serve,
    failed: (error, chat) => log.error({ err: error, chat }, "delivery stopped; it goes on in a moment"),
    clock,
  });
  const accounts = createAccounts(clock, lanes.wake);

  async function serve(chat: ChatId, lane: Lane): Promise<void> {
    const channel = channelOf(chat);
    if (!channel) return; // its plugin is not there now; it wakes its chats when it comes
    const account = accounts.of(channel);
    while (!closing.signal.aborted) {
      lane.looks();
      const waitMs = await next(chat, channel, account);
      if (waitMs === 0) continue;
      if (await grown(chat, channel, account)) continue;
      if (waitMs !== undefined) lane.again(waitMs);
      return;
    }
  }

  /** Sends the first row of the chat. Returns 0 if it did, else how long it has to wait, if there is one. */
  async function next(chat: ChatId, channel: Channel, account: Account): Promise<number | undefined> {
    // Whoever asks an account that is not free is counted, so it is asked only for something.
    const only = hold().aborted ? "answers to commands" : undefined;
    if (only === undefined) await parts.hooks?.prepare(chat);
    const first = account.isFree ? FREE : await outbox.firstDue(chat, only);
    if (first === undefined) return undefined;
    if (first.at > clock.now()) return first.at - clock.now();
    const waitMs = account.enter(chat, first.direct);
    if (waitMs > 0) return waitMs;
    const claimed = await outbox.claim(chat, only);
    if (!claimed || "dueAt" in claimed) {
      account.leave(chat);
      return claimed && Math.max(1, claimed.dueAt - clock.now());
    }
    failpoint("send.claimed");
    if ("interrupted" in claimed) {
      account.leave(chat);
      await afterInterruption(channel, claimed.interrupted);
    } else await send(channel, account, claimed);
    bus.publish({ type: "durable", chat });
    return 0;
  }

  async function send(channel: Channel, account: Account, claimed: ClaimedRow): Promise<void> {
    const { row } = claimed;
    const held = row.key.startsWith(COMMAND_KEY) ? closing.signal : hold();
    if (held.aborted) return await outbox.retry(row, clock.now(), "held by the emergency stop");
    const signal = AbortSignal.any([closing.signal, held]);
    if (isAmendment(row)) return await amend(channel, account, claimed, signal);
    // A shown draft is a text of ours that may be changed as often as we like.
    let repeatable = row.kind === "reaction";
    let sent: Sent | undefined;
    try {
      failpoint("send.begin");
      if (claimed.over !== undefined && channel.edit) {
        repeatable = true;
        sent = await edited(channel, row, claimed.over, signal);
        repeatable = false;
      }
      if (!sent && row.uncertain > 0 && !repeatable) {
        const looked = await lookedUp(channel, row, signal);
        if (looked === "send no more") {
          account.leave(row.chat_id);
          return await lose(row, "unknown", row.error ?? "nobody knows whether it arrived");
        }
        sent = looked;
      }
      sent ??= await called(channel, claimed, signal);
    } catch (error) {
      if (signal.aborted) return; // left as it is: whoever goes on decides what became of it (G14)
      return await settleFailure(channel, account, row, error, repeatable);
    }
    failpoint("send.done");
    account.ok();
    arrived.set(row.id, sent.platformId);
    await arrivedAs(row, sent.platformId);
  }

  /** As an edit, or not at all: nobody wants to read again what became of something. */
  async function amend(
    channel: Channel,
    account: Account,
    { row, over }: ClaimedRow,
    signal: AbortSignal,
  ): Promise<void> {
    if (over === undefined || !channel.abilities.edits || !channel.edit) {
      account.leave(row.chat_id);
      return await outbox.drop(row, "what it changes is not there, or cannot be changed there");
    }
    try {
      failpoint("send.begin");
      const changed = await edited(channel, row, over, signal);
      failpoint("send.done");
      account.ok();
      if (changed) await arrivedAs(row, over);
      else await outbox.drop(row, "its channel does not let it be changed any more");
    } catch (error) {
      if (signal.aborted) return;
      await settleFailure(channel, account, row, error, true);
    }
  }

  /** Before a message that may have arrived is sent again. Undefined: send it. */
  async function lookedUp(
    channel: Channel,
    row: OutboxRow,
    signal: AbortSignal,
  ): Promise<Sent | "send no more" | undefined> {
    let resend = resendOf(channel);
    if (resend.how === "lookup" && channel.find) {
      try {
        const chat = chatAddress(row.chat_id).native;
        const found = await channel.find({ chat, key: row.key }, signal);
        if (found) return found;
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
        resend = { how: "twice" }; // it does not let us look
      }
    }
    return maySendAgain(resend, doubt(row, row.uncertain)) ? undefined : "send no more";
  }

  /** Undefined where what it is to be edited into cannot be any more: a draft's answer is sent as any other. */
  async function edited(
    channel: Channel,
    row: OutboxRow,
    platformId: string,
    signal: AbortSignal,
  ): Promise<Sent | undefined> {
    const chat = chatAddress(row.chat_id).native;
    const { hide } = parts.secrets;
    const sender = row.sender_name === null ? undefined : hide(row.sender_name);
    const text = await speaker.text(channel, row.chat_id, hide(row.text), sender);
    try {
      await channel.edit?.({ chat, platformId, text }, signal);
      return { platformId };
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      log.debug({ err: error, chat: row.chat_id }, "what was sent could not be edited");
      return undefined;
    }
  }

  async function called(channel: Channel, claimed: ClaimedRow, signal: AbortSignal): Promise<Sent> {
    const message = await speaker.message(
      channel,
      claimed.row.chat_id,
      await toOutbound(claimed, parts.fileOf, parts.secrets, channel.abilities),
    );
    try {
      return await channel.send(message, signal);
    } catch (error) {
      // The message that it quotes may be gone; an answer is worth more than its quote.
      if (!(error instanceof RejectedError) || message.kind === "reaction" || message.replyTo === undefined)
        throw error;
      return await channel.send({ ...message, replyTo: undefined }, signal);
    }
  }

  async function arrivedAs(row: OutboxRow, platformId: string): Promise<void> {
    await outbox.sent(row, platformId);
    failpoint("send.settled");
    arrived.delete(row.id);
    troubled.delete(row.chat_id);
    for (const listener of listeners) listener(row);
  }

  async function afterInterruption(channel: Channel, row: OutboxRow): Promise<void> {
    const platformId = arrived.get(row.id);
    if (platformId !== undefined) return await arrivedAs(row, platformId);
    const why = "it was not written down what became of this";
    // An answer that was being edited into its draft may have been sent anew as well.
    if (row.kind === "reaction" || isAmendment(row)) await outbox.retry(row, clock.now(), why);
    else if (row.kind === "draft") await outbox.drop(row, why);
    else await ambiguous(channel, row, 0, why);
  }

  async function settleFailure(
    channel: Channel,
    account: Account,
    row: OutboxRow,
    error: unknown,
    repeatable: boolean,
  ): Promise<void> {
    const why = error instanceof Error ? error.message : String(error);
    const now = clock.now();
    if (error instanceof ConfigError) {
      if (account.stop(why)) await tellStopped(channel, row, why);
      return await outbox.retry(row, now, why);
    }
    if (error instanceof RejectedError) {
      account.ok(); // it works, and says no
      return await lose(row, "dead", why);
    }
    const asked = error instanceof TemporaryError ? error.retryAfterMs : undefined;
    if (asked === undefined) account.failed();
    else account.hold(asked);
    const certain = repeatable || error instanceof TemporaryError;
    if (now - row.created_at > GIVE_UP_MS)
      return await lose(row, certain && row.uncertain === 0 ? "dead" : "unknown", why);
    const waitMs = asked === undefined ? fullJitter(row.attempts, random) : asked + random() * SPREAD_MS;
    if (certain) return await outbox.retry(row, now + waitMs, why);
    if (!(error instanceof UnknownOutcomeError))
      log.error({ err: error, chat: row.chat_id }, "a channel failed in an unforeseen way");
    await ambiguous(channel, row, waitMs, why);
  }

  /** G14. */
  async function ambiguous(channel: Channel, row: OutboxRow, waitMs: number, why: string): Promise<void> {
    const uncertain = row.uncertain + 1;
    const resend = resendOf(channel);
    // Nobody misses a beginning; twice the same one is worse.
    if (row.kind === "draft" && resend.how !== "once") await outbox.drop(row, why);
    else if (maySendAgain(resend, doubt(row, uncertain)))
      await outbox.retry(row, clock.now() + waitMs, why, uncertain);
    else await lose(row, "unknown", why);
  }

  function doubt(row: OutboxRow, uncertain: number) {
    return { uncertain, firstSentAt: row.first_sent_at ?? row.created_at, now: clock.now() };
  }

  async function tellStopped(channel: Channel, row: OutboxRow, why: string): Promise<void> {
    const { name } = accounts.of(channel);
    await notices.tell(
      `account:${name}:${row.id}`,
      `The channel ${name} needs you: ${why}. What it owes is kept.`,
      row.chat_id,
    );
  }

  async function lose(row: OutboxRow, lost: Lost, why: string): Promise<void> {
    log.warn({ chat: row.chat_id, kind: row.kind, lost, why }, "a message did not arrive, or may not have");
    if (row.kind === "draft" || isAmendment(row)) return await outbox.drop(row, why);
    const settle = lost === "dead" ? outbox.bury : outbox.unknown;
    await settle(row, why, wordTo(row, lost, clock.now()));
    const word = ownersWord(row, lost, why);
    if (word === undefined || troubled.has(row.chat_id)) return;
    troubled.add(row.chat_id);
    await notices.tell(`undelivered:${row.id}`, word, row.chat_id, ownersOffer(row, word, clock.now()));
  }

  /** Edits the draft of the chat, best effort. Whether there was anything to do. */
  async function grown(chat: ChatId, channel: Channel, account: Account): Promise<boolean> {
    const wanted = growth.get(chat);
    growth.delete(chat);
    if (!wanted || !channel.edit || hold().aborted) return false;
    const platformId = await outbox.shownDraft(wanted.draft);
    if (platformId === undefined || !account.spare(chat, true)) return false;
    const text = await speaker.text(channel, chat, parts.secrets.hide(wanted.text));
    const message = { chat: chatAddress(chat).native, platformId, text };
    await channel
      .edit(message, AbortSignal.any([closing.signal, hold()]))
      .catch((error: unknown) => slighted(account, error));
    return true;
  }

  /** What is no message failed: it is not made again, but what it says of the account counts. */
  function slighted(account: Account, error: unknown): false {
    if (error instanceof TemporaryError && error.retryAfterMs !== undefined) account.hold(error.retryAfterMs);
    if (!closing.signal.aborted) log.debug({ err: error }, "something beside the messages failed");
    return false;
  }

  return {
    wake: lanes.wake,

    grow(chat, draft, text) {
      growth.set(chat, { draft, text });
      lanes.wake(chat);
    },

    async aside(chat, call) {
      const channel = channelOf(chat);
      const signal = AbortSignal.any([closing.signal, hold()]);
      if (!channel || signal.aborted) return false;
      const account = accounts.of(channel);
      if (!account.spare(chat, false)) return false;
      return await call(channel, signal).then(
        () => true,
        (error: unknown) => slighted(account, error),
      );
    },

    onSent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    accountReady: (channel) => accounts.of(channel).ready(),

    forget: (channel) => void accounts.forget(channel),

    troubles: () =>
      accounts.all().flatMap(({ name, trouble }) => (trouble ? { account: name, ...trouble } : [])),

    async recover() {
      for (const chat of await outbox.chatsOwed()) lanes.wake(chat);
    },

    settled: lanes.settled,

    async close() {
      closing.abort();
      await lanes.close();
    },
  };
}

/** What a channel promises and cannot do counts as no promise. */
function resendOf({ abilities: { resend }, find }: Channel): Channel["abilities"]["resend"] {
  return resend.how === "lookup" && !find ? { how: "twice" } : resend;
}
