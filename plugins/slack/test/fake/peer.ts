/** The fake as the contract suite wants it: people who write on it, and what they see. */
import { type Channel, createWire } from "@bellhop/sdk";
import type { ChannelPeer, PeerChat, PeerMessage, PeerPerson } from "@bellhop/sdk/testing";
import { createSlack } from "../../src/channel.ts";
import type { Pace } from "../../src/listening.ts";
import { messageJson } from "./methods.ts";
import { type FakeSlack, openFakeSlack } from "./slack.ts";
import { asRead, asStored, blocksRead, emojiName } from "./words.ts";
import type { AppName, FakeChannel, FakeMessage } from "./world.ts";

export const APP: AppName = {
  botToken: "xoxb-1-random-letters-of-a-token",
  appToken: "xapp-1-A1-random-letters-of-a-token",
  userId: "U0BELL",
  botId: "B0BELL",
  name: "bellhop",
};

/** How long the adapter waits for an answer here. */
const PATIENCE_MS = 1_500;
export const PACE: Pace = { helloMs: 1_500, silenceMs: 400, secondLookMs: 200 };

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

export const idOf = ({ id }: PeerPerson): string => `U${id}`;

export async function openSlackPeer(): Promise<ChannelPeer> {
  const slack = await openFakeSlack({ app: APP });
  const { server, world, socketMode } = slack;
  const wires: { close(): void }[] = [];
  const groups = new Map<string, FakeChannel>();

  function connect(): Channel {
    const wire = createWire();
    wires.push(wire);
    return createSlack({
      account: "",
      botToken: APP.botToken,
      appToken: APP.appToken,
      apiRoot: slack.apiRoot,
      allowPlain: false,
      wire,
      callMs: PATIENCE_MS,
      pace: PACE,
      now: Date.now,
      log: QUIET,
    });
  }

  return {
    connect,
    idOf,
    patienceMs: PATIENCE_MS,
    direct: (person) => chatPeer(slack, directOf(slack, person)),
    group(title) {
      const channel = groups.get(title) ?? world.open(world.nextId("C"), "channel", title);
      groups.set(title, channel);
      return chatPeer(slack, channel);
    },
    thread(group, title) {
      const channel = world.channels.get(group.id);
      if (!channel) throw new Error("there is no such channel");
      const { id } = world.user({ id: "U0HOST", name: "Host", bot: false });
      const root = world.put(channel, { user: id, thread: undefined, text: `About: ${title}` });
      return chatPeer(slack, channel, root.ts);
    },
    fault(call, fault) {
      if (fault.how === "trickle" && call === "listen") {
        socketMode.fault(fault);
        return true;
      }
      if (
        fault.how === "duplicate" ||
        fault.how === "reorder" ||
        fault.how === "go silent" ||
        fault.how === "close mid-frame"
      ) {
        if (call !== "listen") return false;
        socketMode.fault(fault);
        return true;
      }
      return server.fault(call, fault);
    },
    applied: server.journal.applied,
    asked: server.journal.asked,
    cut: server.cut,
    async mend() {
      socketMode.mend();
      await server.mend();
    },
    changed: server.changes.changed,
    async close() {
      for (const wire of wires) wire.close();
      await slack.close();
    },
  };
}

export function directOf({ world }: FakeSlack, person: PeerPerson): FakeChannel {
  return world.open(`D${person.id}`, "im", person.name, idOf(person));
}

