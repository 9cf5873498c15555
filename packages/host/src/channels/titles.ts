/**
 * What chats are called: most platforms say it with each message, and one that does not, or in which nobody has
 * written yet, is asked when somebody wants to see the list. Once while the host lives; what it says is kept.
 */
import type { Channel } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import { chatAddress, type ChatId } from "../core/ids.ts";
import { atMost } from "../core/patience.ts";
import type { Log } from "../log.ts";
import type { Chats } from "../store/chats.ts";

/** The list is shown then, with what is known. */
const PATIENCE_MS = 2_000;
const MOST_ASKED = 20;
/** As of those that come with messages. */
const TITLE_LENGTH = 200;

export interface TitlesParts {
  readonly chats: Pick<Chats, "list" | "nameIt">;
  readonly channelOf: (chat: ChatId) => Channel | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export function createTitles({ chats, channelOf, clock, log }: TitlesParts): Pick<Chats, "list"> {
  const asked = new Set<ChatId>();

  async function ask(chat: ChatId, channel: Channel, signal: AbortSignal): Promise<void> {
    asked.add(chat);
    try {
      const info = await channel.chatInfo?.(chatAddress(chat).native, signal);
      const title = info?.title?.trim().slice(0, TITLE_LENGTH).toWellFormed() ?? "";
      if (title !== "") await chats.nameIt(chat, title);
    } catch (err) {
      log.debug({ err, chat }, "a platform did not say what a chat is called");
    }
  }

  return {
    async list() {
      const known = await chats.list();
      const wanting = known
        .flatMap(({ id, title }) => {
          const channel = title === null && !asked.has(id) ? channelOf(id) : undefined;
          return channel?.chatInfo ? [{ id, channel }] : [];
        })
        .slice(0, MOST_ASKED);
      if (wanting.length === 0) return known;
      const late = new AbortController();
      const all = Promise.all(wanting.map(({ id, channel }) => ask(id, channel, late.signal)));
      await atMost(clock, PATIENCE_MS, all);
      late.abort(new Error("whoever asked waits no longer"));
      return await chats.list();
    },
  };
}
