/**
 * WhatsApp's side, in memory: what stands in its chats, what waits for our device, and what goes wrong. Connections to
 * it are made by socket.ts. What people write is encoded by Baileys' own protocol buffers, and waits until it was
 * acknowledged.
 */
import {
  createChanges,
  createFaults,
  createJournal,
  type PeerCall,
  type PeerFault,
} from "@bellhop/sdk/testing";
import { type BinaryNode, proto, unpadRandomMax16, writeRandomPadMax16 } from "baileys";

/** Whose account it is. */
export interface Me {
  readonly phone: string;
  readonly lid: string;
  readonly name: string;
}
export const ME: Me = { phone: "4915100000001", lid: "990000000001", name: "Bell" };
export const OTHER_ME: Me = { phone: "4915100000002", lid: "990000000002", name: "Bell at work" };

export interface FakeMessage {
  readonly id: string;
  /** A person's id, or `us`. */
  readonly from: string;
  readonly author: string;
  content: proto.IMessage;
  readonly file?: { readonly kind: string; readonly name: string; readonly content: Uint8Array } | undefined;
  readonly reactions: Map<string, string>;
}

export interface FakeChat {
  /** Its address. */
  readonly jid: string;
  readonly title: string | undefined;
  readonly members: Set<string>;
  readonly messages: Map<string, FakeMessage>;
  /** How much people have written in it. */
  written: number;
  typings: number;
}

/** A connection, as the server sees it. */
export interface Connected {
  /** @returns false where it is closed */
  deliver(stanza: BinaryNode): boolean;
  close(status: number): void;
  /** Somebody scanned its code, or typed it, with the phone of that account. */
  pair?(by: Me): void;
  rotate?(): void;
  /** A phone could not open it. */
  sentAs(chat: string, id: string): Promise<proto.IMessage | undefined>;
}

export type FakeServer = ReturnType<typeof createFakeServer>;

/** The real thing answers after the network, never within the call. */
const soon = (work: () => void): void => void setTimeout(work, 1);

/** @param firstId ids of messages begin there: a server must not use those of the one before it */
export function createFakeServer(me: Me = ME, firstId = 0, clock = { now: 1_800_000_000_000 }) {
  const changes = createChanges();
  const journal = createJournal();
  const faults = createFaults();
  const chats = new Map<string, FakeChat>();
  const files = new Map<string, Buffer>();
  const waiting = new Map<number, BinaryNode>();
  const asked: string[] = [];
  let live: Connected | undefined;
  let away = false;
  let stanzas = 0;
  let held: BinaryNode | undefined;
  /** Codes that were shown. */
  const codes: string[] = [];
  const watchers: ((chat: FakeChat, message: FakeMessage) => void)[] = [];

  function note(
    call: PeerCall | undefined,
    method: string,
    applied: boolean,
    fault?: PeerFault["how"],
  ): void {
    journal.note({ call, method, path: "", applied, status: applied ? 200 : 400, fault });
    changes.note();
  }

  function open(jid: string, title?: string): FakeChat {
    const chat = chats.get(jid) ?? {
      jid,
      title,
      members: new Set(),
      messages: new Map(),
      written: firstId,
      typings: 0,
    };
    chats.set(jid, chat);
    return chat;
  }

  function handOut(number: number, stanza: BinaryNode): void {
    const connection = live;
    if (!connection) return;
    soon(() => {
      if (live !== connection || !waiting.has(number)) return;
      if (faults.next("listen", ["close mid-frame"])) return connection.close(428);
      connection.deliver(stanza);
      if (faults.next("listen", ["duplicate"])) connection.deliver(stanza);
    });
  }

  function queue(stanza: BinaryNode): void {
    if (!held && faults.next("listen", ["reorder"])) {
      held = stanza;
      return;
    }
    const all = held ? [stanza, held] : [stanza];
    held = undefined;
    for (const one of all) {
      const number = (stanzas += 1);
      waiting.set(number, one);
      handOut(number, one);
    }
  }

  return {
    me,
    clock,
    changes,
    journal,
    faults,
    chats,
    files,
    codes,
    asked,
    note,
    open,
    soon,

    /** It stands in the chat from then on, or reads otherwise. */
    show(chat: FakeChat, message: FakeMessage): void {
      chat.messages.set(message.id, message);
      for (const watch of watchers) watch(chat, message);
    },
    /** Called for each message that is shown, and for each that is changed by an edit. */
    onShown: (watch: (chat: FakeChat, message: FakeMessage) => void): void => void watchers.push(watch),
    get isAway() {
      return away;
    },

    /** @returns why it is refused */
    connect(connection: Connected): number | undefined {
      note("listen", "connect", false);
      if (away) return 428;
      if (faults.next("listen", ["unauthorised"])) return 401;
      if (faults.next("listen", ["server error"])) return 503;
      const other = live;
      live = connection;
      other?.close(440);
      return undefined;
    },

    /** All that waits, in its order, once it is connected. */
    begin(connection: Connected): void {
      if (live !== connection) return;
      for (const [number, stanza] of waiting) handOut(number, stanza);
    },

    gone(connection: Connected): void {
      if (live === connection) live = undefined;
      changes.note();
    },

    /** It is not sent again. */
    acknowledge(id: string): void {
      for (const [number, { attrs }] of waiting) if (attrs["id"] === id) waiting.delete(number);
      changes.note();
    },
    waiting: () => waiting.size,

    /** A message comes for our device. */
    comes(attrs: Record<string, string>, content: proto.IMessage | Uint8Array | undefined): void {
      clock.now += 1_000;
      const bytes =
        content instanceof Uint8Array || content === undefined
          ? content
          : proto.Message.encode(proto.Message.fromObject(content)).finish();
      queue({
        tag: "message",
        attrs: { t: String(Math.floor(clock.now / 1_000)), ...attrs },
        content: bytes ? [{ tag: "plaintext", attrs: {}, content: bytes }] : [],
      });
      changes.note();
    },

    goAway(): void {
      away = true;
      live?.close(428);
    },
    comeBack(): void {
      away = false;
      faults.clear();
    },
    cut: (status = 428): void => live?.close(status),
    isLive: (): boolean => live !== undefined,
    pair: (by = me): void => live?.pair?.(by),
    /** Another code in the place of the one that is shown. */
    rotate: (): void => live?.rotate?.(),
    asksAgain: async (chat: string, id: string) => await live?.sentAs(chat, id),
  };
}

/** As WhatsApp carries it: nothing that its protocol buffers do not know survives. */
export function carried(content: proto.IMessage): proto.IMessage {
  const padded = writeRandomPadMax16(proto.Message.encode(content).finish());
  return proto.Message.decode(unpadRandomMax16(padded));
}
