/**
 * Presence: the small signs that somebody is there. That an answer is being written, while its turn
 * lives; and on a message that will be answered an eye, until the answer comes, or a cross if none will.
 *
 * - All of it is best effort, beside the messages, within what the account's rate leaves over. Nothing of
 *   it is stored; a sign that must go is tried three times, the others once.
 * - An eye that a dead host left goes when its turn ends. What the agent itself put on a message stays.
 */
import type { Channel } from "@bellhop/sdk";
import { reactionTaken } from "../core/abilities.ts";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { type ChatId, chatAddress, EVENT_ID, type InboxId, type TurnId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { OutboxRow } from "../store/outbox.ts";
import type { Turns } from "../store/turns.ts";
import type { Delivery } from "./deliver.ts";
import type { Watched } from "./streaming.ts";

export interface PresenceParts {
  readonly delivery: Pick<Delivery, "aside" | "onSent">;
  readonly channelOf: (chat: ChatId) => Channel | undefined;
  readonly turns: Pick<Turns, "marksOf" | "fateOf">;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Log;
}

/** A message that will be answered. */
export interface Taken {
  readonly chat: ChatId;
  readonly message: InboxId;
  readonly platformId: string;
}

/** The first of each that the platform takes. */
const SEEN = ["👀", "🤔"];
const FAILED = ["❌", "👎", "💔"];
const NOTHING = "";
/** What is shown by itself for so long is shown again a little earlier. */
const OVERLAP = 0.8;
const TRIES = 3;
const AGAIN_MS = 10_000;

export function createPresence({ delivery, channelOf, turns, bus, clock, log }: PresenceParts) {
  const startedAt = clock.now();
  /** The eyes that are shown; `there` resolves once one is. */
  const seen = new Map<InboxId, { chat: ChatId; there: Promise<unknown> }>();

  const signIn = (chat: ChatId, wanted: readonly string[]): string | undefined => {
    const abilities = channelOf(chat)?.abilities;
    return abilities && reactionTaken(abilities, ...wanted);
  };

  /** The owner's own desk shows itself what is going on. */
  const marks = (chat: ChatId): boolean => {
    const { channel: name } = chatAddress(chat);
    return name !== "web" && name !== "terminal" && channelOf(chat)?.abilities.reactions === true;
  };

  async function put({ chat, message, platformId }: Taken, emoji: string, tries: number): Promise<void> {
    if (platformId.startsWith(EVENT_ID)) return; // no platform knows it
    const { native } = chatAddress(chat);
    const reaction = { kind: "reaction", key: `presence:${message}:${emoji}`, chat: native } as const;
    const done = await delivery.aside(chat, (channel, signal) =>
      channel.send({ ...reaction, to: platformId, emoji }, signal),
    );
    if (!done && tries > 1)
      clock.after(AGAIN_MS, () => void put({ chat, message, platformId }, emoji, tries - 1));
  }

  /** @param ended the turn says nothing more */
  async function settle(turn: TurnId, ended: boolean): Promise<void> {
    const { chat, state, messages } = await turns.marksOf(turn);
    if (ended && (state === "running" || state === "waiting")) return; // there will be another attempt
    const failed = state === "failed" ? signIn(chat, FAILED) : undefined;
    for (const { id: message, platformId, acceptedAt, reacted } of messages) {
      const shown = seen.get(message);
      const left = ended && acceptedAt < startedAt;
      if (!shown && !left && !(ended && failed !== undefined)) continue;
      seen.delete(message);
      await shown?.there;
      if (!reacted) await put({ chat, message, platformId }, failed ?? NOTHING, TRIES);
    }
  }

  /** Some turns end without having been watched: stopped while they waited for another attempt. */
  async function look(chat: ChatId): Promise<void> {
    const waiting = [...seen].flatMap(([message, eye]) => (eye.chat === chat ? [message] : []));
    if (waiting.length === 0) return;
    const { forgotten, turns: ended } = await turns.fateOf(waiting);
    for (const message of forgotten) seen.delete(message);
    for (const turn of ended) await settle(turn, true);
  }

  function settleSafely(turn: TurnId, ended: boolean): void {
    settle(turn, ended).catch((error: unknown) => log.debug({ err: error, turn }, "signs were not settled"));
  }

  function typing(running: Watched): void {
    const { id: chat } = running.claim.chat;
    const channel = channelOf(chat);
    const { typingMs } = channel?.abilities ?? {};
    if (typingMs === undefined || !channel?.typing) return;
    const over = new AbortController();
    let cancel = (): void => undefined;

    function show(): void {
      if (running.state !== "running") return;
      void delivery.aside(
        chat,
        async (one, signal) =>
          await one.typing?.(chatAddress(chat).native, AbortSignal.any([signal, over.signal])),
      );
      cancel = clock.after((typingMs ?? 0) * OVERLAP, show);
    }

    show();
    void running.over.finally(() => {
      cancel();
      over.abort();
    });
  }

  const unsubscribe = delivery.onSent(({ chat_id: chat, turn_id: turn, kind }: OutboxRow) => {
    // A notice may be the last word of a turn that nobody watched: one that was given up at the start.
    if (turn !== null && kind !== "reaction" && marks(chat)) settleSafely(turn, kind === "notice");
  });

  const stopListening = bus.subscribe((signal) => {
    if (signal.type === "durable" && seen.size > 0)
      look(signal.chat).catch((error: unknown) => log.debug({ err: error }, "signs were not settled"));
  });

  return {
    /** A message was taken in, and will be answered. */
    taken(message: Taken): void {
      const eye = marks(message.chat) ? signIn(message.chat, SEEN) : undefined;
      if (eye !== undefined) seen.set(message.message, { chat: message.chat, there: put(message, eye, 1) });
    },

    watch(running: Watched): void {
      typing(running);
      const { chat } = running.claim;
      if (!marks(chat.id)) return;
      void running.over.finally(() => settleSafely(running.claim.turn, true));
    },

    close(): void {
      unsubscribe();
      stopListening();
    },
  };
}
