/** The fake as the contract suite wants it: people who write on it, and what they see. */
import type { Channel } from "@bellhop/sdk";
import type { ChannelPeer, PeerChat, PeerFault, PeerMessage, PeerPerson } from "@bellhop/sdk/testing";
import { proto } from "baileys";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAccount, openedOnce } from "../../src/account.ts";
import { createWhatsApp, type WhatsAppOptions } from "../../src/channel.ts";
import { placesOf } from "../../src/settings.ts";
import { readStars } from "../../../whatsapp-cloud/test/fake/stars.ts";
import { downloadFrom, uploaded } from "./media.ts";
import { createFakeServer, type FakeChat, type FakeMessage, type FakeServer, ME } from "./server.ts";
import { linkedBy, socketsTo } from "./socket.ts";

/** How long the adapter waits for an answer here. */
const PATIENCE_MS = 1_000;
export const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

export function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

/** What goes wrong with a whole connection, and with no single call. */
const OF_LISTENING: readonly PeerFault["how"][] = ["unauthorised", "close mid-frame", "duplicate", "reorder"];

export async function openWhatsAppPeer(options: PeerOptions = {}): Promise<ChannelPeer> {
  const { peer } = await openPeer(options);
  return peer;
}

export interface PeerOptions extends Partial<Pick<WhatsAppOptions, "patience" | "log" | "now">> {
  readonly settings?: unknown;
  /** Of the account, from 1. */
  readonly number?: number;
  readonly server?: FakeServer;
  /** Where the files of all accounts are; one of its own, and removed, where it is absent. */
  readonly folder?: string;
}

interface Linking {
  /** Of the account, from 1. */
  readonly number?: number;
  readonly me?: FakeServer["me"];
}

