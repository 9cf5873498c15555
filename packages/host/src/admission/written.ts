/**
 * What was brought in, as a message of ours: addresses and ids parsed, texts and names of a length that can be
 * kept (G5), files with ids of their own.
 */
import { type ChannelAbilities, type Inbound, type InboundFile, RejectedError } from "@bellhop/sdk";
import { ButtonId } from "../core/button.ts";
import { safeFileName } from "../core/file-name.ts";
import { chatId, type ChatId, FileId, newId } from "../core/ids.ts";
import type { NewMessage } from "../store/inbox.ts";
import type { MessageFile } from "../store/message-files.ts";

/** G5. In bytes of UTF-8. */
export const MAX_TEXT_BYTES = 1024 * 1024;
/** What is kept of a message that is too long. */
const STUB_LENGTH = 1_000;
/** Names and titles come from people too, and stand in every prompt. */
const NAME_LENGTH = 200;
/** No platform's ids come near it; longer ones would only bloat the index. */
const MAX_ID_LENGTH = 512;
/** Of what is quoted; the prompt shows less. */
const QUOTE_LENGTH = 1_000;
/** Some platforms have signs of their own, which go by name. */
const EMOJI_LENGTH = 64;
/** More come with no message that a person writes. */
const MOST_FILES = 20;

export interface ChannelName {
  readonly name: string;
  readonly account: string;
  readonly abilities?: Partial<ChannelAbilities> | undefined;
}

/** What is known of a message before it is judged. */
export type Written = Omit<NewMessage, "judge">;

/** @throws RejectedError for what cannot be a message */
export function writtenFrom(
  channel: ChannelName,
  inbound: Inbound,
  sender: NewMessage["sender"],
  files: readonly MessageFile[],
): Written {
  const { platformId, kind, version, chatTitle, direct, nonText, replyTo, quote, forwarded, sentAt } =
    inbound;
  if (platformId.length > MAX_ID_LENGTH || (replyTo?.length ?? 0) > MAX_ID_LENGTH)
    throw new RejectedError(`the id of a message has at most ${MAX_ID_LENGTH} characters`);
  const given = inbound.text.toWellFormed(); // a lone surrogate would not survive the database
  // What stands behind a button is for us to say, and a reaction is a sign, not a text.
  const text = kind === "button" ? "" : kind === "reaction" ? clip(given.trim(), EMOJI_LENGTH) : given;
  const empty = text.trim() === "" && nonText === undefined && files.length === 0;
  if (kind === "message" && empty) throw new RejectedError("the message is empty: write some text");
  return {
    chat: address(channel, inbound.chat),
    threadOf: inbound.threadOf === undefined ? undefined : parentOf(channel, inbound.chat, inbound.threadOf),
    chatTitle: chatTitle === undefined ? undefined : clip(chatTitle, NAME_LENGTH),
    direct,
    platformId,
    kind,
    version,
    sender: { ...sender, name: clip(sender.name, NAME_LENGTH) },
    text: tooLong(inbound.text) ? clip(text, STUB_LENGTH) : text,
    nonText: nonText === undefined ? undefined : clip(nonText, NAME_LENGTH),
    replyTo,
    quote: quote === undefined ? undefined : clip(quote, QUOTE_LENGTH),
    forwarded: forwarded === undefined ? undefined : clip(forwarded, NAME_LENGTH),
    button: kind === "button" ? ButtonId.safeParse(inbound.button).data : undefined,
    sentAt,
    files,
  };
}

/** What somebody wrote, changed or took back; not a sign of theirs. */
export function isWritten<M extends Pick<NewMessage, "kind">>(
  message: M,
): message is M & { readonly kind: "message" | "edit" | "delete" } {
  return message.kind !== "reaction" && message.kind !== "button";
}

export interface NamedFile {
  readonly id: FileId;
  readonly source: InboundFile;
}

export function named({ kind, files = [] }: Inbound): NamedFile[] {
  if (kind !== "message") return []; // an edit brings the same again
  return files.slice(0, MOST_FILES).map((source) => ({ id: newId(FileId), source }));
}

export function describe({ id, source }: NamedFile): MessageFile {
  return {
    id,
    name: safeFileName(source.name),
    type: clip(source.type ?? "application/octet-stream", NAME_LENGTH),
    bytes: Math.max(0, Math.trunc(source.bytes ?? 0)),
  };
}

function address({ name, account }: ChannelName, native: string): ChatId {
  try {
    return chatId({ channel: name, account, native });
  } catch (cause) {
    throw new RejectedError(`${name}:${native} is no address of a chat`, { cause });
  }
}

/** @throws RejectedError where the thread's own address does not begin with that of its chat */
function parentOf(channel: ChannelName, native: string, threadOf: string): ChatId {
  if (!native.startsWith(`${threadOf}:`))
    throw new RejectedError(`${channel.name}:${native} is no thread of ${threadOf}`);
  return address(channel, threadOf);
}

/** The verdict on a text that is too long (G5). */
export function tooLong(text: string): { verdict: "refused"; reason: string } | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_TEXT_BYTES) return undefined;
  return {
    verdict: "refused",
    reason: `the message is too long (${bytes} bytes; at most ${MAX_TEXT_BYTES}): send it in parts or as a file`,
  };
}

function clip(text: string, length: number): string {
  return text.length <= length ? text.toWellFormed() : `${text.slice(0, length).toWellFormed()}…`;
}
