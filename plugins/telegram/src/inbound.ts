/**
 * From an update of Telegram's to what a person did. Pure, but for what opens a file.
 *
 * - A forum topic is a chat of its own, `CHAT:TOPIC`; the general topic is the group itself.
 * - Each item of an album is a message of its own, as it is for Telegram.
 * - Passed over: posts in channels, what Telegram says of a group by itself (who joined, what was pinned),
 *   and commands that name another bot.
 */
import type { Inbound, InboundFile, InboundSender } from "@bellhop/sdk";
import type { Chat, Emoji, Entity, File, Me, Message, Press, Reaction, Update, User } from "./update.ts";

export interface Here {
  readonly me: Me;
  /** Bytes of a file. @throws as `InboundFile.open` */
  readonly open: (fileId: string, signal: AbortSignal) => ReturnType<InboundFile["open"]>;
  /** In which topic of the chat a message stands, where it is known. */
  readonly topicOf: (chat: number, message: number) => number | undefined;
}

export function toInbound(update: Update, here: Here): Inbound | undefined {
  if (update.message) return said(update.message, "message", 0, here);
  if (update.edited_message) {
    const message = update.edited_message;
    // Two edits may share a second; the number of the update tells them apart, and is the same when it comes again.
    const version = (message.edit_date ?? message.date) * 1_000 + (update.update_id % 1_000);
    return said(message, "edit", version, here);
  }
  if (update.message_reaction) return reacted(update.update_id, update.message_reaction, here);
  return update.callback_query && pressed(update.callback_query);
}

function said(message: Message, kind: "message" | "edit", version: number, here: Here): Inbound | undefined {
  const { chat, date, quote } = message;
  const content = contentOf(message, here);
  const sender = senderOf(message, here.me);
  if (chat.type === "channel" || !content || !sender) return undefined;
  const entities = message.entities ?? message.caption_entities ?? [];
  const call = calledBy(content.text, entities, here.me);
  if (call === "another") return undefined;
  const topic = topicOf(message);
  const answered = message.reply_to_message?.message_id;
  const text = withLinks(content.text, entities);
  const forwarded = forwardedFrom(message);
  return {
    platformId: String(message.message_id),
    kind,
    version,
    ...placeOf(chat, topic),
    sender,
    ...content,
    text: typeof call === "object" ? call.nameless(text) : text,
    ...(call !== undefined || mentions(content.text, entities, here.me) ? { mentionsUs: true } : {}),
    // In a topic, whatever answers nothing answers the message that opened it.
    ...(answered === undefined || answered === topic ? {} : { replyTo: String(answered) }),
    ...(quote ? { quote: quote.text } : {}),
    ...(forwarded === undefined ? {} : { forwarded }),
    sentAt: (kind === "edit" ? (message.edit_date ?? date) : date) * 1_000,
  };
}

/** Telegram does not say in which topic it was. */
function reacted(id: number, reaction: Reaction, here: Here): Inbound | undefined {
  const { chat, message_id, user, actor_chat, date, old_reaction, new_reaction } = reaction;
  const sender = user ? personOf(user, here.me) : actor_chat && chatAsSender(actor_chat);
  if (chat.type === "channel" || !sender) return undefined;
  const before = old_reaction.map(shown);
  const now = new_reaction.map(shown);
  const added = now.filter((emoji) => !before.includes(emoji));
  return {
    platformId: `reaction-${id}`,
    kind: "reaction",
    version: 0,
    ...placeOf(chat, here.topicOf(chat.id, message_id)),
    sender,
    text: (added.length > 0 ? added : now).join(""),
    replyTo: String(message_id),
    sentAt: date * 1_000,
  };
}

function shown({ type, emoji }: Emoji): string {
  if (emoji !== undefined) return emoji;
  return type === "paid" ? "⭐" : "(custom emoji)";
}

function pressed({ id, from, message, data }: Press): Inbound | undefined {
  if (!message || data === undefined) return undefined;
  return {
    platformId: `press-${id}`,
    kind: "button",
    version: 0,
    ...placeOf(message.chat, topicOf(message)),
    sender: personOf(from),
    text: "",
    button: data,
    replyTo: String(message.message_id),
  };
}

/** Where nobody made topics, Telegram numbers the threads of replies; those are no chats of their own. */
export function topicOf(message: Pick<Message, "is_topic_message" | "message_thread_id">) {
  return message.is_topic_message === true ? message.message_thread_id : undefined;
}

function placeOf(chat: Chat, topic: number | undefined) {
  const title = chat.title ?? nameOf(chat);
  const id = String(chat.id);
  return {
    chat: topic === undefined ? id : `${id}:${topic}`,
    ...(title === "" ? {} : { chatTitle: title }),
    ...(topic === undefined ? {} : { threadOf: id }),
    direct: chat.type === "private",
  };
}

function senderOf({ from, sender_chat, author_signature, is_automatic_forward }: Message, me: Me) {
  // An anonymous admin, or somebody who writes as a channel: Telegram puts a bot of its own before them.
  if (sender_chat)
    return { ...chatAsSender(sender_chat, author_signature), ...(is_automatic_forward ? { bot: true } : {}) };
  return from && personOf(from, me);
}