export async function openPeer(more: PeerOptions = {}) {
  const { settings, number = 1, server = createFakeServer(), folder: given, ...options } = more;
  const folder = given ?? (await mkdtemp(join(tmpdir(), "bellhop-whatsapp-")));
  const place = placesOf(settings, {}).find((one) => one.number === number) ?? nowhere();
  const accounts: { close(): Promise<void> }[] = [];
  const groups = new Map<string, FakeChat>();
  const linking = { number, me: server.me };
  await link(folder, linking);

  function connect(): Channel {
    const account = openedOnce(folder, Date.now, number);
    accounts.push(account);
    return createWhatsApp({
      name: place.account,
      settings: place.settings,
      account,
      makeSocket: socketsTo(server),
      download: downloadFrom(server),
      patience: { openMs: 5_000, readyMs: 1_000, ackMs: PATIENCE_MS, slowMs: 1_000, undecryptedMs: 60_000 },
      rate: { account: { calls: 1_000, perMs: 1_000 } },
      after,
      now: Date.now,
      log: QUIET,
      ...options,
    });
  }

  const peer: ChannelPeer = {
    connect,
    patienceMs: PATIENCE_MS,
    idOf: (person) => (person.bot === true ? `${person.id}@bot` : person.id),
    direct: (person) => chatPeer(server, server.open(jidOf(person))),
    group(title) {
      const chat = groups.get(title) ?? server.open(`12036300000000000${groups.size}@g.us`, title);
      groups.set(title, chat);
      return chatPeer(server, chat);
    },
    fault(call, fault) {
      if (fault.how === "unreachable") {
        server.goAway();
        return true;
      }
      // Baileys finds that out, below what is faked.
      if (fault.how === "go silent" || fault.how === "trickle") return false;
      if (OF_LISTENING.includes(fault.how) && call !== "listen") return false;
      server.faults.set(call, fault);
      return true;
    },
    applied: server.journal.applied,
    asked: server.journal.asked,
    cut: () => server.cut(),
    async mend() {
      server.comeBack();
      await link(folder, linking); // what its operator does where it was unlinked
    },
    changed: server.changes.changed,
    async close() {
      for (const account of accounts) await account.close();
      if (given === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
  return { peer, server, folder };
}

function nowhere(): never {
  throw new Error("there are not so many accounts");
}

/** As if a phone had taken the device in. */
export async function link(folder: string, { number = 1, me = ME }: Linking = {}): Promise<void> {
  const { keys, close } = await openAccount(folder, Date.now, number);
  const creds = keys.creds();
  if (!creds.account) keys.save({ ...creds, ...linkedBy(me) });
  close();
}

export const jidOf = ({ id, bot }: PeerPerson) => `${id}@${bot === true ? "bot" : "s.whatsapp.net"}`;

/** The other address of a person. */
const lidOf = ({ id }: PeerPerson) => `88${id}@lid`;

export function chatPeer(server: FakeServer, chat: FakeChat): PeerChat {
  const isGroup = chat.title !== undefined;

  const nextNumber = (): string => String((chat.written += 1)).padStart(8, "0");

  function put(person: PeerPerson, content: proto.IMessage): string {
    const id = `3A${chat.jid.slice(0, 6)}${nextNumber()}${person.id}`;
    const author = jidOf(person);
    server.show(chat, { id, from: person.id, author, content, reactions: new Map() });
    chat.members.add(author);
    server.comes(attrsOf(person, id), content);
    return id;
  }

  function attrsOf(person: PeerPerson, id: string): Record<string, string> {
    const named = { id, notify: person.name };
    if (!isGroup) return { ...named, from: chat.jid, sender_lid: lidOf(person) };
    return { ...named, from: chat.jid, participant: jidOf(person), participant_lid: lidOf(person) };
  }

  /** Something about another message: a message of its own, which nobody sees. */
  function about(person: PeerPerson, content: proto.IMessage): void {
    server.comes(attrsOf(person, `3B${nextNumber()}${server.clock.now}`), content);
  }

  const keyOf = (id: string): proto.IMessageKey => {
    const message = chat.messages.get(id);
    if (!message) throw new Error(`there is no message ${id}`);
    const fromMe = message.from !== "us"; // as whoever writes sees it
    return { remoteJid: chat.jid, id, fromMe, ...(isGroup ? { participant: message.author } : {}) };
  };

  return {
    id: isGroup ? chat.jid : chat.jid.replace("@s.whatsapp.net", ""),

    async says(person, text, { replyTo, mentionsUs, file } = {}) {
      const contextInfo: proto.IContextInfo = {};
      const quoted = chat.messages.get(replyTo ?? "");
      if (quoted)
        Object.assign(contextInfo, {
          stanzaId: quoted.id,
          participant: quoted.author,
          quotedMessage: quoted.content,
        });
      if (mentionsUs === true) contextInfo.mentionedJid = [`${server.me.lid}@lid`];
      if (file) {
        const from = await uploaded(server, Buffer.from(file.content), "document");
        const documentMessage = {
          ...from,
          fileName: file.name,
          mimetype: file.type,
          caption: text,
          contextInfo,
        };
        return put(
          person,
          text === ""
            ? { documentMessage }
            : { documentWithCaptionMessage: { message: { documentMessage } } },
        );
      }
      const shown = mentionsUs === true ? `@${server.me.lid} ${text}` : text;
      if (!quoted && mentionsUs !== true) return put(person, { conversation: shown });
      return put(person, { extendedTextMessage: { text: shown, contextInfo } });
    },

    forwards: async (person, text) =>
      put(person, { extendedTextMessage: { text, contextInfo: { isForwarded: true, forwardingScore: 1 } } }),

    async edits(person, id, text) {
      const message = chat.messages.get(id);
      if (message) server.show(chat, Object.assign(message, { content: { conversation: text } }));
      about(person, {
        editedMessage: {
          message: {
            protocolMessage: {
              type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
              key: keyOf(id),
              editedMessage: { conversation: text },
              timestampMs: server.clock.now,
            },
          },
        },
      });
    },

    async deletes(person, id) {
      about(person, {
        protocolMessage: { type: proto.Message.ProtocolMessage.Type.REVOKE, key: keyOf(id) },
      });
      chat.messages.delete(id);
    },

    async reacts(person, id, emoji) {
      chat.messages.get(id)?.reactions.set(person.id, emoji);
      about(person, {
        reactionMessage: { key: keyOf(id), text: emoji, senderTimestampMs: server.clock.now },
      });
    },

    messages: () => [...chat.messages.values()].map(shown),
    typings: () => chat.typings,
  };
}

/** What people read. */
export function shown({ id, from, content, file, reactions }: FakeMessage): PeerMessage {
  const { conversation, extendedTextMessage: extended } = content;
  const inner = content.documentWithCaptionMessage?.message ?? content;
  const captioned = inner.documentMessage ?? inner.imageMessage ?? inner.videoMessage;
  const context = (extended ?? captioned ?? inner.audioMessage)?.contextInfo;
  return {
    platformId: id,
    from,
    text: readStars(conversation || extended?.text || captioned?.caption || ""),
    replyTo: context?.stanzaId || undefined,
    file,
    reaction: reactions.get("us"),
  };
}
