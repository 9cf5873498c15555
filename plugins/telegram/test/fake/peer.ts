/** The fake as the contract suite wants it: people who write on it, and what they see. */
import { type Channel, createWire } from "@bellhop/sdk";
import type { ChannelPeer, PeerChat, PeerMessage, PeerPerson } from "@bellhop/sdk/testing";
import { createTelegram } from "../../src/channel.ts";
import { type FakeBotApi, openFakeBotApi } from "./bot-api.ts";
import { chatJson } from "./methods.ts";
import { type BotName, type FakeChat, type FakeMessage, type World } from "./world.ts";

export const BOT: BotName = {
  token: "4242:AAHrandom-letters-of-a-token-000001",
  id: 4242,
  username: "TheBellBot",
};

/** How long the adapter waits for an answer here. */
const PATIENCE_MS = 1_500;

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

export async function openTelegramPeer(): Promise<ChannelPeer> {
  const api = await openFakeBotApi({ bots: [BOT] });
  const world = worldOf(api, BOT);
  const { server } = api;
  const wires: { close(): void }[] = [];
  const groups = new Map<string, FakeChat>();

  function connect(): Channel {
    const wire = createWire();
    wires.push(wire);
    const { channel } = createTelegram({
      account: "",
      token: BOT.token,
      apiRoot: server.url,
      wire,
      callMs: PATIENCE_MS,
      pace: { pollSeconds: 1, graceMs: 500 },
      now: Date.now,
      log: QUIET,
    });
    return channel;
  }

  return {
    connect,
    patienceMs: PATIENCE_MS,
    direct: (person) => chatPeer(api, world, world.open(Number(person.id), "private", person.name, 2)),
    group(title) {
      const chat = groups.get(title) ?? world.open(-1_001_000_000_000 - groups.size, "supergroup", title, 5);
      groups.set(title, chat);
      return chatPeer(api, world, chat);
    },
    thread(group, title) {
      const chat = world.chats.get(Number(group.id));
      if (!chat) throw new Error("there is no such group");
      // Its id is that of the message that Telegram puts there for it.
      const { id } = world.put(chat, { from: "us", topic: undefined, text: `topic: ${title}`, entities: [] });
      chat.messages.delete(id);
      chat.topics.add(id);
      return chatPeer(api, world, chat, id);
    },
    fault(call, fault) {
      if (fault.how === "duplicate" || fault.how === "reorder") {
        if (call !== "listen") return false;
        world.feed.fault(fault);
        return true;
      }
      return server.fault(call, fault);
    },
    applied: server.journal.applied,
    asked: server.journal.asked,
    cut: server.cut,
    mend: server.mend,
    changed: server.changes.changed,
    async close() {
      for (const wire of wires) wire.close();
      await api.close();
    },
  };
}

export function worldOf(api: FakeBotApi, { token }: BotName): World {
  const world = api.worlds.get(token);
  if (!world) throw new Error("there is no such bot");
  return world;
}

export function chatPeer(api: FakeBotApi, world: World, chat: FakeChat, topic?: number): PeerChat {
  const here = () => [...chat.messages.values()].filter((message) => message.topic === topic);

  function messageJson(message: FakeMessage) {
    const { id, from, text, replyTo } = message;
    const { bot } = world;
    return {
      message_id: id,
      date: world.date(),
      chat: chatJson(chat),
      from: from === "us" ? { id: bot.id, is_bot: true, first_name: bot.username } : userJson(from),
      ...(topic === undefined ? {} : { message_thread_id: topic, is_topic_message: true }),
      // In a topic, Telegram says of whatever answers nothing that it answers the topic's first message.
      ...((replyTo ?? topic) === undefined
        ? {}
        : { reply_to_message: { message_id: replyTo ?? topic, date: 0, chat: chatJson(chat) } }),
      ...(message.file ? fileJson(world, message) : { text, ...entitiesJson(text, bot.username) }),
    };
  }

  function messageOf(platformId: string): FakeMessage {
    const message = chat.messages.get(Number(platformId));
    if (!message) throw new Error(`there is no message ${platformId}`);
    return message;
  }

  return {
    id: topic === undefined ? String(chat.id) : `${chat.id}:${topic}`,

    async says(person, text, also = {}) {
      const message = world.put(chat, {
        from: person,
        topic,
        text: also.mentionsUs === true ? `@${world.bot.username} ${text}` : text,
        entities: [],
        replyTo: also.replyTo === undefined ? undefined : Number(also.replyTo),
        file: also.file,
      });
      api.tell(world, { message: messageJson(message) });
      return String(message.id);
    },

    async forwards(person, text) {
      const message = world.put(chat, { from: person, topic, text, entities: [] });
      const forward_origin = { type: "hidden_user", date: world.date(), sender_user_name: "Zoe" };
      api.tell(world, { message: { ...messageJson(message), forward_origin } });
      return String(message.id);
    },

    async edits(_person, platformId, text) {
      const message = messageOf(platformId);
      message.text = text;
      api.tell(world, { edited_message: { ...messageJson(message), edit_date: world.date() } });
    },

    async reacts(person, platformId, emoji) {
      const { reactions } = messageOf(platformId);
      const before = reactions.get(person.id) ?? "";
      reactions.set(person.id, emoji);
      const list = (one: string) => (one === "" ? [] : [{ type: "emoji", emoji: one }]);
      api.tell(world, {
        message_reaction: {
          chat: chatJson(chat),
          message_id: Number(platformId),
          user: userJson(person),
          date: world.date(),
          old_reaction: list(before),
          new_reaction: list(emoji),
        },
      });
    },

    async presses(person, platformId, button) {
      const message = messageOf(platformId);
      if (message.buttons?.every(({ id }) => id !== button) ?? true)
        throw new Error("there is no such button");
      const id = String(world.presses.size + 900_000 + chat.nextMessage++);
      world.presses.add(id);
      api.tell(world, {
        callback_query: {
          id,
          from: userJson(person),
          chat_instance: "1",
          data: button,
          message: messageJson(message),
        },
      });
    },

    messages: () => here().map(shown),
    typings: () => chat.typings.get(topic) ?? 0,
  };
}

function shown({ id, from, text, replyTo, file, buttons, reaction }: FakeMessage): PeerMessage {
  return {
    platformId: String(id),
    from: from === "us" ? "us" : from.id,
    text,
    replyTo: replyTo === undefined ? undefined : String(replyTo),
    file,
    buttons,
    reaction,
  };
}

export function userJson({ id, name, bot = false }: PeerPerson) {
  return { id: Number(id), is_bot: bot, first_name: name };
}

function fileJson(world: World, { file, text }: FakeMessage) {
  if (!file) return {};
  const file_id = world.keep(file);
  return {
    document: {
      file_id,
      file_unique_id: file_id,
      file_name: file.name,
      mime_type: file.type,
      file_size: file.content.length,
    },
    ...(text === "" ? {} : { caption: text }),
  };
}

/** What Telegram marks by itself, as far as we read it. */
function entitiesJson(text: string, username: string) {
  const [command] = /^\/\w+(?:@\w+)?/.exec(text) ?? [];
  const mention = text.indexOf(`@${username}`);
  const entities = [
    ...(command === undefined ? [] : [{ type: "bot_command", offset: 0, length: command.length }]),
    ...(mention < 0 || command?.includes("@") === true
      ? []
      : [{ type: "mention", offset: mention, length: username.length + 1 }]),
  ];
  return entities.length > 0 ? { entities } : {};
}
