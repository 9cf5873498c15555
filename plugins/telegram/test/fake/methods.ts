/** What each method does, and when Telegram refuses it. */
import { Refusal } from "./refusal.ts";
import { ParseError, parseHtml } from "./html.ts";
import type { FakeChat, FakeFile, FakeMessage, World } from "./world.ts";
import { type Method, METHODS } from "./words.ts";

const MiB = 1024 * 1024;

/** @returns the `result` of its answer */
export function answerMethod(
  world: World,
  method: Method,
  fields: object,
  files: ReadonlyMap<string, File>,
): unknown {
  switch (method) {
    case "getMe": {
      const { id, username } = world.bot;
      return { id, is_bot: true, first_name: username, username, can_read_all_group_messages: false };
    }
    case "sendMessage": {
      const { text, link_preview_options: preview, ...rest } = METHODS.sendMessage.parse(fields);
      const words = read(text, rest.parse_mode, 4_096, "message is too long");
      look(world, words.text, preview);
      if (words.text === "") throw new Refusal(400, "Bad Request: message text is empty");
      return show(world, rest, words, {});
    }
    case "editMessageText":
      return edit(world, METHODS.editMessageText.parse(fields));
    case "sendPhoto":
    case "sendVoice":
    case "sendAudio":
    case "sendVideo":
    case "sendDocument":
      return sendFile(world, method, fields, files);
    case "setMessageReaction": {
      const { chat_id, message_id, reaction } = METHODS.setMessageReaction.parse(fields);
      const message = chatOf(world, chat_id).messages.get(message_id);
      if (!message) throw new Refusal(400, "Bad Request: message to react not found");
      message.reaction = reaction[0]?.emoji;
      return true;
    }
    case "sendChatAction": {
      const { chat_id, message_thread_id } = METHODS.sendChatAction.parse(fields);
      const chat = chatOf(world, chat_id);
      topicOf(chat, message_thread_id);
      chat.typings.set(message_thread_id, (chat.typings.get(message_thread_id) ?? 0) + 1);
      return true;
    }
    case "answerCallbackQuery": {
      const { callback_query_id } = METHODS.answerCallbackQuery.parse(fields);
      if (!world.presses.delete(callback_query_id))
        throw new Refusal(
          400,
          "Bad Request: query is too old and response timeout expired or query ID is invalid",
        );
      return true;
    }
    case "getFile": {
      const { file_id } = METHODS.getFile.parse(fields);
      const file = world.files.get(file_id);
      if (!file) throw new Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable");
      if (file.content.length > 20 * MiB) throw new Refusal(400, "Bad Request: file is too big");
      return { file_id, file_unique_id: file_id, file_path: file_id, file_size: file.content.length };
    }
    case "getChat":
      return chatJson(chatOf(world, METHODS.getChat.parse(fields).chat_id));
    case "getChatMemberCount":
      return chatOf(world, METHODS.getChatMemberCount.parse(fields).chat_id).members;
    case "deleteWebhook":
    case "getUpdates":
    case "setWebhook":
      return true; // done where the server is
    default:
      return method satisfies never;
  }
}

type Words = Pick<FakeMessage, "text" | "entities">;
interface Placed {
  readonly chat_id: number;
  readonly message_thread_id?: number | undefined;
  readonly reply_parameters?:
    | { message_id: number; allow_sending_without_reply?: boolean | undefined }
    | undefined;
  readonly reply_markup?:
    | { inline_keyboard: readonly (readonly { text: string; callback_data: string }[])[] }
    | undefined;
}

/** Telegram asks for the first address of a text, unless it is told not to. */
function look(world: World, text: string, { is_disabled = false }: { is_disabled?: boolean } = {}): void {
  const [address] = /https?:\/\/\S+/.exec(text) ?? [];
  if (address !== undefined && !is_disabled) world.asked.push(address);
}

function show(
  world: World,
  { chat_id, message_thread_id, reply_parameters, reply_markup }: Placed,
  words: Words,
  more: Partial<Pick<FakeMessage, "file" | "method">>,
) {
  const chat = chatOf(world, chat_id);
  const topic = topicOf(chat, message_thread_id);
  const replyTo = reply_parameters?.message_id;
  const answered = replyTo !== undefined && chat.messages.has(replyTo);
  if (replyTo !== undefined && !answered && reply_parameters?.allow_sending_without_reply !== true)
    throw new Refusal(400, "Bad Request: message to be replied not found");
  const message = world.put(chat, {
    from: "us",
    topic,
    ...words,
    ...more,
    replyTo: answered ? replyTo : undefined,
    buttons: buttonsOf(reply_markup),
  });
  return { message_id: message.id, date: world.date(), chat: chatJson(chat), text: words.text };
}

