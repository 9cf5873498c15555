/**
 * A connection to the fake server that behaves as Baileys' do: its own buffer of events, its own reading of stanzas;
 * it confirms a message before it hands it out, and refuses what Baileys refuses.
 */
import { Boom } from "@hapi/boom";
import {
  type BinaryNode,
  cleanMessage,
  decryptMessageNode,
  DEFAULT_CONNECTION_CONFIG,
  jidNormalizedUser,
  makeEventBuffer,
  type proto,
  type WAMessage,
} from "baileys";
import type { PeerCall, PeerFault } from "@bellhop/sdk/testing";
import { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import type { MakeSocket, SocketOptions, WhatsAppSocket } from "../../src/socket.ts";
import { fileIn } from "./media.ts";
import { carried, type Connected, type FakeChat, type FakeServer, type Me } from "./server.ts";

const MOST_LENGTH = 65_536;
const LATE_MS = 600_000;

const idsOf = ({ phone, lid }: Me) => ({ id: `${phone}:7@s.whatsapp.net`, lid: `${lid}:7@lid` });

/** What a code says that the server calls so: as long as Baileys', for a phone must be able to read it. */
export function qrContent(code: string): string {
  const keys = [1, 2, 3].map((number) => Buffer.alloc(32, `${code} ${number}`).toString("base64"));
  const ref = `2@${code}/${Buffer.alloc(96, code).toString("base64")}`;
  return `https://wa.me/settings/linked_devices#${[ref, ...keys, "1"].join(",")}`;
}

export function socketsTo(server: FakeServer): MakeSocket {
  return async (options) => connect(server, options);
}

/** What pairing adds to the credentials of a device. */
export const linkedBy = (me: Me) => ({
  me: { ...idsOf(me), name: me.name },
  account: { details: new Uint8Array([1]) },
});

function connect(server: FakeServer, { auth: { creds }, log, sentAs }: SocketOptions): WhatsAppSocket {
  const logger = { ...DEFAULT_CONNECTION_CONFIG.logger, level: "silent" };
  const quiet = Object.assign(Object.create(DEFAULT_CONNECTION_CONFIG.logger), logger);
  const ev = makeEventBuffer(quiet);
  const ws = new EventEmitter();
  const answers = new EventEmitter();
  let isOpen = true;
  let turn = Promise.resolve();
  const { id: myId, lid: myLid } = idsOf(server.me);

  const closed = (statusCode: number) => new Boom("Connection Closed", { statusCode });

  async function end(why: Error | undefined): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    server.gone(connection);
    answers.emit("close", why ?? closed(428));
    await Promise.resolve();
    ev.emit("connection.update", { connection: "close", lastDisconnect: { error: why, date: new Date() } });
    ev.removeAllListeners("connection.update");
    ev.destroy();
  }

  function showCode(): void {
    server.codes.push(`qr-${server.codes.length + 1}`);
    ev.emit("connection.update", { qr: qrContent(server.codes.at(-1) ?? "") });
    server.changes.note();
  }

  const connection: Connected = {
    rotate: showCode,
    deliver(stanza) {
      if (isOpen) ws.emit("CB:message", stanza);
      return isOpen;
    },
    close: (status) => void end(closed(status)),
    sentAs,
    pair(by) {
      const linked = linkedBy(by);
      Object.assign(creds, linked);
      ev.emit("creds.update", linked);
      ev.emit("connection.update", { isNewLogin: true });
      server.soon(() => void end(closed(515)));
    },
  };

  /** In their order, each confirmed before anybody is told of it. */
  ws.on("CB:message", (stanza: BinaryNode) => {
    turn = take(turn, stanza).catch((error: unknown) =>
      log.error("the fake could not read a stanza", { why: String(error) }),
    );
  });

  async function take(before: Promise<void>, stanza: BinaryNode): Promise<void> {
    await before;
    const { fullMessage: message, decrypt } = decryptMessageNode(stanza, myId, myLid, NO_SIGNAL, quiet);
    await decrypt();
    if (!isOpen) return;
    server.acknowledge(message.key.id ?? "");
    cleanMessage(message, myId, myLid);
    ev.buffer();
    ev.emit("messages.upsert", { messages: [message], type: "notify" });
    ev.flush();
  }

  server.soon(() => {
    const refused = server.connect(connection);
    if (refused !== undefined) return void end(closed(refused));
    if (!creds.account) return showCode();
    ev.emit("creds.update", { me: linkedBy(server.me).me });
    ev.emit("connection.update", { connection: "open" });
    server.begin(connection);
    server.changes.note();
  });

  async function relayMessage(
    jid: string,
    content: proto.IMessage,
    { messageId = "" }: { messageId?: string },
  ): Promise<string> {
    if (!isOpen) throw closed(428);
    const call = kindOf(content);
    const chat = server.chats.get(jid);
    if (!/^3EB0[0-9A-F]{18}$/.test(messageId)) throw new Error(`"${messageId}" is no id of a message`);
    if (!chat) throw new Boom("item-not-found", { statusCode: 404 });
    const told = (attrs: Record<string, string>) =>
      server.soon(() =>
        answers.emit(messageId, { tag: "ack", attrs: { class: "message", id: messageId, ...attrs } }),
      );
    const fault = server.faults.next(call);
    const refusal = fault && refusalOf(fault);
    if (refusal !== undefined) {
      server.note(call, "relay", false, fault?.how);
      told({ error: refusal });
      return messageId;
    }
    const applied = await apply(server, chat, messageId, carried(content));
    server.note(call, "relay", applied, fault?.how);
    if (fault?.how === "drop after accept" || fault?.how === "truncate") {
      void end(closed(428));
      return messageId;
    }
    if (fault?.how === "delay" && fault.ms >= LATE_MS) return messageId; // it never comes
    if (fault?.how === "delay") setTimeout(() => told({}), fault.ms).unref();
    else told({});
    return messageId;
  }

  return {
    ev,
    ws: ws as unknown as WhatsAppSocket["ws"], // an emitter, as Baileys' is, without its connection
    get user() {
      return creds.me;
    },
    end,
    relayMessage,

    // Its type is whatever the caller wants; what comes is a stanza.
    async waitForMessage<T>(id: string, ms?: number): Promise<T | undefined> {
      const answer = Promise.withResolvers<T | undefined>();
      const close = (error: Error): void => answer.reject(error);
      const timer = setTimeout(() => answer.resolve(undefined), ms);
      answers.once(id, answer.resolve);
      answers.once("close", close);
      try {
        return await answer.promise;
      } finally {
        clearTimeout(timer);
        answers.removeAllListeners(id);
        answers.off("close", close);
      }
    },

    async waUploadToServer(path: string) {
      const directPath = `/v/f${server.files.size + 1}`;
      server.files.set(directPath, await readFile(path));
      return { mediaUrl: `https://mmg.whatsapp.net${directPath}`, directPath };
    },

    async updateMediaMessage(): Promise<WAMessage> {
      throw new Boom("Media re-upload failed by device", { statusCode: 404 });
    },

    async sendPresenceUpdate(type: string, jid?: string) {
      if (!isOpen) throw closed(428);
      const chat = server.chats.get(jid ?? "");
      if (chat && type === "composing") chat.typings += 1;
      server.note("typing", type, chat !== undefined);
    },

    async groupMetadata(jid: string) {
      if (!isOpen) throw closed(428);
      server.asked.push(jid);
      const chat = server.chats.get(jid);
      if (!chat || chat.title === undefined) throw new Boom("item-not-found", { statusCode: 404 });
      const participants = [...chat.members].map((id) => ({ id }));
      return { id: jid, subject: chat.title, owner: undefined, participants };
    },

    async readMessages(keys) {
      server.asked.push(...keys.map(({ id }) => `read ${id}`));
      server.changes.note();
    },

    async onWhatsApp(...jids: string[]) {
      if (!isOpen) throw closed(428);
      return jids.map((jid) => ({ jid, exists: server.chats.has(jid) }));
    },

    async requestPairingCode(phone: string) {
      if (!/^\d+$/.test(phone)) throw new Error(`"${phone}" is no number`);
      Object.assign(creds, { me: { id: `${phone}@s.whatsapp.net`, name: "~" } });
      ev.emit("creds.update", creds);
      server.codes.push(phone);
      server.changes.note();
      return "ABCD2345";
    },
  };
}

