/**
 * Admission: the one way in. Every message, whatever brought it, gets its verdict here; verdict and
 * reason are stored with the row, and the commit wakes whoever serves it.
 */
import { type Inbound, RejectedError, TemporaryError } from "@bellhop/sdk";
import type { EventBus } from "../core/events.ts";
import { chatId, type ChatId, type GroupFolder, type SenderId, type SessionId } from "../core/ids.ts";
import type { Accepted, Inbox, NewMessage } from "../store/inbox.ts";

/** G5. In bytes of UTF-8. */
export const MAX_TEXT_BYTES = 1024 * 1024;
/** What is kept of a message that is too long. */
const STUB_LENGTH = 1_000;
/** Names and titles come from people too, and stand in every prompt. */
const NAME_LENGTH = 200;
/** No platform's ids come near it; longer ones would only bloat the index. */
const MAX_ID_LENGTH = 512;

export interface Who {
  readonly sender: SenderId;
  readonly name: string;
  /** Proved by whoever calls: the terminal and the web by login. */
  readonly role: "owner";
}

export interface AdmissionParts {
  readonly inbox: Inbox;
  /** Where a chat goes that nobody has registered: the owner's own desk is bound to `main`. */
  readonly home: GroupFolder;
  readonly bus: EventBus;
  /** Called after the commit, once per message that a turn has to answer. */
  readonly wake: (session: SessionId, groupId: number) => void;
}

export function createAdmission({ inbox, home, bus, wake }: AdmissionParts) {
  let closed = false;

  return {
    /** From now on nothing is taken: we are shutting down. */
    close(): void {
      closed = true;
    },

    /**
     * Resolves once the message is on disk; what was accepted before is answered with what it became.
     * @throws TemporaryError once we shut down
     * @throws RejectedError for what cannot be a message: no text, no valid address or id
     */
    async accept(
      channel: { readonly name: string; readonly account: string },
      inbound: Inbound,
      who: Who,
      cursor?: string,
    ): Promise<Accepted> {
      if (closed) throw new TemporaryError("Bellhop is shutting down: write again once it is back");
      if (inbound.platformId.length > MAX_ID_LENGTH || (inbound.replyTo?.length ?? 0) > MAX_ID_LENGTH)
        throw new RejectedError(`the id of a message has at most ${MAX_ID_LENGTH} characters`);
      const accepted = await inbox.accept({
        chat: address(channel, inbound.chat),
        chatTitle: inbound.chatTitle === undefined ? undefined : clip(inbound.chatTitle, NAME_LENGTH),
        group: home,
        platformId: inbound.platformId,
        kind: inbound.kind,
        version: inbound.version,
        sender: { id: who.sender, name: clip(who.name, NAME_LENGTH), role: who.role },
        replyTo: inbound.replyTo,
        sentAt: inbound.sentAt,
        // The owner's own words are not tainted; other sources come with the channels that bring them.
        tainted: false,
        cursor,
        ...judge(inbound),
      });
      if (!accepted.duplicate) {
        if (accepted.session !== undefined) wake(accepted.session, accepted.groupId);
        bus.publish({ type: "durable", chat: accepted.chat });
      }
      return accepted;
    },
  };
}

function address({ name, account }: { name: string; account: string }, native: string): ChatId {
  try {
    return chatId({ channel: name, account, native });
  } catch (cause) {
    throw new RejectedError(`${name}:${native} is no address of a chat`, { cause });
  }
}

function judge({ kind, text }: Inbound): Pick<NewMessage, "text" | "verdict" | "reason"> {
  const words = text.toWellFormed(); // a lone surrogate would not survive the database
  const bytes = Buffer.byteLength(words);
  if (bytes > MAX_TEXT_BYTES) {
    return {
      text: clip(words, STUB_LENGTH),
      verdict: "refused",
      reason: `the message is too long (${bytes} bytes; at most ${MAX_TEXT_BYTES}): send it in parts or as a file`,
    };
  }
  switch (kind) {
    case "edit":
      return { text: words, verdict: "noted", reason: "an edit of an earlier message" };
    case "delete":
      return { text: words, verdict: "noted", reason: "an earlier message was deleted" };
    case "message":
      if (words.trim() === "") throw new RejectedError("the message is empty: write some text");
      return { text: words, verdict: "admitted", reason: "the owner wrote in a chat of their own" };
    default:
      return kind satisfies never;
  }
}

function clip(text: string, length: number): string {
  return text.length <= length ? text.toWellFormed() : `${text.slice(0, length).toWellFormed()}…`;
}
