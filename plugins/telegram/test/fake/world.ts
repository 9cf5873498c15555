/** One bot's side of Telegram: its chats with what stands in them, what waits for it, and the files of both. */
import { createFeed } from "@bellhop/sdk/testing";
import type { PeerPerson } from "@bellhop/sdk/testing";

export interface FakeFile {
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
}

export interface FakeMessage {
  readonly id: number;
  /** `us`: the bot. */
  readonly from: PeerPerson | "us";
  readonly topic: number | undefined;
  text: string;
  /** What is marked how. */
  entities: readonly string[];
  readonly replyTo?: number | undefined;
  readonly file?: FakeFile | undefined;
  readonly method?: string | undefined;
  buttons?: readonly { readonly id: string; readonly label: string }[] | undefined;
  reaction?: string | undefined;
  /** Of people, by their id. */
  readonly reactions: Map<string, string>;
}

export interface FakeChat {
  id: number;
  readonly type: "private" | "group" | "supergroup";
  readonly title: string;
  readonly members: number;
  readonly messages: Map<number, FakeMessage>;
  readonly topics: Set<number>;
  typings: Map<number | undefined, number>;
  /** Where it went when it became a supergroup. */
  movedTo?: number;
  nextMessage: number;
}

export type World = ReturnType<typeof createWorld>;

export interface BotName {
  readonly token: string;
  readonly id: number;
  readonly username: string;
}

/** Telegram numbers updates from anywhere. */
export const FIRST_UPDATE = 500_000;

export function createWorld(bot: BotName, now: () => number) {
  const chats = new Map<number, FakeChat>();
  const files = new Map<string, FakeFile>();
  const presses = new Set<string>();
  /** Addresses that Telegram has asked for, to show what is there. */
  const asked: string[] = [];
  let date = Math.floor(now() / 1_000);
  let nextFile = 1;

  function open(id: number, type: FakeChat["type"], title: string, members: number): FakeChat {
    const known = chats.get(id);
    if (known) return known;
    const chat: FakeChat = {
      id,
      type,
      title,
      members,
      messages: new Map(),
      topics: new Set(),
      typings: new Map(),
      nextMessage: 1,
    };
    chats.set(id, chat);
    return chat;
  }

  return {
    bot,
    chats,
    files,
    presses,
    asked,
    feed: createFeed<object>(),
    open,
    /** Seconds, as Telegram has them: two messages may share one. */
    date: () => (date = Math.max(date, Math.floor(now() / 1_000))),

    put(chat: FakeChat, message: Omit<FakeMessage, "id" | "reactions">): FakeMessage {
      const put = { ...message, id: chat.nextMessage++, reactions: new Map() };
      chat.messages.set(put.id, put);
      return put;
    },

    keep(file: FakeFile): string {
      const id = `file-${nextFile++}`;
      files.set(id, file);
      return id;
    },
  };
}
