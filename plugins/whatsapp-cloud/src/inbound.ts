/**
 * From a message of WhatsApp's to what a person did. Pure, but for what opens a file.
 *
 * - A chat is the person: there are no others. What is written in a group of the Groups API is passed over.
 * - A button, and a line of a list, comes back with the id that it was sent with. A button of a template has none of
 *   ours: it says its words.
 * - Passed over besides: what WhatsApp says by itself (a number that changed).
 */
import type { Inbound, InboundFile } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import type { Contact, Content, Media, Message } from "./notification.ts";

export interface Here {
  /** Their number where it is known, and the id that they have with us otherwise. */
  readonly person: string;
  readonly contact: Contact | undefined;
  /** Bytes of a file. Throws as `InboundFile.open` does. */
  readonly open: (mediaId: string, signal: AbortSignal) => ReturnType<InboundFile["open"]>;
}

export function toInbound(message: Message, here: Here): Inbound | undefined {
  const { type, id, timestamp, reaction, edit, revoke, interactive, context } = message;
  if (message.group_id !== undefined || type === "system") return undefined;
  const who = whoOf(here);
  const said = { ...who, platformId: id, version: 0, sentAt: timestamp * 1_000 };
  const replyTo = context?.id === undefined ? {} : { replyTo: context.id };
  if (reaction)
    return { ...said, kind: "reaction", text: reaction.emoji ?? "", replyTo: reaction.message_id };
  if (revoke) return { ...said, kind: "delete", platformId: revoke.original_message_id, text: "" };
  if (edit)
    return {
      ...said,
      ...contentOf(edit.message, here),
      kind: "edit",
      platformId: edit.original_message_id,
      version: versionOf(message),
    };
  const chosen = interactive?.button_reply ?? interactive?.list_reply;
  if (chosen) return { ...said, ...replyTo, kind: "button", text: "", button: chosen.id };
  return { ...said, ...replyTo, ...contentOf(message, here), kind: "message" };
}

function whoOf({ person, contact }: Here): Pick<Inbound, "chat" | "chatTitle" | "direct" | "sender"> {
  const { name, username } = contact?.profile ?? {};
  const shown = [name, username && `@${username}`].find((one) => one !== undefined && one !== "") ?? person;
  return { chat: person, chatTitle: shown, direct: true, sender: { id: person, name: shown } };
}

/** Edits have ids of their own; two of them may share a second, and the same one may come twice. */
function versionOf({ id, timestamp }: Message): number {
  return timestamp * 1_000 + (createHash("sha256").update(id).digest().readUInt16BE() % 1_000);
}

type Said = Pick<Inbound, "text" | "nonText" | "files" | "forwarded">;

function contentOf(content: Content, here: Here): Said {
  const said = wordsOf(content, here);
  const { forwarded, frequently_forwarded } = content.context ?? {};
  // WhatsApp does not say whose words they are.
  return (forwarded ?? frequently_forwarded) ? { ...said, forwarded: "" } : said;
}

function wordsOf(content: Content, here: Here): Said {
  const { text, image, video, audio, document, sticker, location, contacts, interactive, button } = content;
  const file = (media: Media, name: string, type?: string) => attached(media, name, type, here);
  if (text) return { text: text.body };
  if (image) return file(image, image.mime_type === "image/png" ? "photo.png" : "photo.jpg", "image/jpeg");
  if (video) return file(video, "video.mp4", "video/mp4");
  if (audio) return file(audio, audio.voice === true ? "voice.ogg" : "audio", "audio/ogg");
  if (document) return file(document, "file");
  if (sticker) return { ...file(sticker, "sticker.webp", "image/webp"), nonText: "sticker" };
  if (location) {
    const { name, address, latitude, longitude } = location;
    const place = [name, address].filter((part) => part !== undefined && part !== "").join(", ");
    const at = `${latitude}, ${longitude}`;
    return { text: place === "" ? at : `${place} (${at})`, nonText: "location" };
  }
  if (contacts) return { text: contacts.map(cardOf).join("\n"), nonText: "contact" };
  if (button) return { text: button.text };
  const form = interactive?.nfm_reply;
  if (form) return { text: form.response_json ?? form.body ?? "", nonText: "form" };
  const { type, order, unsupported } = content;
  if (order) return { text: order.text ?? "", nonText: "order" };
  // WhatsApp does not show programs everything: polls, events, what is seen once.
  return { text: "", nonText: (unsupported?.type ?? type).replaceAll("_", " ") };
}

function cardOf({ name, phones, emails }: NonNullable<Content["contacts"]>[number]): string {
  const parts = [
    name?.formatted_name,
    ...phones.map(({ phone }) => phone),
    ...emails.map(({ email }) => email),
  ];
  return parts.filter((part) => part !== undefined && part !== "").join(" ");
}

function attached(
  { id, filename, mime_type, caption = "" }: Media,
  name: string,
  type: string | undefined,
  { open }: Here,
): Said {
  const named = filename === undefined || filename === "" ? name : filename;
  return {
    text: caption,
    files: [{ name: named, type: mime_type ?? type, open: (signal) => open(id, signal) }],
  };
}
