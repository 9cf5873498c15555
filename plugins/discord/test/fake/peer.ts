/** The fake as the contract suite wants it: people who write on it, and what they see. */
import { type Channel, createWire } from "@bellhop/sdk";
import type { ChannelPeer, PeerChat, PeerFault, PeerMessage, PeerPerson } from "@bellhop/sdk/testing";
import { createDiscord } from "../../src/channel.ts";
import { type FakeDiscord, openFakeDiscord } from "./discord.ts";
import type { FakeGateway } from "./gateway.ts";
import { userJson } from "./json.ts";
import { readMarkdown } from "./markdown.ts";
import { type FakeBot, type FakeChannel, type FakeMessage } from "./world.ts";

export const BOT: FakeBot = {
  token: "MTIzNDU2Nzg5MDEyMzQ1Njc4.GtEsTt.not-the-token-of-any-bot-there-is-00001",
  id: "123456789012345678",
  name: "TheBellBot",
};

/** How long the adapter waits for an answer here. */
const PATIENCE_MS = 1_500;
/** As long as somebody waits for a sign that their press was heard. */
const SIGN_MS = 3_000;

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

/** Those of the gateway; the others are of its server. */
const OWN_FAULTS: Partial<Record<PeerFault["how"], (gateway: FakeGateway, calls?: number) => void>> = {
  duplicate: (gateway, calls) => gateway.duplicate(calls),
  reorder: (gateway, calls) => gateway.reorder(calls),
  "close mid-frame": (gateway, calls) => gateway.closeMidFrame(calls),
  "go silent": (gateway) => gateway.goSilent(),
};

export async function openDiscordPeer(): Promise<ChannelPeer> {
  const discord = await openFakeDiscord({ bot: BOT });
  const { server, gateway, world } = discord;
  const wires: { close(): void }[] = [];
  /** Adapters that are just connecting. */
  const connecting = new Set<object>();
  gateway.onBegin(() => {
    const [first] = connecting;
    if (first) connecting.delete(first);
  });

  /** Nobody writes in the moment in which a first session begins: Discord would not keep that. */
  async function ready(): Promise<void> {
    await server.changes.until(() => (connecting.size === 0 && gateway.isThere() ? true : undefined));
  }

  function connect(): Channel {
    const wire = createWire();
    wires.push(wire);
    const channel = createDiscord({
      account: "",
      token: BOT.token,
      apiRoot: discord.apiRoot,
      allowPlain: false,
      wire,
      callMs: PATIENCE_MS,
      pace: { helloMs: 2_000, identifyEveryMs: 0, refusedMs: { least: 10, more: 10 } },
      now: Date.now,
      random: Math.random,
      log: QUIET,
    });
    return {
      ...channel,
      async listen(...given) {
        const mine = {};
        connecting.add(mine);
        try {
          await channel.listen?.(...given);
        } finally {
          connecting.delete(mine);
          server.changes.note();
        }
      },
    };
  }

  return {
    connect,
    patienceMs: PATIENCE_MS,
    direct: (person) => chatPeer(discord, directWith(discord, person), ready),
    group: (title) => chatPeer(discord, groupNamed(discord, title), ready),
    thread(group, title) {
      const parent = world.channels.get(group.id);
      if (!parent) throw new Error("there is no such group");
      return chatPeer(discord, world.open({ type: 11, name: title, parent: parent.id }), ready);
    },
    fault(call, fault) {
      if (fault.how === "trickle" && call === "listen") {
        gateway.trickle(fault.everyMs);
        return true;
      }
      const own = OWN_FAULTS[fault.how];
      if (call !== "listen" || !own) return server.fault(call, fault);
      own(gateway, fault.calls);
      return true;
    },
    applied: server.journal.applied,
    asked: server.journal.asked,
    cut: server.cut,
    async mend() {
      gateway.mend();
      await server.mend();
    },
    changed: server.changes.changed,
    async close() {
      for (const wire of wires) wire.close();
      await discord.close();
    },
  };
}

export function directWith({ world }: FakeDiscord, person: PeerPerson): FakeChannel {
  world.people.set(person.id, person);
  const id = `9${person.id.padStart(17, "0")}`;
  return world.open({ id, type: 1, name: person.name, person });
}

export function groupNamed({ world }: FakeDiscord, name: string): FakeChannel {
  const known = [...world.channels.values()].find((one) => one.type === 0 && one.name === name);
  return known ?? world.open({ type: 0, name });
}

