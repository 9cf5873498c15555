/**
 * What a turn says, as rows of the outbox: cut to its channel's size, quoting its question, in the place
 * of the draft that was shown meanwhile.
 *
 * - An answer of too many parts is a file, with its beginning before it, where the channel takes files
 *   and the file can be stored; else all parts are sent. Nothing is ever left out.
 * - The first part quotes the last message that it answers, on platforms that show quotes: always in a
 *   chat of several people, and in a direct chat where more came in the meantime. At the owner's own desk
 *   every answer stands below its question anyway.
 */
import type { Channel } from "@bellhop/sdk";
import { type ChatId, chatAddress, EVENT_ID, type FileId, type InboxId } from "../core/ids.ts";
import { sizeOf, type Size, splitText } from "../core/split.ts";
import type { Log } from "../log.ts";
import type { NewOutbound } from "../store/outbox.ts";
import type { Claim } from "../store/claims.ts";
import type { Turns } from "../store/turns.ts";

export interface AnswersParts {
  readonly channelOf: (chat: ChatId) => Channel | undefined;
  /** More parts than that become a file. */
  readonly mostParts: number;
  readonly storeText: (claim: Claim, name: string, text: string) => Promise<FileId>;
  readonly turns: Pick<Turns, "hasWaiting">;
  readonly log: Log;
}

export type Answers = ReturnType<typeof createAnswers>;

const FILE_NAME = "answer.md";
const IN_THE_FILE = "\n\n… The whole answer is in the file.";
/** Of the beginning that stands before the file, at most. */
const BEGINNING = 600;
const STOPPED = "(stopped)";
/** Where its plugin is not there just now, nobody knows its size; it takes what it can when it is back. */
const ANY_SIZE: Size = { limit: 4_000, unit: "utf16" };

export function createAnswers({ channelOf, mostParts, storeText, turns, log }: AnswersParts) {
  async function quoteOf(claim: Claim): Promise<InboxId | undefined> {
    const { channel: name } = chatAddress(claim.chat.id);
    const asked = claim.inputs.at(-1);
    if (name === "web" || name === "terminal" || asked === undefined) return undefined;
    if (!channelOf(claim.chat.id)?.abilities.quotes) return undefined;
    if (asked.platform_id.startsWith(EVENT_ID)) return undefined; // nobody has seen it there
    const wanted = claim.chat.direct === 0 || (await turns.hasWaiting(claim.session.id));
    return wanted ? asked.id : undefined;
  }

  async function inAFile(
    claim: Claim,
    text: string,
    { abilities }: Channel,
  ): Promise<readonly NewOutbound[] | undefined> {
    const most = abilities.maxFileBytes;
    if (most === undefined || Buffer.byteLength(text) > most) return undefined;
    try {
      const file = await storeText(claim, FILE_NAME, text);
      const { limit, unit } = sizeOf(abilities);
      const room = { limit: Math.min(BEGINNING, limit - Buffer.byteLength(IN_THE_FILE)), unit };
      const [beginning = ""] = splitText(text, room);
      return [
        { key: `${claim.turn}:answer:0`, kind: "text", text: beginning + IN_THE_FILE },
        { key: `${claim.turn}:answer:file`, kind: "file", text: "", file },
      ];
    } catch (error) {
      log.warn(
        { err: error, turn: claim.turn },
        "a long answer could not be made a file; it is sent in parts",
      );
      return undefined;
    }
  }

  return {
    quoteOf,

    /** How long a message of this chat may be. */
    sizeOf(chat: ChatId): Size {
      const channel = channelOf(chat);
      return channel ? sizeOf(channel.abilities) : ANY_SIZE;
    },

    /** Empty for an empty text. */
    async answer(claim: Claim, text: string): Promise<readonly NewOutbound[]> {
      const channel = channelOf(claim.chat.id);
      const parts = splitText(text, channel ? sizeOf(channel.abilities) : ANY_SIZE);
      const rows: readonly NewOutbound[] =
        (parts.length > mostParts && channel && (await inAFile(claim, text, channel))) ||
        parts.map((part, index) => ({ key: `${claim.turn}:answer:${index}`, kind: "text", text: part }));
      const [first, ...rest] = rows;
      if (!first) return [];
      const overDraft = channel?.abilities.edits ? "if any" : undefined;
      return [{ ...first, replyTo: await quoteOf(claim), overDraft }, ...rest];
    },

    /** What becomes of a draft when its turn is stopped. Nothing is said where none was shown. */
    stopped(claim: Claim, shown: string): readonly NewOutbound[] {
      const { limit, unit } = this.sizeOf(claim.chat.id);
      const [beginning] = splitText(shown, { limit: limit - STOPPED.length - 1, unit });
      const text = beginning === undefined ? STOPPED : `${beginning} ${STOPPED}`;
      return [{ key: `${claim.turn}:stopped`, kind: "text", text, overDraft: "only" }];
    },
  };
}
