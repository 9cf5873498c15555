/**
 * From what the host owes to one call of the Bot API. A second one is made only where the first was refused for
 * sure: text that Telegram cannot parse goes plain, a picture that it does not take goes as a document, and what
 * was for a group that became a supergroup goes to the supergroup.
 */
import {
  type Button,
  bytesOf,
  type Edit,
  inQuotes,
  type OutboundFile,
  type OutboundOf,
  RejectedError,
  sendingBy,
  type Sent,
  uploadMs,
} from "@bellhop/sdk";
import { InputFile, type RawApi } from "grammy/web";
import type { BotApi } from "./api.ts";
import { MovedError, UnparsedError } from "./errors.ts";
import { asReaction, REACTIONS } from "./reactions.ts";

const MiB = 1024 * 1024;
/** After entities, in UTF-16. */
export const MOST_TEXT = 4_096;
export const MOST_CAPTION = 1_024;
export const MOST_FILE_BYTES = 50 * MiB;
const MOST_PHOTO_BYTES = 10 * MiB;
const ROW = 2;
const UPLOAD_MS = 60_000;
/** Telegram would ask for an address at once, and so hand out whatever an agent was made to write into it. */
const NO_PREVIEW = { link_preview_options: { is_disabled: true } } as const;

export interface SendParts {
  readonly api: Pick<BotApi, "call">;
  /** Where groups went that became supergroups. */
  readonly moved: Map<string, string>;
}

/** As it is given to Telegram. */
interface Words {
  readonly text: string;
  readonly parse_mode?: "HTML";
}

export function createSend({ api, moved }: SendParts) {
  async function toChat<T>(chat: string, make: (place: Place) => Promise<T>): Promise<T> {
    try {
      return await make(placeOf(moved.get(chat) ?? chat));
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      const [, topic] = chat.split(":");
      const to = topic === undefined ? error.to : `${error.to}:${topic}`;
      moved.set(chat, to);
      return await make(placeOf(to));
    }
  }

  /** As rendered, or plain where Telegram does not take that or it has become too long. */
  async function inWords<T>(
    source: string,
    most: number,
    sender: string | undefined,
    make: (words: Words) => Promise<T>,
  ): Promise<T> {
    const plain = { text: sender === undefined ? source : `${sender}:\n${source}` };
    const rendered = await rendering(source, sender);
    if (rendered.text.length > most || rendered.text.trim() === "") return await make(plain);
    try {
      return await make({ text: rendered.markup, parse_mode: "HTML" });
    } catch (error) {
      if (!(error instanceof UnparsedError)) throw error;
      return await make(plain);
    }
  }

  async function sendText(
    { chat, text, sender, replyTo, buttons }: OutboundOf<"text">,
    signal: AbortSignal,
  ): Promise<Sent> {
    const { message_id } = await toChat(chat, (place) =>
      inWords(text, MOST_TEXT, sender, (words) =>
        api.call(
          "sendMessage",
          (raw, within) =>
            raw.sendMessage(
              { ...place, ...words, ...NO_PREVIEW, ...quoting(replyTo), ...keyboard(buttons) },
              within,
            ),
          signal,
        ),
      ),
    );
    return { platformId: String(message_id) };
  }

  async function sendFile(
    { chat, file, text, replyTo }: OutboundOf<"file">,
    signal: AbortSignal,
  ): Promise<Sent> {
    if (file.bytes > MOST_FILE_BYTES)
      throw new RejectedError("Telegram takes files of at most 50 MB from bots");
    const as = (kind: Kind) =>
      toChat(chat, (place) =>
        inWords(text, MOST_CAPTION, undefined, ({ text: caption, ...mode }) =>
          api.call(
            METHODS[kind],
            (raw, within) =>
              upload(raw, kind, file, within, {
                ...place,
                ...quoting(replyTo),
                ...(caption === "" ? {} : { caption, ...mode }),
              }),
            signal,
            UPLOAD_MS + uploadMs(file.bytes),
          ),
        ),
      );
    const kind = kindOf(file);
    try {
      return { platformId: String((await as(kind)).message_id) };
    } catch (error) {
      // Telegram looks into pictures, voices and films, and takes only some; of documents it takes all.
      const looked =
        error instanceof RejectedError && /PHOTO|IMAGE|VOICE|VIDEO|AUDIO|MEDIA/.test(error.message);
      if (!looked || kind === "document") throw error;
      return { platformId: String((await as("document")).message_id) };
    }
  }

  async function react({ chat, to, emoji }: OutboundOf<"reaction">, signal: AbortSignal): Promise<Sent> {
    const known = asReaction(emoji);
    if (emoji !== "" && known === undefined)
      throw new RejectedError(`Telegram has no reaction ${emoji}; it has ${REACTIONS.join(" ")}`);
    await toChat(chat, ({ chat_id }) =>
      api.call(
        "setMessageReaction",
        (raw, within) =>
          raw.setMessageReaction(
            {
              chat_id,
              message_id: messageId(to),
              reaction: known === undefined ? [] : [{ type: "emoji", emoji: known }],
            },
            within,
          ),
        signal,
      ),
    );
    return { platformId: `reaction-${to}` };
  }

  return {
    send: sendingBy({ text: sendText, file: sendFile, reaction: react }),

    async edit({ chat, platformId, text }: Edit, signal: AbortSignal): Promise<void> {
      try {
        await toChat(chat, ({ chat_id }) =>
          inWords(text, MOST_TEXT, undefined, (words) =>
            api.call(
              "editMessageText",
              (raw, within) =>
                raw.editMessageText(
                  { chat_id, message_id: messageId(platformId), ...words, ...NO_PREVIEW },
                  within,
                ),
              signal,
            ),
          ),
        );
      } catch (error) {
        if (error instanceof RejectedError && error.message.includes("message is not modified")) return;
        throw error;
      }
    },

    typing: async (chat: string, signal: AbortSignal): Promise<void> => {
      await toChat(chat, (place) =>
        api.call(
          "sendChatAction",
          (raw, within) => raw.sendChatAction({ ...place, action: "typing" }, within),
          signal,
        ),
      );
    },
  };
}