export function chatPeer(slack: FakeSlack, channel: FakeChannel, thread?: string): PeerChat {
  const { world } = slack;
  const here = () => [...channel.messages.values()].filter((message) => message.thread === thread);

  function messageOf(ts: string): FakeMessage {
    const message = channel.messages.get(ts);
    if (!message) throw new Error(`there is no message ${ts}`);
    return message;
  }

  function userOf({ name, bot = false, ...person }: PeerPerson): string {
    return world.user({ id: idOf({ name, ...person }), name, bot }).id;
  }

  const reaction = (type: string, user: string, name: string, ts: string) => {
    const item = { type: "message", channel: channel.id, ts };
    slack.tell({ type, user, reaction: name, item, event_ts: world.nextTs() });
  };

  return {
    id: thread === undefined ? channel.id : `${channel.id}:${thread}`,

    async says(person, typed, { mentionsUs = false, file } = {}) {
      const stored = file && { ...file, id: world.nextId("F") };
      if (stored) world.files.set(stored.id, stored);
      const message = world.put(channel, {
        user: userOf(person),
        thread,
        text: mentionsUs ? `<@${world.app.userId}> ${asStored(typed)}` : asStored(typed),
        file: stored,
      });
      slack.tellSaid(channel, message);
      return message.ts;
    },

    async forwards(person, typed) {
      const text = asStored(typed);
      const share = { is_share: true, author_name: "Zoe", text, fallback: `[now] Zoe: ${text}` };
      const message = world.put(channel, { user: userOf(person), thread, text: "", attachments: [share] });
      slack.tellSaid(channel, message);
      return message.ts;
    },

    async edits(person, ts, typed) {
      const message = messageOf(ts);
      const before = messageJson(world, channel, message);
      message.text = asStored(typed);
      message.edited = world.nextTs();
      slack.tell({
        type: "message",
        subtype: "message_changed",
        channel: channel.id,
        hidden: true,
        ts: message.edited,
        event_ts: message.edited,
        message: {
          ...messageJson(world, channel, message),
          edited: { user: userOf(person), ts: message.edited },
        },
        previous_message: before,
      });
    },

    async deletes(_person, ts) {
      const previous_message = messageJson(world, channel, messageOf(ts));
      channel.messages.delete(ts);
      const event_ts = world.nextTs();
      slack.tell({
        type: "message",
        subtype: "message_deleted",
        channel: channel.id,
        hidden: true,
        ts: event_ts,
        event_ts,
        deleted_ts: ts,
        previous_message,
      });
    },

    async reacts(person, ts, emoji) {
      const { reactions } = messageOf(ts);
      const user = userOf(person);
      for (const [name, users] of reactions)
        if (users.delete(user)) reaction("reaction_removed", user, name, ts);
      if (emoji === "") return;
      const name = emojiName(emoji) ?? "";
      reactions.set(name, (reactions.get(name) ?? new Set()).add(user));
      reaction("reaction_added", user, name, ts);
    },

    async presses(person, ts, button) {
      const message = messageOf(ts);
      const { buttons } = blocksRead(message.blocks ?? []);
      if (buttons.every(({ id }) => id !== button)) throw new Error("there is no such button");
      // Slack keeps no press for an app that is away: whoever pressed is told so, and presses again. Here it is kept.
      slack.socketMode.tell({
        type: "interactive",
        payload: {
          type: "block_actions",
          user: { id: userOf(person), username: person.name.toLowerCase() },
          trigger_id: world.nextId("T"),
          container: { type: "message", message_ts: ts, channel_id: channel.id },
          channel: { id: channel.id, name: channel.name },
          message: messageJson(world, channel, message),
          actions: [{ type: "button", action_id: button, block_id: "b", action_ts: world.nextTs() }],
        },
      });
    },

    messages: () => here().map((message) => shown(message, world.app.userId)),
    // Slack shows it in threads alone.
    ...(thread === undefined ? {} : { typings: () => channel.typings.get(thread) ?? 0 }),
  };
}

function shown({ ts, user, text, blocks, file, reactions }: FakeMessage, us: string): PeerMessage {
  const read = blocks && blocks.length > 0 ? blocksRead(blocks) : { text: asRead(text), buttons: [] };
  const [reaction] = [...reactions].filter(([, users]) => users.has(us)).map(([name]) => name);
  return {
    platformId: ts,
    from: user === us ? "us" : user.replace(/^U/, ""),
    text: read.text,
    file,
    ...(read.buttons.length > 0 ? { buttons: read.buttons } : {}),
    ...(reaction === undefined ? {} : { reaction: characterOf(reaction) }),
  };
}

function characterOf(name: string): string {
  return ["👀", "👍", "❤️", "🎉"].find((one) => emojiName(one) === name) ?? `:${name}:`;
}
