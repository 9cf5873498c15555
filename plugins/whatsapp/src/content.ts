/**
 * What a message of WhatsApp's holds, from its protocol buffers to plain values. Whatever cannot be read throws, and
 * is passed over by itself.
 *
 * Words may lie in wrappers (disappearing, seen once, with a caption, edited), and those in others.
 */
import { z } from "zod";

/** How many wrappers are taken off; nobody who writes needs as many. */
const MOST_WRAPPERS = 6;

const Text = z.string().nullish();
/** Numbers of 64 bits come as objects, whose parts only they themselves can put together. */
const Long = z.custom<{ toNumber(): number }>(
  (value) => typeof value === "object" && value !== null && "toNumber" in value,
);
export const Count = z
  .union([z.number(), Long])
  .nullish()
  .transform((value) => (typeof value === "object" ? value?.toNumber() : value));
const Bytes = z.instanceof(Uint8Array).nullish();

const Key = z.object({ remoteJid: Text, id: z.string(), participant: Text, fromMe: z.boolean().nullish() });
export type TargetKey = z.infer<typeof Key>;

const Context = z
  .object({
    stanzaId: Text,
    participant: Text,
    quotedMessage: z.unknown(),
    mentionedJid: z.array(z.string()).nullish(),
    isForwarded: z.boolean().nullish(),
  })
  .nullish();
type Context = z.infer<typeof Context>;

const InContext = z.object({ contextInfo: Context });
const Media = InContext.extend({
  url: Text,
  directPath: Text,
  mediaKey: Bytes,
  fileSha256: Bytes,
  mimetype: Text,
  fileLength: Count,
  fileName: Text,
  caption: Text,
});
const Place = InContext.extend({
  degreesLatitude: z.number().nullish(),
  degreesLongitude: z.number().nullish(),
  name: Text,
  address: Text,
  caption: Text,
});
const Contact = InContext.extend({ displayName: Text, vcard: Text });
const Poll = InContext.extend({ name: Text, options: z.array(z.object({ optionName: Text })).nullish() });

const Protocol = z.object({
  type: z.number().nullish(),
  key: Key.partial().nullish(),
  editedMessage: z.unknown(),
  timestampMs: Count,
});

const Content = z.object({
  conversation: Text,
  extendedTextMessage: InContext.extend({ text: Text }).nullish(),
  imageMessage: Media.nullish(),
  videoMessage: Media.nullish(),
  ptvMessage: Media.nullish(),
  audioMessage: Media.nullish(),
  documentMessage: Media.nullish(),
  stickerMessage: Media.nullish(),
  locationMessage: Place.nullish(),
  liveLocationMessage: Place.nullish(),
  contactMessage: Contact.nullish(),
  contactsArrayMessage: InContext.extend({ contacts: z.array(Contact).nullish() }).nullish(),
  pollCreationMessage: Poll.nullish(),
  pollCreationMessageV2: Poll.nullish(),
  pollCreationMessageV3: Poll.nullish(),
  eventMessage: InContext.extend({ name: Text, description: Text }).nullish(),
  reactionMessage: z.object({ key: Key.nullish(), text: Text }).nullish(),
  protocolMessage: Protocol.nullish(),
});
type Content = z.infer<typeof Content>;

const WRAPPERS = [
  "ephemeralMessage",
  "viewOnceMessage",
  "viewOnceMessageV2",
  "viewOnceMessageV2Extension",
  "documentWithCaptionMessage",
  "editedMessage",
  "groupMentionedMessage",
  "lottieStickerMessage",
  "deviceSentMessage",
] as const;
const Wrapped = z.object(
  Object.fromEntries(WRAPPERS.map((name) => [name, z.object({ message: z.unknown() }).nullish()])),
);

/** Said by programs to each other, not by people. */
const SILENT = [
  "senderKeyDistributionMessage",
  "messageContextInfo",
  "protocolMessage",
  "pollUpdateMessage",
  "encReactionMessage",
  "keepInChatMessage",
  "pinInChatMessage",
  "fastRatchetKeySenderKeyDistributionMessage",
  "deviceSentMessage",
  "albumMessage",
  "placeholderMessage",
  "call",
  "reactionMessage",
];

export type MediaKind = "image" | "video" | "audio" | "document" | "sticker";
export interface Attached {
  readonly kind: MediaKind;
  readonly name: string;
  readonly type: string | undefined;
  readonly bytes: number | undefined;
  /** What it takes to fetch it. */
  readonly from: z.infer<typeof Media>;
}

export interface Words {
  readonly is: "words";
  readonly text: string;
  readonly nonText?: string;
  readonly file?: Attached;
  readonly quoted?: { readonly id: string; readonly text: string | undefined };
  readonly mentions: readonly string[];
  /** Somebody else's words; WhatsApp does not say whose. */
  readonly forwarded?: boolean;
}

export type Said =
  | Words
  | { readonly is: "edit"; readonly of: TargetKey; readonly words: Words; readonly atMs: number | undefined }
  | { readonly is: "deletion"; readonly of: TargetKey }
  | { readonly is: "reaction"; readonly of: TargetKey; readonly emoji: string };

const REVOKE = 0;
const MESSAGE_EDIT = 14;

/**
 * Undefined for what nobody said.
 * @throws ZodError what cannot be read
 */
export function contentOf(message: unknown): Said | undefined {
  const inner = unwrapped(message);
  if (inner === undefined) return undefined;
  const content = Content.parse(inner);
  const { reactionMessage, protocolMessage } = content;
  if (reactionMessage?.key)
    return { is: "reaction", of: reactionMessage.key, emoji: reactionMessage.text ?? "" };
  if (protocolMessage) return changed(protocolMessage);
  return wordsOf(content, inner);
}

