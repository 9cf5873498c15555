/**
 * From what Discord tells to what a person did. Pure, but for what opens a file.
 *
 * - A mention stands in the text as people read it, `@Ann`. Ours is left out at the beginning: what follows it may
 *   be a command.
 * - What is forwarded is somebody else's words; Discord does not say whose.
 * - Passed over: what Discord says of a chat by itself (who joined, what was pinned), and what is empty.
 */
import type { Inbound, InboundFile, InboundSender } from "@bellhop/sdk";
import { extname } from "node:path";
import {
  type Attachment,
  type Interaction,
  type Message,
  nameOf,
  type Reaction,
  type User,
} from "./events.ts";
import { shownOf } from "./shown.ts";

/** Where something happened. */
export type Where = Pick<Inbound, "chat" | "chatTitle" | "threadOf" | "direct">;

export interface Here {
  readonly me: string;
  /** Our roles in the server where it happened. */
  readonly roles: readonly string[];
  readonly where: Where;
  /** Bytes of an attachment. @throws as `InboundFile.open` */
  readonly open: (url: string, signal: AbortSignal) => ReturnType<InboundFile["open"]>;
}

/** Texts, and answers to others. The rest Discord wrote, or are the answers of other bots to their commands. */
const SAID = new Set([0, 19, 20, 23]);
const FORWARD = 1;

export function said(message: Message, kind: "message" | "edit", here: Here): Inbound | undefined {
  const { id, author, member, webhook_id, mentions, mention_roles, message_reference: about } = message;
  const content = contentOf(message, here);
  const edited = message.edited_timestamp ?? undefined;
  // A preview that Discord adds is told like an edit, and is none.
  if (!SAID.has(message.type) || !content || (kind === "edit" && edited === undefined)) return undefined;
  const sender = personOf(author, { me: here.me, member, webhook: webhook_id !== undefined });
  const called =
    mentions.some((user) => user.id === here.me) ||
    mention_roles.some((role) => here.roles.includes(role)) ||
    message.referenced_message?.author.id === here.me;
  return {
    platformId: id,
    kind,
    version: kind === "edit" && edited !== undefined ? Date.parse(edited) : 0,
    ...here.where,
    sender,
    ...content,
    ...(called ? { mentionsUs: true } : {}),
    ...(about?.message_id === undefined || about.type === FORWARD ? {} : { replyTo: about.message_id }),
    sentAt: Date.parse(kind === "edit" && edited !== undefined ? edited : message.timestamp),
  };
}

export function reacted(
  reaction: Reaction,
  added: boolean,
  sender: InboundSender,
  id: string,
  where: Where,
): Inbound {
  const { emoji, message_id } = reaction;
  const shown = emoji.id === undefined || emoji.id === null ? emoji.name : `:${emoji.name ?? "emoji"}:`;
  return {
    platformId: `reaction-${id}`,
    kind: "reaction",
    version: 0,
    ...where,
    sender,
    text: added ? (shown ?? "(custom emoji)") : "",
    replyTo: message_id,
  };
}

const COMMAND = 2;
const COMPONENT = 3;

/** A button that was pressed, or a slash command as if it had been written. */
export function interacted({ id, type, data, message, member, user }: Interaction, me: string, where: Where) {
  const presser = member?.user ?? user; // in a server it is a member, in direct messages a user
  if (!presser) return undefined;
  const about = { version: 0, ...where, sender: personOf(presser, { me, member }) };
  if (type === COMPONENT && data?.custom_id !== undefined && message)
    return {
      ...about,
      platformId: `press-${id}`,
      kind: "button",
      text: "",
      button: data.custom_id,
      replyTo: message.id,
    } satisfies Inbound;
  if (type !== COMMAND || data?.name === undefined) return undefined;
  const words = data.options.flatMap(({ value }) => (value === undefined ? [] : String(value)));
  return {
    ...about,
    platformId: id,
    kind: "message",
    text: [`/${data.name}`, ...words].join(" "),
    mentionsUs: true,
  } satisfies Inbound;
}

export function personOf(
  user: User,
  {
    me,
    member,
    webhook = false,
  }: { me: string; member?: { nick?: string | null | undefined } | undefined; webhook?: boolean },
): InboundSender {
  return {
    id: user.id,
    name: nameOf(user, member),
    ...(user.bot === true || webhook ? { bot: true } : {}),
    ...(user.id === me ? { self: true } : {}),
  };
}

type Content = Pick<Inbound, "text" | "nonText" | "files" | "forwarded">;

/** Undefined for what nobody said. */
function contentOf(message: Message, here: Here): Content | undefined {
  const { sticker_items: stickers, poll, message_reference, message_snapshots, author, webhook_id } = message;
  const program = author.bot === true || webhook_id !== undefined;
  const content = program ? shownOf(message) : message.content;
  const text = readable(content, message.mentions, here);
  const attachments = [message, ...message_snapshots.map((one) => one.message)].flatMap(
    (one) => one.attachments,
  );
  const files = attachments.length > 0 ? { files: attachments.map((one) => attached(one, here)) } : {};
  if (message_reference?.type === FORWARD) {
    const words = message_snapshots
      .map((one) => readable(shownOf(one.message), message.mentions, here))
      .join("\n");
    return { text: words, ...(words === "" ? { nonText: "message" } : {}), ...files, forwarded: "" };
  }
  if (text !== "" || attachments.length > 0) return { text, ...files };
  if (stickers.length > 0) return { text: stickers.map(({ name }) => name).join(" "), nonText: "sticker" };
  if (!poll) return undefined;
  const answers = poll.answers.map(({ poll_media }) => `- ${poll_media.text}`);
  return { text: [poll.question.text, ...answers].join("\n"), nonText: "poll" };
}

function attached({ filename, title, content_type, size, url }: Attachment, { open }: Here): InboundFile {
  return {
    name: title ? `${title}${extname(filename)}` : filename,
    type: content_type ?? undefined,
    bytes: size,
    open: (signal) => open(url, signal),
  };
}

/** The text with people's names for their numbers, and without our own mention before it. */
function readable(content: string, mentions: Message["mentions"], { me, roles }: Here): string {
  const ours = [`<@${me}>`, `<@!${me}>`, ...roles.map((role) => `<@&${role}>`)];
  const first = ours.find((mention) => content.startsWith(mention));
  const rest = first === undefined ? content : content.slice(first.length).trimStart();
  const text = rest === "" ? content : rest;
  return text
    .replace(/<@!?(\d+)>/g, (mark, id: string) => {
      const user = mentions.find((one) => one.id === id);
      return user ? `@${nameOf(user)}` : mark;
    })
    .replace(/<a?(:\w+:)\d+>/g, "$1");
}
