/**
 * What happens in a chat, as people who watch it see it: the web chat, the terminal, the HTTP API.
 *
 * - Durable events have an `id` that only grows; they are read from the database, so whoever knows
 *   the last id it saw misses nothing. The bus carries only the hint that there are new ones.
 * - Live events (text as it is generated, activity) have none: they are gone when missed, and what
 *   they showed comes again, whole, in the durable message at the end of the turn.
 */
import { z } from "zod";
import { ButtonId } from "./button.ts";
import { ChatId, FileId, InboxId, OutboxId, TurnId } from "./ids.ts";

/** Grows over all chats of an install, from 1. */
export const EventId = z.int().nonnegative().brand<"EventId">();
export type EventId = z.infer<typeof EventId>;

const durable = { id: EventId, chat: ChatId, at: z.number() };

/** A file of a message. Its content is there once it is `stored`; a `stub` says why it never will be. */
export const SharedFile = z.object({
  id: FileId,
  name: z.string(),
  /** By its content, once it is stored. */
  type: z.string(),
  bytes: z.number(),
  state: z.enum(["coming", "stored", "stub"]),
  reason: z.string().optional(),
});
export type SharedFile = z.infer<typeof SharedFile>;

/** What may be answered at the press of a button, as long as its time is not over. */
export const ShownButtons = z.object({
  /** What the message reads where they are shown: without the commands that they stand for. */
  instead: z.string(),
  /** Milliseconds since 1970. */
  until: z.number(),
  buttons: z.array(z.object({ id: ButtonId, label: z.string() })),
});
export type ShownButtons = z.infer<typeof ShownButtons>;

export const MessageEvent = z.object({
  ...durable,
  type: z.literal("message"),
  direction: z.enum(["in", "out"]),
  /** Of the inbox or outbox row. */
  message: z.union([InboxId, OutboxId]),
  /**
   * `notice`: the host itself speaks, not the agent. `note`: stored, but no answer will come; `reason` says why.
   * `command`: for the host itself; a notice that replies to it is the answer.
   */
  kind: z.enum(["text", "notice", "note", "command", "reaction", "file"]),
  sender: z.string(),
  /** The text; of a reaction, the emoji, or nothing where it was taken away. */
  text: z.string(),
  /** Id of the message that this one answers or reacts to. */
  replyTo: z.string().optional(),
  turn: TurnId.optional(),
  reason: z.string().optional(),
  /** What came with it; of `kind` `file`, the one that is sent, with `text` as its caption. */
  files: z.array(SharedFile).optional(),
  buttons: ShownButtons.optional(),
});
export type MessageEvent = z.infer<typeof MessageEvent>;

export const TurnEvent = z.object({
  ...durable,
  type: z.literal("turn"),
  turn: TurnId,
  state: z.enum(["started", "retrying", "done", "failed", "cancelled"]),
  /** Messages that this turn answers, as far as is known by now. */
  inputs: z.array(InboxId),
  /** Rows of the outbox that the turn has made; complete once it ended. */
  replies: z.array(OutboxId),
  /** One plain sentence, where something went wrong. */
  reason: z.string().optional(),
});
export type TurnEvent = z.infer<typeof TurnEvent>;

export const LiveEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("delta"),
    chat: ChatId,
    turn: TurnId,
    text: z.string(),
    /** `text` replaces what was shown so far: a snapshot for a newcomer, or a new stretch of text after a tool. */
    reset: z.boolean(),
  }),
  z.object({
    type: z.literal("activity"),
    chat: ChatId,
    turn: TurnId,
    /** The tool that runs just now, or absent while the model thinks. */
    tool: z.string().optional(),
  }),
]);
export type LiveEvent = z.infer<typeof LiveEvent>;

export type DurableEvent = MessageEvent | TurnEvent;
export const ChatEvent = z.union([MessageEvent, TurnEvent, LiveEvent]);
export type ChatEvent = z.infer<typeof ChatEvent>;

export type Signal =
  | { readonly type: "durable"; readonly chat: ChatId }
  | { readonly type: "live"; readonly event: LiveEvent };

export interface EventBus {
  publish(signal: Signal): void;
  /** Listeners must not throw. The returned function unsubscribes. */
  subscribe(listener: (signal: Signal) => void): () => void;
}

export function createEventBus(): EventBus {
  const listeners = new Set<(signal: Signal) => void>();
  return {
    publish(signal) {
      for (const listener of listeners) listener(signal);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
