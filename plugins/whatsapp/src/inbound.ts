/**
 * From a message of WhatsApp's to what a person did.
 *
 * - A person and their chat have one id, whichever of their two addresses a message bears (people.ts).
 * - A change or a deletion counts only from whom WhatsApp's own apps would take it: the author, or for a deletion an
 *   admin of the group.
 * - Passed over: status messages, channels, what we sent ourselves, and what programs say to each other.
 */
import type { WAMessage } from "baileys";
import type { Inbound, InboundFile } from "@bellhop/sdk";
import { z } from "zod";
import { type Attached, contentOf, Count, type Said, type TargetKey, type Words } from "./content.ts";
import type { Messages } from "./messages.ts";
import type { People } from "./people.ts";

export interface Here {
  readonly me: { readonly id: string; readonly lid?: string | undefined; readonly name?: string | undefined };
  readonly people: People;
  readonly messages: Messages;
  readonly titleOf: (group: string) => Promise<string | undefined>;
  readonly isAdmin: (group: string, jid: string) => Promise<boolean>;
  readonly open: (message: WAMessage, file: Attached, signal: AbortSignal) => ReturnType<InboundFile["open"]>;
}

const Envelope = z.object({
  key: z.object({
    remoteJid: z.string(),
    id: z.string().min(1),
    fromMe: z.boolean().nullish(),
    participant: z.string().nullish(),
    remoteJidAlt: z.string().nullish(),
    participantAlt: z.string().nullish(),
  }),
  pushName: z.string().nullish(),
  messageTimestamp: Count,
  messageStubType: z.number().nullish(),
});
type Envelope = z.infer<typeof Envelope>;

const CIPHERTEXT = 2;

/** Where a message stands and whose it is. */
type Place = Pick<Inbound, "chat" | "direct" | "sender" | "sentAt"> & {
  readonly id: string;
  readonly group: string | undefined;
  /** Its sender, as WhatsApp names them here. */
  readonly jid: string;
};

/** @throws ZodError what cannot be read */
export async function toInbound(
  message: WAMessage,
  here: Here,
): Promise<Inbound | "undecrypted" | undefined> {
  const envelope = Envelope.parse(message);
  const place = placeOf(envelope, here);
  if (!place) return undefined;
  const { id, chat } = place;
  const before = here.messages.find(chat, id);
  // Ours: we sent it, and it is told to us by another way.
  if (envelope.key.fromMe === true && before?.content !== undefined) return undefined;
  const said = contentOf(message.message);
  if (!said) return envelope.messageStubType === CIPHERTEXT && !place.sender.self ? "undecrypted" : undefined;
  const inbound = await made(said, place, message, here);
  if (!inbound) return undefined;
  const chatTitle = await titleOf(place, here);
  return { ...inbound, ...(chatTitle === undefined ? {} : { chatTitle }) };
}

/** That something came which nobody could read, and never was; should it be read later, it is a message of its own. */
export async function unreadable(message: WAMessage, here: Here): Promise<Inbound | undefined> {
  const place = placeOf(Envelope.parse(message), here);
  if (!place || here.messages.find(place.chat, place.id)) return undefined;
  const chatTitle = await titleOf(place, here);
  return {
    ...common(place),
    platformId: `undecrypted-${place.id}`,
    kind: "message",
    version: 0,
    text: "",
    nonText: "message that could not be decrypted",
    ...(chatTitle === undefined ? {} : { chatTitle }),
  };
}

async function titleOf({ group, chat }: Place, { people, titleOf: find }: Here): Promise<string | undefined> {
  return group === undefined ? people.nameOf(chat) : await find(group);
}