/** @param ready before anybody does anything */
export function chatPeer(
  discord: FakeDiscord,
  channel: FakeChannel,
  ready = firstSession(discord),
): PeerChat {
  const { world, gateway, server } = discord;
  const where = {
    channel_id: channel.id,
    ...(channel.guild === undefined ? {} : { guild_id: channel.guild }),
  };

  function messageOf(platformId: string): FakeMessage {
    const message = channel.messages.get(platformId);
    if (!message) throw new Error(`there is no message ${platformId}`);
    return message;
  }

  return {
    id: channel.parent === undefined ? channel.id : `${channel.parent}:${channel.id}`,

    async says(person, text, also = {}) {
      await ready();
      const message = world.put(channel, {
        from: person,
        text: also.mentionsUs === true ? `<@${world.bot.id}> ${text}` : text,
        replyTo: also.replyTo,
        file: also.file && { ...also.file, url: server.url + world.keep(also.file) },
      });
      discord.tell("MESSAGE_CREATE", channel, message);
      return message.id;
    },

    async forwards(person, text) {
      await ready();
      const snapshot = { type: 0, content: text, attachments: [], embeds: [], mentions: [] };
      const also = {
        message_reference: { type: 1, message_id: "99", channel_id: "98" },
        message_snapshots: [{ message: snapshot }],
      };
      const message = world.put(channel, { from: person, text: "", also });
      discord.tell("MESSAGE_CREATE", channel, message);
      return message.id;
    },

    async edits(_person, platformId, text) {
      await ready();
      const message = messageOf(platformId);
      message.text = text;
      const before = message.editedAt === undefined ? 0 : Date.parse(message.editedAt);
      message.editedAt = new Date(Math.max(world.now(), before + 1)).toISOString();
      discord.tell("MESSAGE_UPDATE", channel, message);
    },

    async deletes(_person, platformId) {
      await ready();
      channel.messages.delete(platformId);
      gateway.tell("MESSAGE_DELETE", { id: platformId, ...where });
    },

    async reacts(person, platformId, emoji) {
      await ready();
      const { reactions } = messageOf(platformId);
      const before = reactions.get(person.id);
      if (emoji === "") reactions.delete(person.id);
      else reactions.set(person.id, emoji);
      const about = { user_id: person.id, message_id: platformId, ...where };
      const member = channel.guild === undefined ? {} : { member: memberJson(person) };
      const taken = emoji === "";
      gateway.tell(taken ? "MESSAGE_REACTION_REMOVE" : "MESSAGE_REACTION_ADD", {
        ...about,
        ...(taken ? {} : member),
        emoji: { id: null, name: taken ? before : emoji },
        burst: false,
        type: 0,
      });
    },

    async presses(person, platformId, button) {
      await ready();
      const message = messageOf(platformId);
      if (message.buttons?.every(({ id }) => id !== button) ?? true)
        throw new Error("there is no such button");
      interact(discord, channel, person, {
        type: 3,
        message: { id: platformId },
        data: { component_type: 2, custom_id: button },
      });
    },

    messages: () => [...channel.messages.values()].map(shown),
    typings: () => channel.typings,
  };
}

function firstSession({ server, gateway }: FakeDiscord): () => Promise<void> {
  return async () => {
    await server.changes.until(() => (gateway.isThere() ? true : undefined));
  };
}

/** Somebody uses what Bellhop offers: a button, a slash command. @returns its id */
export function interact(
  { world, gateway }: FakeDiscord,
  channel: FakeChannel,
  person: PeerPerson,
  about: { readonly type: 2 | 3; readonly data: object; readonly message?: object },
  permissions = (1n << 10n) | (1n << 11n) | (1n << 38n),
): string {
  const id = world.snowflake();
  const token = `token-of-${id}`;
  world.waiting.set(id, { token, until: world.now() + SIGN_MS });
  const { guild, type } = channel;
  gateway.tell("INTERACTION_CREATE", {
    id,
    token,
    application_id: world.bot.id,
    version: 1,
    channel_id: channel.id,
    channel: { id: channel.id, type },
    app_permissions: String(guild === undefined ? 1n << 14n : permissions), // those of a server say nothing elsewhere
    ...(guild === undefined ? { user: userJson(person) } : { guild_id: guild, member: memberJson(person) }),
    ...about,
  });
  return id;
}

const memberJson = (person: PeerPerson) => ({ user: userJson(person), nick: null, roles: [] });

function shown({ id, from, text, replyTo, file, buttons, ours }: FakeMessage): PeerMessage {
  return {
    platformId: id,
    from: from === "us" ? "us" : from.id,
    text: from === "us" ? readMarkdown(text) : text,
    replyTo,
    file,
    buttons,
    reaction: [...ours].join(""),
  };
}