function changed({ type, key, editedMessage, timestampMs }: z.infer<typeof Protocol>): Said | undefined {
  if (type !== REVOKE && type !== MESSAGE_EDIT) return undefined;
  const of = Key.parse(key);
  if (type === REVOKE) return { is: "deletion", of };
  const said = contentOf(editedMessage);
  return said?.is === "words" ? { is: "edit", of, words: said, atMs: timestampMs } : undefined;
}

function unwrapped(message: unknown): object | undefined {
  let inner = message;
  for (let depth = 0; depth < MOST_WRAPPERS; depth += 1) {
    if (typeof inner !== "object" || inner === null) return undefined;
    const wrapped = Wrapped.parse(inner);
    const [next] = WRAPPERS.flatMap((name) => wrapped[name]?.message ?? []);
    if (next === undefined || next === null) return inner;
    inner = next;
  }
  return undefined;
}

function wordsOf(content: Content, all: object): Words | undefined {
  const { conversation, extendedTextMessage: extended } = content;
  if (typeof conversation === "string" && conversation !== "")
    return { is: "words", text: conversation, mentions: [] };
  if (extended) return { is: "words", text: extended.text ?? "", ...around(extended.contextInfo) };
  const file = fileOf(content);
  if (file) {
    const { caption, contextInfo } = file.from;
    const sticker = file.kind === "sticker" ? { nonText: "sticker" } : {};
    return { is: "words", text: caption ?? "", file, ...sticker, ...around(contextInfo) };
  }
  const other = otherOf(content);
  if (other) return other;
  const unknown = Object.entries(all).find(
    ([name, value]) => value !== null && value !== undefined && !SILENT.includes(name),
  );
  return unknown && { is: "words", text: "", nonText: "unknown kind", mentions: [] };
}

function otherOf(content: Content): Words | undefined {
  const { contactMessage: contact, contactsArrayMessage: contacts, eventMessage: event } = content;
  const place = content.locationMessage ?? content.liveLocationMessage;
  const poll = content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3;
  if (place) {
    const where = `${place.degreesLatitude ?? "?"}, ${place.degreesLongitude ?? "?"}`;
    const named = [place.name, place.address, place.caption].filter(
      (part) => part !== null && part !== undefined && part !== "",
    );
    const text = named.length > 0 ? `${named.join(", ")} (${where})` : where;
    return { is: "words", text, nonText: "location", ...around(place.contextInfo) };
  }
  if (contact || contacts) {
    const people = contact ? [contact] : (contacts?.contacts ?? []);
    const context = contact?.contextInfo ?? contacts?.contextInfo;
    return { is: "words", text: people.map(cardOf).join("\n"), nonText: "contact", ...around(context) };
  }
  if (poll) {
    const options = (poll.options ?? []).map(({ optionName }) => `- ${optionName ?? ""}`);
    const text = [poll.name ?? "", ...options].join("\n");
    return { is: "words", text, nonText: "poll", ...around(poll.contextInfo) };
  }
  if (!event) return undefined;
  const text = [event.name, event.description].filter(Boolean).join("\n");
  return { is: "words", text, nonText: "event", ...around(event.contextInfo) };
}

function cardOf({ displayName, vcard }: z.infer<typeof Contact>): string {
  const phones = [...(vcard ?? "").matchAll(/^TEL[^:\n]*:(.+)$/gm)].map(([, phone = ""]) => phone.trim());
  return [displayName ?? "", ...phones].join(" ").trim();
}

function around(context: Context): Pick<Words, "quoted" | "mentions" | "forwarded"> {
  const mentions = context?.mentionedJid ?? [];
  const forwarded = context?.isForwarded === true ? { forwarded: true } : {};
  const id = context?.stanzaId ?? "";
  if (id === "") return { mentions, ...forwarded };
  return { quoted: { id, text: quotedText(context?.quotedMessage) }, mentions, ...forwarded };
}

/** What cannot be read of a quote leaves the message that quotes it as it is. */
function quotedText(message: unknown): string | undefined {
  const inner = Content.safeParse(unwrapped(message) ?? {});
  const words = inner.success ? wordsOf(inner.data, {}) : undefined;
  return words?.text === "" ? undefined : words?.text;
}

/** With a name and a type for what has none. */
function fileOf(content: Content): Attached | undefined {
  const named = (from: z.infer<typeof Media> | null | undefined, kind: MediaKind, type: string) =>
    from && {
      kind,
      name: from.fileName ?? nameFor(kind, from.mimetype ?? type),
      type: (from.mimetype ?? type).split(";")[0],
      bytes: from.fileLength,
      from,
    };
  return (
    named(content.imageMessage, "image", "image/jpeg") ??
    named(content.videoMessage ?? content.ptvMessage, "video", "video/mp4") ??
    named(content.audioMessage, "audio", "audio/ogg") ??
    named(content.documentMessage, "document", "application/octet-stream") ??
    named(content.stickerMessage, "sticker", "image/webp") ??
    undefined
  );
}

function nameFor(kind: MediaKind, type: string): string {
  const [, end = ""] = /^\w+\/([\w-]+)/.exec(type) ?? [];
  const endings: Record<string, string> = {
    jpeg: "jpg",
    mpeg: "mp3",
    quicktime: "mov",
    "octet-stream": "bin",
  };
  return kind === "document" ? "file" : `${kind}.${endings[end] ?? end}`;
}