function edit(
  world: World,
  {
    chat_id,
    message_id,
    text,
    parse_mode,
    reply_markup,
    link_preview_options,
  }: ReturnType<typeof METHODS.editMessageText.parse>,
) {
  const chat = chatOf(world, chat_id);
  const message = chat.messages.get(message_id);
  if (!message) throw new Refusal(400, "Bad Request: message to edit not found");
  if (message.from !== "us" || message.file) throw new Refusal(400, "Bad Request: message can't be edited");
  const words = read(text, parse_mode, 4_096, "message is too long");
  if (words.text === "") throw new Refusal(400, "Bad Request: message text is empty");
  look(world, words.text, link_preview_options);
  const buttons = buttonsOf(reply_markup);
  const same = JSON.stringify([message.text, message.entities, message.buttons]);
  if (same === JSON.stringify([words.text, words.entities, buttons]))
    throw new Refusal(
      400,
      "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
    );
  Object.assign(message, words, { buttons });
  return { message_id, date: world.date(), chat: chatJson(chat), text: words.text };
}

const FILE_FIELDS = {
  sendPhoto: "photo",
  sendVoice: "voice",
  sendAudio: "audio",
  sendVideo: "video",
  sendDocument: "document",
} as const;

function sendFile(
  world: World,
  method: keyof typeof FILE_FIELDS,
  fields: object,
  files: ReadonlyMap<string, File>,
) {
  const params: Record<string, unknown> &
    Placed & { caption?: string | undefined; parse_mode?: "HTML" | undefined } =
    METHODS[method].parse(fields);
  const place = String(params[FILE_FIELDS[method]]).slice("attach://".length);
  const upload = files.get(place);
  if (!upload) throw new Refusal(400, "Bad Request: there is no file in the request");
  if (upload.size === 0) throw new Refusal(400, "Bad Request: file must be non-empty");
  if (upload.size > 50 * MiB) throw new Refusal(413, "Request Entity Too Large");
  if (method === "sendPhoto" && upload.size > 10 * MiB)
    throw new Refusal(400, "Bad Request: file is too big for a photo");
  if (method === "sendPhoto" && upload.name.startsWith("odd"))
    throw new Refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS");
  const words = read(params.caption ?? "", params.parse_mode, 1_024, "message caption is too long");
  return uploaded(upload).then((file) => show(world, params, words, { file, method }));
}

async function uploaded(upload: File): Promise<FakeFile> {
  return { name: upload.name, type: upload.type, content: new Uint8Array(await upload.arrayBuffer()) };
}

function read(source: string, mode: "HTML" | undefined, most: number, tooLong: string): Words {
  const words = parsed(source, mode);
  if (words.text.length > most) throw new Refusal(400, `Bad Request: ${tooLong}`);
  if (!words.text.isWellFormed()) throw new Refusal(400, "Bad Request: strings must be encoded in UTF-8");
  return { text: words.text.trim(), entities: words.entities };
}

function parsed(source: string, mode: "HTML" | undefined): Words {
  if (mode === undefined) return { text: source, entities: [] };
  try {
    return parseHtml(source);
  } catch (error) {
    if (error instanceof ParseError) throw new Refusal(400, error.message);
    throw error;
  }
}

function chatOf(world: World, id: number): FakeChat {
  const chat = world.chats.get(id);
  if (!chat) throw new Refusal(400, "Bad Request: chat not found");
  if (chat.movedTo !== undefined)
    throw new Refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", {
      migrate_to_chat_id: chat.movedTo,
    });
  return chat;
}

function topicOf(chat: FakeChat, topic: number | undefined): number | undefined {
  if (topic !== undefined && !chat.topics.has(topic))
    throw new Refusal(400, "Bad Request: message thread not found");
  return topic;
}

function buttonsOf(markup: Placed["reply_markup"]) {
  return markup?.inline_keyboard
    .flat()
    .map(({ text, callback_data }) => ({ id: callback_data, label: text }));
}

export function chatJson({ id, type, title, topics }: FakeChat) {
  if (type === "private") return { id, type, first_name: title };
  return { id, type, title, ...(topics.size > 0 ? { is_forum: true } : {}) };
}
