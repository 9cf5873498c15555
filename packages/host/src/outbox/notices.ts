/**
 * Notices: what the owner is told, by the host itself, in a chat of its own (G25).
 *
 * - A notice is owed like every message, under the key of its incident: it is told once, whoever
 *   finds the incident again and however often the host is restarted.
 * - The default chat is made when it is first needed, bound to `main`. A chat on a platform is taken
 *   only if it is known already: a name in the configuration registers nobody.
 * - Telling never fails for its caller, who has a failure at hand already; what could not be told
 *   stands in the log.
 */
import type { Offer } from "../core/button.ts";
import { chatAddress, ChatId, MAIN } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Chat, Chats } from "../store/chats.ts";
import { noticeKey, type Outbox } from "../store/outbox.ts";

const DESK = ChatId.parse("web:notices");
const TITLE = "Notices";

export interface NoticesParts {
  readonly outbox: Pick<Outbox, "oweNotice">;
  readonly chats: Pick<Chats, "find" | "ensure">;
  /** Where the owner wants to be told (`notices` in the configuration). */
  readonly chat: ChatId;
  /** There is something to deliver to this chat. */
  readonly deliver: (chat: ChatId) => void;
  readonly log: Log;
}

export interface Notices {
  /**
   * Tells the owner, once per `key`. Resolves once it is on disk, or was found impossible.
   * @param about the chat whose account is in trouble: what is told about it is not sent over it
   * @param offer what may be answered to it at the press of a button
   */
  tell(key: string, text: string, about?: ChatId, offer?: Offer): Promise<void>;
}

export function createNotices({ outbox, chats, chat, deliver, log }: NoticesParts): Notices {
  async function place(about: ChatId | undefined): Promise<Chat> {
    const { channel } = chatAddress(chat);
    if (channel === "web" || channel === "terminal") return await chats.ensure(chat, MAIN, TITLE);
    if (about === undefined || accountOf(about) !== accountOf(chat)) {
      const known = await chats.find(chat);
      if (known) return known;
      log.warn({ chat }, "the chat for notices is not known yet; they go to the web chat");
    }
    return await chats.ensure(DESK, MAIN, TITLE);
  }

  return {
    async tell(key, text, about, offer) {
      log.warn({ key }, `the owner is told: ${text}`);
      try {
        const { id, group_id: groupId } = await place(about);
        if (await outbox.oweNotice({ chat: id, groupId, key: noticeKey(key), text, offer })) deliver(id);
      } catch (error) {
        log.error({ err: error, key }, "the owner could not be told");
      }
    },
  };
}

function accountOf(chat: ChatId): string {
  const { channel, account } = chatAddress(chat);
  return `${channel}/${account}`;
}
