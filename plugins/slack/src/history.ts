/**
 * Reads chats back: to find what we sent (G14), and what people wrote while nobody listened (G4). Both read so far
 * and no further; what lies beyond is said in the log.
 */
import { type Logger, RejectedError, repeatable, type Sent, TemporaryError } from "@bellhop/sdk";
import { z } from "zod";
import { addressOf } from "./address.ts";
import type { WebApi } from "./api.ts";
import { ScopeError } from "./errors.ts";
import { Message, type Said } from "./event.ts";
import type { Heard } from "./heard.ts";
import { METADATA } from "./send.ts";

const Page = z.object({
  messages: z.array(z.unknown()),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

const Keyed = Message.extend({
  metadata: z.object({ event_type: z.string(), event_payload: z.object({ key: z.string() }) }).optional(),
});
/** What hangs below a message. */
const Root = z.object({ ts: z.string(), thread_ts: z.string(), latest_reply: z.string() });

const Joined = z.object({ channels: z.array(z.object({ id: z.string() })) });

const PAGE = 100;
const MOST_PAGES = 5;
/** Chats, with the threads that are found in them. */
const MOST_READ = 40;
const MOST_JOINED = 200;
const KINDS = "im,mpim,private_channel,public_channel";
/** Longer than anything is owed. */
const OWED_S = 25 * 60 * 60;
/** Events may overtake each other by so much. */
const MARGIN_S = 60;

export interface HistoryParts {
  readonly api: Pick<WebApi, "call">;
  readonly now: () => number;
  readonly log: Pick<Logger, "warn" | "info">;
}

export function createHistory({ api, now, log }: HistoryParts) {
  /** Newest first in a channel, oldest first in a thread, as Slack has it. Seconds. */
  async function* messagesOf(chat: string, oldest: number, signal: AbortSignal): AsyncGenerator {
    const { channel, thread } = addressOf(chat);
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { messages, response_metadata } = await api
        .call(
          thread === undefined ? "conversations.history" : "conversations.replies",
          { channel, ts: thread, oldest: oldest.toFixed(6), limit: PAGE, include_all_metadata: true, cursor },
          Page,
          signal,
        )
        .catch((error: unknown) => {
          throw repeatable(error);
        });
      yield* messages;
      cursor = response_metadata?.next_cursor || undefined;
      if (cursor === undefined) return;
    }
    log.warn("a chat on Slack holds more than was read back", { chat });
  }

  /** A chat's messages since then, oldest first. */
  async function since(chat: string, oldest: number, signal: AbortSignal): Promise<unknown[]> {
    const found: unknown[] = [];
    for await (const message of messagesOf(chat, oldest, signal)) found.push(message);
    return addressOf(chat).thread === undefined ? found.toReversed() : found;
  }

  /** Where the app is, also if it has heard nothing there yet: somebody new writes in a chat of their own. */
  async function joined(signal: AbortSignal): Promise<string[]> {
    const asked = { types: KINDS, exclude_archived: true, limit: MOST_JOINED };
    const found = await api.call("users.conversations", asked, Joined, signal).catch((error: unknown) => {
      const asks = repeatable(error);
      if (!isUnreadable(asks)) throw asks;
      log.warn("Slack does not say in which chats the app is; those that it has heard are read back", {
        why: asks.message,
      });
      return { channels: [] };
    });
    return found.channels.map(({ id }) => id);
  }

  return {
    /** @param file of what was sent under this key, where it was one and is known */
    async find(
      { chat, key }: { chat: string; key: string },
      file: string | undefined,
      signal: AbortSignal,
    ): Promise<Sent | undefined> {
      for await (const given of messagesOf(chat, now() / 1_000 - OWED_S, signal)) {
        const message = Keyed.safeParse(given).data;
        if (!message) continue;
        const { metadata, files = [], ts } = message;
        if (metadata?.event_type === METADATA && metadata.event_payload.key === key)
          return { platformId: ts };
        if (file !== undefined && files.some(({ id }) => id === file)) return { platformId: file };
      }
      return undefined;
    },

    /**
     * What was written since then: first in the chats that were heard last, then in the others.
     * @throws TemporaryError, what `take` threw
     */
    async repair(heard: Heard, take: (message: Said) => Promise<void>, signal: AbortSignal): Promise<void> {
      const oldest = (heard.at ?? 0) - MARGIN_S;
      const all = new Set([...heard.chats, ...(await joined(signal))]);
      const chats = [...all].slice(0, MOST_READ);
      if (all.size > chats.length)
        log.warn("the app is in more chats on Slack than are read back", { left: all.size - chats.length });
      log.info("nobody listened to Slack for a while; its chats are read back", { chats: chats.length });
      for (const chat of chats) {
        const messages = await since(chat, oldest, signal).catch((error: unknown) => unread(chat, error));
        if (messages === "enough") return;
        for (const given of messages) {
          const { channel, thread } = addressOf(chat);
          const message = Message.safeParse(given).data;
          // The message that a thread hangs on comes with its answers, and is the channel's.
          if (!message || message.ts === thread || Number(message.ts) <= oldest) continue;
          await take({ ...message, channel });
          const root = Root.safeParse(given).data;
          const below = `${channel}:${message.ts}`;
          if (thread !== undefined || root?.thread_ts !== root?.ts || !root || chats.includes(below))
            continue;
          if (Number(root.latest_reply) > oldest && chats.length < MOST_READ) chats.push(below);
        }
      }
    },
  };

  /** A gap that stays is said; whether the others can be read is another matter. */
  function unread(chat: string, error: unknown): unknown[] | "enough" {
    if (!isUnreadable(error)) throw error;
    log.warn("what was written on Slack while nobody listened could not be read", {
      chat,
      why: error.message,
    });
    return error instanceof TemporaryError || error instanceof ScopeError ? "enough" : [];
  }
}

/** Slack says no, or that it was asked too often: to ask again will not help just now. */
function isUnreadable(error: unknown): error is RejectedError | TemporaryError {
  return (
    error instanceof RejectedError || (error instanceof TemporaryError && error.retryAfterMs !== undefined)
  );
}