/** Nothing is encrypted here; who has which other address is said by each stanza. */
const NO_SIGNAL = {
  lidMapping: { getLIDForPN: async () => null, storeLIDPNMappings: async () => undefined },
} as unknown as Parameters<typeof decryptMessageNode>[3];

/** With which number it refuses a message; undefined where it takes it. */
function refusalOf(fault: PeerFault): string | undefined {
  if (fault.how === "refuse") return "479";
  if (fault.how === "slow down") return "429";
  return fault.how === "server error" ? String(fault.status) : undefined;
}

function kindOf(content: proto.IMessage): PeerCall {
  if (content.reactionMessage) return "react";
  if (content.protocolMessage) return "edit";
  const isText = content.extendedTextMessage ?? content.conversation;
  return isText === null || isText === undefined ? "file" : "send";
}

/** What people see then. @returns whether anything changed */
async function apply(
  server: FakeServer,
  chat: FakeChat,
  id: string,
  content: proto.IMessage,
): Promise<boolean> {
  const { reactionMessage, protocolMessage, extendedTextMessage } = content;
  const target = reactionMessage?.key ?? protocolMessage?.key;
  const meant = chat.messages.get(target?.id ?? "");
  if (reactionMessage) {
    if (!meant || (target?.fromMe === true) !== (meant.from === "us")) return false;
    if (
      chat.title !== undefined &&
      meant.from !== "us" &&
      jidNormalizedUser(target?.participant ?? "") !== meant.author
    )
      return false;
    meant.reactions.set("us", reactionMessage.text ?? "");
    return true;
  }
  if (protocolMessage) {
    if (meant?.from !== "us" || !protocolMessage.editedMessage) return false;
    server.show(chat, Object.assign(meant, { content: protocolMessage.editedMessage }));
    return true;
  }
  if ((extendedTextMessage?.text ?? "").length > MOST_LENGTH) throw new Boom("too long", { statusCode: 400 });
  // Who has a message shows it no second time.
  if (chat.messages.has(id)) return false;
  const file = await fileIn(server, content);
  server.show(chat, { id, from: "us", author: idsOf(server.me).id, content, file, reactions: new Map() });
  return true;
}