function chatAsSender(chat: Chat, signature?: string): InboundSender {
  const name = chat.title ?? nameOf(chat);
  return { id: `chat${chat.id}`, name: signature === undefined ? name : `${signature} (${name})` };
}

function personOf(user: User, me?: Me): InboundSender {
  return {
    id: String(user.id),
    name: nameOf(user) || String(user.id),
    ...(user.is_bot === true ? { bot: true } : {}),
    ...(user.id === me?.id ? { self: true } : {}),
  };
}

type Named = Pick<Chat, "first_name" | "last_name" | "username">;
function nameOf({ first_name, last_name, username }: Named): string {
  const name = [first_name, last_name].filter((part) => part !== undefined && part !== "").join(" ");
  return name === "" && username !== undefined ? `@${username}` : name;
}

/** Whose words they are. What somebody wrote themselves stays theirs, and so does what a channel posts into its own group. */
function forwardedFrom({ forward_origin: origin, from, is_automatic_forward }: Message): string | undefined {
  if (!origin || is_automatic_forward) return undefined;
  const { sender_user: user, sender_user_name, sender_chat, chat = sender_chat, author_signature } = origin;
  if (user) return user.id === from?.id ? undefined : personOf(user).name;
  return chat ? chatAsSender(chat, author_signature).name : (sender_user_name ?? "");
}

/** Words with a link behind them say where it leads. */
function withLinks(text: string, entities: readonly Entity[]): string {
  const links = entities.filter(({ type, url = "" }) => type === "text_link" && url !== "");
  return links
    .toSorted((one, other) => other.offset - one.offset)
    .reduce((words, { offset, length, url = "" }) => {
      const end = offset + length;
      return text.slice(offset, end) === url ? words : `${words.slice(0, end)} (${url})${words.slice(end)}`;
    }, text);
}

/** A command that names its bot: what makes a text be without the name, if it is us. */
function calledBy(text: string, entities: readonly Entity[], { username }: Me) {
  const command = entities.find(({ type, offset }) => type === "bot_command" && offset === 0);
  const [name = "", at] = text.slice(0, command?.length ?? 0).split("@");
  if (!command || at === undefined) return undefined;
  if (at.toLowerCase() !== username.toLowerCase()) return "another";
  return { nameless: (whole: string) => name + whole.slice(command.length) };
}

function mentions(text: string, entities: readonly Entity[], { id, username }: Me): boolean {
  const us = `@${username}`.toLowerCase();
  return entities.some(({ type, offset, length, user }) => {
    if (type === "text_mention") return user?.id === id;
    return type === "mention" && text.slice(offset, offset + length).toLowerCase() === us;
  });
}

type Content = Pick<Inbound, "text" | "nonText" | "files">;

/** Undefined for what nobody said. */
function contentOf(message: Message, here: Here): Content | undefined {
  const { text, caption = "" } = message;
  if (text !== undefined) return { text };
  const file = fileOf(message);
  if (file) return { text: caption, files: [attached(file, here)] };
  const { sticker, venue, location, contact, poll, dice, game, story, checklist } = message;
  if (sticker) return { text: sticker.emoji ?? "", nonText: "sticker" };
  if (venue) return { text: `${venue.title}, ${venue.address} (${at(venue.location)})`, nonText: "location" };
  if (location) return { text: at(location), nonText: "location" };
  if (contact) return { text: `${nameOf(contact)} ${contact.phone_number}`, nonText: "contact" };
  if (poll) return { text: listed(poll.question, poll.options), nonText: "poll" };
  if (checklist) return { text: listed(checklist.title, checklist.tasks), nonText: "checklist" };
  if (dice) return { text: `${dice.emoji} ${dice.value}`, nonText: "dice" };
  if (game) return { text: game.title, nonText: "game" };
  return story && { text: caption, nonText: "story" };
}

const at = ({ latitude, longitude }: { latitude: number; longitude: number }) => `${latitude}, ${longitude}`;

function listed(title: string, items: readonly { text: string }[]): string {
  return [title, ...items.map(({ text }) => `- ${text}`)].join("\n");
}

/** With a name and a type for what has none. */
function fileOf(message: Message): (File & { name: string; type?: string | undefined }) | undefined {
  const { photo, animation, document, audio, voice, video, video_note } = message;
  const named = (file: File | undefined, name: string, type?: string) =>
    file && { ...file, name: file.file_name ?? name, type: file.mime_type ?? type };
  return (
    named(photo?.at(-1), "photo.jpg", "image/jpeg") ?? // the sizes of one picture, the largest last
    named(animation, "animation.mp4", "video/mp4") ?? // it is there as a document too
    named(document, "file") ??
    named(audio, "audio.mp3", "audio/mpeg") ??
    named(voice, "voice.ogg", "audio/ogg") ??
    named(video, "video.mp4", "video/mp4") ??
    named(video_note, "video.mp4", "video/mp4")
  );
}

function attached(file: File & { name: string; type?: string | undefined }, { open }: Here): InboundFile {
  return {
    name: file.name,
    type: file.type,
    bytes: file.file_size,
    open: (signal) => open(file.file_id, signal),
  };
}
