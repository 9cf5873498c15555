/**
 * From what Bellhop owes to one message of WhatsApp's.
 *
 * - Its id comes of its key, and it is kept before it is sent: sent again, it is the same message, and who has it
 *   already shows it no second time (G14).
 * - It counts as sent once WhatsApp's server has said so.
 */
import type { AnyMessageContent, proto, WAMessage } from "baileys";
import {
  type Edit,
  type Outbound,
  type OutboundFile,
  type OutboundOf,
  RejectedError,
  sendingBy,
  type Sent,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import type { Rendered } from "@bellhop/sdk/markup";
import type { Account } from "./account.ts";
import { baileys } from "./baileys.ts";
import { failed, notTaken } from "./errors.ts";
import { idFor } from "./messages.ts";
import type { WhatsAppSocket } from "./socket.ts";

const MiB = 1024 * 1024;
/** WhatsApp itself takes far longer ones; nobody reads them in one piece. */
export const MOST_TEXT = 4_096;
export const MOST_FILE_BYTES = 100 * MiB;
const MOST_PICTURE_BYTES = 16 * MiB;
const MOST_FILM_BYTES = 64 * MiB;
/** So long WhatsApp lets a message be changed. */
const EDITABLE_MS = 15 * 60_000;

export interface SendParts {
  readonly account: () => Promise<Pick<Account, "messages" | "people">>;
  /** An open connection, waited for a little. @throws TemporaryError */
  readonly ready: (signal: AbortSignal) => Promise<WhatsAppSocket>;
  /** How long the server's word is waited for. */
  readonly ackMs: number;
  /** How long to wait where it asks to be slow. */
  readonly slowMs: number;
  readonly now: () => number;
}

export function createSend({ account, ready, ackMs, slowMs, now }: SendParts) {
  /** @throws RejectedError where nobody is reached so */
  async function addressOf(chat: string, socket: WhatsAppSocket): Promise<string> {
    if (/^[\d-]+@g\.us$/.test(chat)) return chat;
    const { people, messages } = await account();
    const jid = people.jidOf(chat);
    if (jid === undefined) throw new RejectedError(`"${chat}" is no chat of WhatsApp's`);
    if (people.isKnown(chat) || messages.hasChat(chat)) return jid;
    // Somebody who never wrote to us: whether they are there is asked before anything is sent.
    const found = await socket.onWhatsApp(jid).catch((cause: unknown) => {
      throw failed(`whether ${chat} has WhatsApp`, cause, { sent: false });
    });
    if (!found?.some(({ exists }) => exists)) throw new RejectedError(`The number ${chat} has no WhatsApp`);
    return jid;
  }

  async function relay(
    socket: WhatsAppSocket,
    jid: string,
    { id, content, edit }: { id: string; content: proto.IMessage; edit?: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const answered = socket.waitForMessage(id, ackMs);
    answered.catch(() => undefined); // whether it was sent at all is said first
    try {
      const additionalAttributes = edit ? { edit: "1" } : {};
      await untilAborted(socket.relayMessage(jid, content, { messageId: id, additionalAttributes }), signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw failed("a message", cause, { sent: true });
    }
    const answer: unknown = await untilAborted(answered, signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new UnknownOutcomeError("The connection ended before WhatsApp said that it took a message", {
        cause,
      });
    });
    if (answer === undefined) throw new UnknownOutcomeError("WhatsApp did not say that it took a message");
    const code = errorOf(answer);
    if (code !== undefined) throw notTaken(code, slowMs);
  }

  /** What is quoted, as far as it is known; WhatsApp shows the words that we bring along. */
  async function quoting(chat: string, jid: string, replyTo: string | undefined) {
    const { messages } = await account();
    const known = replyTo === undefined ? undefined : messages.find(chat, replyTo);
    if (replyTo === undefined || !known) return {};
    const quoted: WAMessage = {
      key: { ...keyOf(jid, replyTo, known.author) },
      message: { conversation: known.text === "" ? "…" : known.text },
    };
    return { quoted };
  }

  async function deliver(
    { key, chat }: Outbound,
    content: AnyMessageContent,
    also: { readonly text: string; readonly replyTo?: string | undefined },
    signal: AbortSignal,
  ): Promise<Sent> {
    const socket = await ready(signal);
    const { generateWAMessage, proto: Proto } = await baileys();
    const { messages } = await account();
    const id = idFor(chat, key);
    const before = messages.find(chat, id)?.content;
    const jid = await addressOf(chat, socket);
    if (before) {
      await relay(socket, jid, { id, content: Proto.Message.decode(before) }, signal);
      return { platformId: id };
    }
    const { message } = await generateWAMessage(jid, content, {
      userJid: socket.user?.id ?? "",
      messageId: id,
      upload: socket.waUploadToServer,
      ...(await quoting(chat, jid, also.replyTo)),
    }).catch((cause: unknown) => {
      throw failed("a file", cause, { sent: false });
    });
    signal.throwIfAborted();
    if (!message) throw new RejectedError("There is nothing to send");
    messages.keep(chat, id, { text: also.text, content: Proto.Message.encode(message).finish() });
    await relay(socket, jid, { id, content: message }, signal);
    return { platformId: id };
  }

  async function sendText(outbound: OutboundOf<"text">, signal: AbortSignal): Promise<Sent> {
    const { markup, text } = await rendered(outbound.text, outbound.sender);
    return await deliver(outbound, { text: markup }, { text, replyTo: outbound.replyTo }, signal);
  }

  async function sendFile(outbound: OutboundOf<"file">, signal: AbortSignal): Promise<Sent> {
    const { file, replyTo } = outbound;
    const { markup, text } = await rendered(outbound.text);
    if (file.bytes > MOST_FILE_BYTES) throw new RejectedError("WhatsApp is given files of at most 100 MiB");
    return await deliver(outbound, fileContent(file, markup), { text: text || file.name, replyTo }, signal);
  }

  async function react(outbound: OutboundOf<"reaction">, signal: AbortSignal): Promise<Sent> {
    const { chat, to, emoji } = outbound;
    const socket = await ready(signal);
    const jid = await addressOf(chat, socket);
    const { messages } = await account();
    const known = messages.find(chat, to);
    if (!known && jid.endsWith("@g.us"))
      throw new RejectedError("That message is too old: whose it was is not known any more");
    const { generateMessageIDV2, proto: Proto } = await baileys();
    const key = known ? keyOf(jid, to, known.author, isOurs(known)) : keyOf(jid, to, jid);
    const content = Proto.Message.fromObject({
      reactionMessage: { key, text: emoji, senderTimestampMs: now() },
    });
    await relay(socket, jid, { id: generateMessageIDV2(socket.user?.id), content }, signal);
    return { platformId: `reaction-${to}` };
  }

  return {
    send: sendingBy({ text: sendText, file: sendFile, reaction: react }),

    async edit({ chat, platformId, text }: Edit, signal: AbortSignal): Promise<void> {
      const socket = await ready(signal);
      const jid = await addressOf(chat, socket);
      const { messages } = await account();
      const known = messages.find(chat, platformId);
      if (!known || !isOurs(known)) throw new RejectedError(`"${platformId}" is no message of ours`);
      if (now() - known.at > EDITABLE_MS)
        throw new RejectedError("WhatsApp lets a message be changed for a quarter of an hour only");
      const { generateMessageIDV2, generateWAMessage, proto: Proto } = await baileys();
      const id = generateMessageIDV2(socket.user?.id);
      const words = await rendered(text);
      const edit = keyOf(jid, platformId, undefined);
      const { message } = await generateWAMessage(
        jid,
        { text: words.markup, edit },
        { userJid: socket.user?.id ?? "", messageId: id, upload: socket.waUploadToServer },
      );
      if (!message) throw new RejectedError("There is nothing to send");
      messages.keep(chat, id, { text: words.text, content: Proto.Message.encode(message).finish() });
      await relay(socket, jid, { id, content: message, edit: true }, signal);
    },

    async typing(chat: string, signal: AbortSignal): Promise<void> {
      const socket = await ready(signal);
      const jid = await addressOf(chat, socket);
      await socket.sendPresenceUpdate("composing", jid).catch((cause: unknown) => {
        throw failed("a sign that we write", cause, { sent: false });
      });
    },
  };
}

const isOurs = ({ content }: { readonly content: Uint8Array | undefined }) => content !== undefined;

/** @param author undefined: us */
function keyOf(remoteJid: string, id: string, author: string | undefined, fromMe = author === undefined) {
  const participant = remoteJid.endsWith("@g.us") && author !== undefined ? { participant: author } : {};
  return { remoteJid, id, fromMe, ...participant };
}

/** Loaded with the first text: an account that nobody writes to needs none of it. */
async function rendered(source: string, sender?: string): Promise<Rendered> {
  const { starMarkup } = await import("@bellhop/sdk/star-markup");
  const shown = starMarkup(source, {}, sender);
  if (shown.text.trim() !== "" || source === "") return shown;
  const plain = sender === undefined ? source : `${sender}:\n${source}`; // nothing but markup
  return { markup: plain, text: plain };
}

function fileContent(file: OutboundFile, text: string): AnyMessageContent {
  const { name, type, bytes } = file;
  const media = { stream: file.open() };
  const caption = text === "" ? {} : { caption: text };
  // A thumbnail would need another library; an empty one says that there is none.
  const plain = { mimetype: type, jpegThumbnail: "", ...caption };
  if (/^image\/(?:jpeg|png)$/.test(type) && bytes <= MOST_PICTURE_BYTES) return { image: media, ...plain };
  if (type === "video/mp4" && bytes <= MOST_FILM_BYTES) return { video: media, ...plain };
  if (type === "audio/ogg" && text === "")
    return { audio: media, ptt: true, mimetype: "audio/ogg; codecs=opus" };
  if (/^audio\/(?:mpeg|mp4|aac)$/.test(type) && text === "") return { audio: media, mimetype: type };
  return { document: media, mimetype: type, fileName: name, ...caption };
}

/** Of the server's answer to a message: `<ack error="N">`. */
function errorOf(answer: unknown): number | undefined {
  if (typeof answer !== "object" || answer === null || !("attrs" in answer)) return undefined;
  const { attrs } = answer;
  const error: unknown =
    typeof attrs === "object" && attrs !== null && "error" in attrs ? attrs.error : undefined;
  return typeof error === "string" ? Number(error) : undefined;
}

/** What goes on does so by itself; it is only not waited for any more. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
