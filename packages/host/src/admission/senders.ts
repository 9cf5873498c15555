/**
 * The desk at which it is decided who may speak: strangers who wait, and codes that make an owner.
 *
 * - Each step that counts is a transaction of the store's. What follows it (telling the owner, admitting what
 *   was held) is done after it, and again at the start if the host died in between.
 * - What was held of a chat is admitted by one loop at a time, in order.
 */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import type { Offer } from "../core/button.ts";
import type { Clock } from "../core/clock.ts";
import type { ChatId, GroupFolder, SenderId } from "../core/ids.ts";
import { newCode } from "../core/pairing-code.ts";
import type { Log } from "../log.ts";
import type { CloseCard, HeldInbound, Known, Newcomers, NotTaken, Waiting } from "../store/newcomers.ts";
import { noticeKey } from "../store/outbox.ts";
import { cardKey, closedCard, type Outcome, strangerCard } from "./stranger-card.ts";

export interface SendersParts {
  readonly store: Newcomers;
  /** Senders whom the configuration names owners: only there can that be changed. */
  readonly owners: readonly SenderId[];
  /**
   * Admits one message that was held. False: its channel is not there now, and the next start finds it.
   * @throws RejectedError when it cannot be one
   */
  readonly admit: (
    chat: ChatId,
    held: { readonly id: number; readonly inbound: HeldInbound },
  ) => Promise<boolean>;
  /** The group of a guest is to have its folders, and counts as one that exists. */
  readonly furnish: (group: GroupFolder) => Promise<void>;
  /** Tells the owner, once per key. */
  readonly tell: (key: string, text: string, offer?: Offer) => Promise<void>;
  /** The chat is owed something. */
  readonly deliver: (chat: ChatId) => void;
  readonly random: (bytes: number) => Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
}

export type Senders = ReturnType<typeof createSenders>;

/** After a step failed. */
const BREATHER_MS = 1_000;

export function createSenders(parts: SendersParts) {
  const { store, clock, log } = parts;
  const entering = new Map<ChatId, Promise<void>>();
  let cancel: (() => void) | undefined;
  let closed = false;

  /** Admits what was held of every chat that was let in. */
  async function enter(): Promise<void> {
    for (const { chat, group } of await store.entering()) {
      await parts.furnish(group);
      if (!entering.has(chat))
        entering.set(
          chat,
          admitAll(chat).finally(() => entering.delete(chat)),
        );
    }
    await Promise.all(entering.values());
  }

  async function admitAll(chat: ChatId): Promise<void> {
    for (;;) {
      const held = closed ? undefined : await store.next(chat);
      if (!held) return;
      try {
        if (!(await parts.admit(chat, held))) return;
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
        log.warn({ err: error, chat }, "what was held is no message; passed over");
        await store.giveUp(chat, held.id);
      }
    }
  }

  async function tellPending(): Promise<void> {
    for (const asked of await store.pending()) {
      const { text, offer } = strangerCard(asked);
      await parts.tell(cardKey(asked), text, offer);
    }
  }

  /** What the card of somebody reads, once it is decided. */
  const closing =
    (outcome: Outcome): CloseCard =>
    (row) => ({ key: noticeKey(cardKey(row)), text: closedCard(row, outcome) });

  /** Forgets who has waited too long, and looks again when the next one will have. */
  async function expire(): Promise<void> {
    const { late, owed } = await store.expire(closing("expired"));
    for (const chat of owed) parts.deliver(chat);
    for (const row of late)
      if (row.kind === "stranger")
        await parts.tell(
          `${cardKey(row)}:expired`,
          `Nobody let ${row.sender_id} in within the hour: what they wrote is dropped.`,
        );
    const next = await store.nextExpiry();
    cancel?.();
    if (next === undefined || closed) return;
    cancel = clock.after(Math.max(1, next - clock.now()), () => behind(expire));
  }

  /** Something follows what is durable already: it is tried until it worked. */
  function behind(step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      if (closed) return;
      if (!(error instanceof TemporaryError))
        log.error({ err: error }, "a sender's step failed; it is tried again");
      clock.after(BREATHER_MS, () => behind(step));
    });
  }

  return {
    /** What follows a message that was not taken. */
    follow(taken: NotTaken): void {
      if (taken.not !== "held") return;
      if (taken.entering) behind(enter);
      if (!taken.asked) return;
      behind(tellPending);
      behind(expire);
    },

    /** A code for whoever is to be told where to write. */
    newCode: () => newCode(parts.random),
    knowsOwnerCode: store.knowsOwnerCode,

    /** Takes up what a dead host left. */
    async recover(): Promise<void> {
      await expire();
      await tellPending();
      behind(enter);
    },

    /** A chat that waited was given to a group. */
    bound: (): void => behind(enter),

    list: (): Promise<{ readonly senders: readonly Known[]; readonly waiting: readonly Waiting[] }> =>
      store.list(),

    /**
     * @param who a code, a sender or a chat
     * @throws RejectedError with a sentence for a person
     */
    async allow(
      who: string,
      by: string,
    ): Promise<{ readonly sender: SenderId; readonly chats: readonly ChatId[] }> {
      const close = closing({ standing: "allowed", by });
      const { sender, entering: chats, owed } = await store.allow(who, by, close);
      for (const chat of owed) parts.deliver(chat);
      await enterOrLater();
      return { sender, chats };
    },

    /** @throws RejectedError with a sentence for a person */
    async deny(who: string, by: string): Promise<{ readonly sender: SenderId }> {
      if (parts.owners.some((owner) => owner === who.trim()))
        throw new RejectedError(`${who.trim()} is an owner in config.yaml: take them out there.`);
      const { sender, owed } = await store.deny(who, by, closing({ standing: "denied", by }));
      for (const chat of owed) parts.deliver(chat);
      return { sender };
    },

    /** A code that makes whoever sends it an owner. Shown once. */
    async pair(by: string): Promise<{ readonly code: string; readonly expiresAt: number }> {
      const code = newCode(parts.random);
      const { expiresAt } = await store.ownerCode(code, by);
      behind(expire);
      return { code, expiresAt };
    },

    async close(): Promise<void> {
      closed = true;
      cancel?.();
      await Promise.allSettled(entering.values());
    },
  };

  async function enterOrLater(): Promise<void> {
    try {
      await enter();
    } catch (error) {
      log.error({ err: error }, "what was held could not be admitted yet; it is tried again");
      clock.after(BREATHER_MS, () => behind(enter));
    }
  }
}