interface Place {
  readonly chat_id: string;
  readonly message_thread_id?: number;
}

/** @throws RejectedError */
export function placeOf(chat: string): Place {
  const [, chat_id, topic] = /^(-?\d+)(?::(\d+))?$/.exec(chat) ?? [];
  if (chat_id === undefined) throw new RejectedError(`"${chat}" is no chat of Telegram's`);
  return topic === undefined ? { chat_id } : { chat_id, message_thread_id: Number(topic) };
}

function messageId(platformId: string): number {
  if (!/^\d+$/.test(platformId)) throw new RejectedError(`"${platformId}" is no message of Telegram's`);
  return Number(platformId);
}

function quoting(replyTo: string | undefined) {
  if (replyTo === undefined || !/^\d+$/.test(replyTo)) return {};
  return { reply_parameters: { message_id: Number(replyTo), allow_sending_without_reply: true } };
}

function keyboard(buttons: readonly Button[] | undefined) {
  if (!buttons || buttons.length === 0) return {};
  const keys = buttons.map(({ id, label }) => ({ text: label, callback_data: id }));
  const rows = Array.from({ length: Math.ceil(keys.length / ROW) }, (_, row) =>
    keys.slice(row * ROW, (row + 1) * ROW),
  );
  return { reply_markup: { inline_keyboard: rows } };
}

/** Loaded with the first text: a bot that nobody writes to needs none of it. */
async function rendering(source: string, sender: string | undefined) {
  const { render } = await import("./render.ts");
  return render(source, sender);
}

const METHODS = {
  photo: "sendPhoto",
  voice: "sendVoice",
  audio: "sendAudio",
  video: "sendVideo",
  document: "sendDocument",
} as const;
type Kind = keyof typeof METHODS;

function kindOf({ type, bytes }: OutboundFile): Kind {
  if (/^image\/(?:jpeg|png|webp)$/.test(type) && bytes <= MOST_PHOTO_BYTES) return "photo";
  if (type === "audio/ogg") return "voice";
  if (/^audio\/(?:mpeg|mp4|m4a|x-m4a)$/.test(type)) return "audio";
  return type === "video/mp4" ? "video" : "document";
}

type Signal = Parameters<RawApi["sendPhoto"]>[1];

function upload(
  raw: RawApi,
  kind: Kind,
  file: OutboundFile,
  signal: Signal,
  rest: Place & { caption?: string; parse_mode?: "HTML" },
): Promise<{ message_id: number }> {
  const content = new InputFile(bytesOf(file), inQuotes(file.name)); // it stands in a header
  switch (kind) {
    case "photo":
      return raw.sendPhoto({ ...rest, photo: content }, signal);
    case "voice":
      return raw.sendVoice({ ...rest, voice: content }, signal);
    case "audio":
      return raw.sendAudio({ ...rest, audio: content }, signal);
    case "video":
      return raw.sendVideo({ ...rest, video: content }, signal);
    case "document":
      return raw.sendDocument({ ...rest, document: content, disable_content_type_detection: true }, signal);
    default:
      return kind satisfies never;
  }
}