async function made(said: Said, place: Place, message: WAMessage, here: Here): Promise<Inbound | undefined> {
  const { id, chat, jid, sentAt } = place;
  switch (said.is) {
    case "words":
      here.messages.keep(chat, id, {
        ...(place.sender.self ? {} : { author: jid }),
        text: said.text,
      });
      return {
        ...common(place),
        platformId: id,
        kind: "message",
        version: 0,
        ...spoken(said, message, here),
      };
    case "edit":
      if (!isAuthor(said.of, place, here)) return undefined;
      return {
        ...common(place),
        platformId: said.of.id,
        kind: "edit",
        version: Math.max(1, said.atMs ?? sentAt ?? 1),
        ...spoken(said.words, message, here),
      };
    case "deletion": {
      const { group } = place;
      const may = isAuthor(said.of, place, here) || (group !== undefined && (await here.isAdmin(group, jid)));
      if (!may) return undefined;
      return { ...common(place), platformId: said.of.id, kind: "delete", version: 0, text: "" };
    }
    case "reaction":
      return {
        ...common(place),
        platformId: id,
        kind: "reaction",
        version: 0,
        text: said.emoji,
        replyTo: said.of.id,
      };
    default:
      return said satisfies never;
  }
}

function common({ chat, direct, sender, sentAt }: Place) {
  return { chat, direct, sender, ...(sentAt === undefined ? {} : { sentAt }) };
}

function spoken({ text, nonText, file, quoted, mentions, forwarded }: Words, message: WAMessage, here: Here) {
  const us = [here.me.id, here.me.lid].flatMap((jid) => (jid === undefined ? [] : bare(jid)));
  return {
    text,
    ...(nonText === undefined ? {} : { nonText }),
    ...(mentions.some((jid) => us.includes(bare(jid))) ? { mentionsUs: true } : {}),
    ...(quoted ? { replyTo: quoted.id } : {}),
    ...(quoted?.text === undefined ? {} : { quote: quoted.text }),
    ...(forwarded === true ? { forwarded: "" } : {}),
    ...(file ? { files: [attached(file, message, here)] } : {}),
  };
}

function attached(file: Attached, message: WAMessage, { open }: Here): InboundFile {
  const { name, type, bytes } = file;
  return { name, type, bytes, open: (signal) => open(message, file, signal) };
}

/** Without its device. */
const bare = (jid: string) => jid.replace(/(?:_\d+)?(?::\d+)?@/, "@");

function placeOf({ key, pushName, messageTimestamp }: Envelope, { me, people }: Here): Place | undefined {
  const { remoteJid, remoteJidAlt, participant, participantAlt, id } = key;
  const self = key.fromMe === true;
  const group = remoteJid.endsWith("@g.us") ? remoteJid : undefined;
  if (group === undefined && !/@(?:s\.whatsapp\.net|lid|bot|c\.us)$/.test(remoteJid)) return undefined;
  const jid = self ? me.id : group === undefined ? remoteJid : (participant ?? "");
  const alt = self ? me.lid : group === undefined ? remoteJidAlt : participantAlt;
  const senderId = people.idOf({ jid, alt, name: self ? me.name : pushName });
  const chat = group ?? (self ? people.idOf({ jid: remoteJid, alt: remoteJidAlt }) : senderId);
  if (senderId === undefined || chat === undefined) return undefined;
  return {
    id,
    group,
    jid,
    chat,
    direct: group === undefined,
    sender: {
      id: senderId,
      name: people.nameOf(senderId) ?? senderId,
      ...(self ? { self: true } : {}),
      ...(isBot(jid) ? { bot: true } : {}),
    },
    ...(messageTimestamp === undefined ? {} : { sentAt: messageTimestamp * 1_000 }),
  };
}

/** WhatsApp's own assistants; a program on an account like ours cannot be told from a person. */
const isBot = (jid: string) => jid.endsWith("@bot") || /^13135550002(?::\d+)?@/.test(jid);

/** Of the message that is meant; where it is not known, WhatsApp's word is taken. */
function isAuthor({ id, participant }: TargetKey, { chat, jid, sender }: Place, here: Here): boolean {
  const known = here.messages.find(chat, id);
  if (known?.content !== undefined) return sender.self === true;
  const author = known?.author ?? (participant || undefined);
  if (author === undefined) return true;
  if (bare(author) === bare(jid)) return true;
  return here.people.idOf({ jid: author }) === sender.id;
}
