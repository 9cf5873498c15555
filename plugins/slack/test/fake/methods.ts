/** Slack's methods as far as we call them: what they take, exactly, and what they do. */
import { z } from "zod";
import { Refusal } from "./refusal.ts";
import { isEmojiName } from "./words.ts";
import type { Block, FakeChannel, FakeMessage, World } from "./world.ts";

/** A form holds text alone; what is more is JSON in it. */
const Json = <T extends z.ZodType>(form: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "no JSON" });
        return z.NEVER;
      }
    })
    .pipe(form);
const Flag = z.enum(["true", "false"]);
const Count = z.coerce.number().int();
const Text = z.string().refine((text) => text.length <= 4_000, { message: "msg_too_long" });

const PlainText = z.strictObject({
  type: z.literal("plain_text"),
  text: z.string().min(1).max(75),
  emoji: z.boolean().optional(),
});
const BlockForm: z.ZodType<Block> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("section"),
    text: z.strictObject({ type: z.literal("mrkdwn"), text: z.string().min(1).max(3_000) }),
    expand: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal("rich_text"),
    elements: z.array(
      z.strictObject({
        type: z.literal("rich_text_section"),
        elements: z.array(z.strictObject({ type: z.literal("text"), text: z.string().min(1) })),
      }),
    ),
  }),
  z.strictObject({
    type: z.literal("actions"),
    elements: z
      .array(
        z.strictObject({ type: z.literal("button"), action_id: z.string().min(1).max(255), text: PlainText }),
      )
      .min(1)
      .max(25),
  }),
]);
const Blocks = Json(z.array(BlockForm).max(50));
const Place = { channel: z.string() };
const Reading = {
  oldest: z.string().optional(),
  limit: Count.max(999),
  include_all_metadata: Flag.optional(),
  cursor: z.string().optional(),
};

export const METHODS = {
  "auth.test": { form: z.strictObject({}), scope: undefined },
  "apps.connections.open": { form: z.strictObject({}), scope: "connections:write" },
  "users.info": { form: z.strictObject({ user: z.string() }), scope: "users:read" },
  "users.conversations": {
    form: z.strictObject({ types: z.string(), exclude_archived: Flag, limit: Count.max(999) }),
    scope: "channels:read",
  },
  "conversations.info": {
    form: z.strictObject({ ...Place, include_num_members: Flag.optional() }),
    scope: "channels:read",
  },
  "conversations.history": { form: z.strictObject({ ...Place, ...Reading }), scope: "channels:history" },
  "conversations.replies": {
    form: z.strictObject({ ...Place, ts: z.string(), ...Reading }),
    scope: "channels:history",
  },
  "chat.postMessage": {
    form: z.strictObject({
      ...Place,
      text: Text,
      thread_ts: z.string().optional(),
      blocks: Blocks.optional(),
      username: z.string().max(80).optional(),
      unfurl_links: Flag,
      unfurl_media: Flag,
      metadata: Json(
        z.strictObject({ event_type: z.string(), event_payload: z.record(z.string(), z.string()) }),
      ),
    }),
    scope: "chat:write",
  },
  "chat.update": {
    form: z.strictObject({ ...Place, ts: z.string(), text: Text, blocks: Blocks.optional() }),
    scope: "chat:write",
  },
  "reactions.get": {
    form: z.strictObject({ ...Place, timestamp: z.string(), full: Flag }),
    scope: "reactions:read",
  },
  "reactions.add": {
    form: z.strictObject({ ...Place, timestamp: z.string(), name: z.string() }),
    scope: "reactions:write",
  },
  "reactions.remove": {
    form: z.strictObject({ ...Place, timestamp: z.string(), name: z.string() }),
    scope: "reactions:write",
  },
  "assistant.threads.setStatus": {
    form: z.strictObject({ channel_id: z.string(), thread_ts: z.string(), status: z.string().max(50) }),
    scope: "chat:write",
  },
  "files.info": { form: z.strictObject({ file: z.string() }), scope: "files:read" },
  "files.getUploadURLExternal": {
    form: z.strictObject({ filename: z.string().min(1), length: Count.min(1) }),
    scope: "files:write",
  },
  "files.completeUploadExternal": {
    form: z.strictObject({
      files: Json(z.array(z.strictObject({ id: z.string(), title: z.string() })).length(1)),
      channel_id: z.string(),
      thread_ts: z.string().optional(),
      initial_comment: Text.optional(),
    }),
    scope: "files:write",
  },
} as const;

export type Method = keyof typeof METHODS;
type Given<M extends Method> = z.infer<(typeof METHODS)[M]["form"]>;

export const isMethod = (name: string): name is Method => Object.hasOwn(METHODS, name);

export interface Uploads {
  /** A new address for the bytes of a file. */
  address(filename: string, length: number): { readonly upload_url: string; readonly file_id: string };
  /** Whether its bytes have come. */
  complete(id: string): boolean;
}

/** What was asked for, done. What the app sees of it itself is told by `onPut` and `onChange`. */
export function answers(
  world: World,
  uploads: Uploads,
  {
    onPut,
    onChange,
  }: {
    onPut: (channel: FakeChannel, message: FakeMessage) => void;
    onChange: (channel: FakeChannel, message: FakeMessage, before: string) => void;
  },
): { [M in Exclude<Method, "auth.test" | "apps.connections.open">]: (given: Given<M>) => object } {
  const { app } = world;

  function channelOf(id: string, writing = false): FakeChannel {
    const channel = world.channels.get(id);
    if (!channel) throw new Refusal("channel_not_found");
    if (writing && !channel.joined) throw new Refusal("not_in_channel");
    return channel;
  }

  function messageOf(channel: string, ts: string): FakeMessage {
    const message = channelOf(channel).messages.get(ts);
    if (!message) throw new Refusal("message_not_found");
    return message;
  }

  function rootOf(channel: FakeChannel, thread: string | undefined): string | undefined {
    if (thread !== undefined && !channel.messages.has(thread)) throw new Refusal("thread_not_found");
    return thread;
  }

  function page(
    messages: FakeMessage[],
    channel: FakeChannel,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ) {
    const from = Number(cursor ?? 0);
    const more = from + limit < messages.length;
    return {
      messages: messages.slice(from, from + limit).map((message) => messageJson(world, channel, message)),
      has_more: more,
      ...(more ? { response_metadata: { next_cursor: String(from + limit) } } : {}),
    };
  }

  return {
    "users.info": ({ user }) => {
      const known = world.users.get(user);
      if (!known) throw new Refusal("user_not_found");
      const { id, name, bot } = known;
      return {
        user: { id, name: name.toLowerCase(), real_name: name, is_bot: bot, profile: { display_name: name } },
      };
    },
    "users.conversations": ({ types, limit }) => {
      const wanted = new Set(types.split(",").map((type) => (type.endsWith("_channel") ? "channel" : type)));
      const found = [...world.channels.values()].filter(({ kind, joined }) => joined && wanted.has(kind));
      return { channels: found.slice(0, limit).map(({ id }) => ({ id })) };
    },
    "conversations.info": ({ channel: id, include_num_members }) => {
      const { kind, name, user, joined } = channelOf(id);
      return {
        channel: {
          id,
          ...(kind === "im" ? { is_im: true, user } : { name, is_mpim: kind === "mpim", is_member: joined }),
          ...(include_num_members === "true" && kind !== "im" ? { num_members: world.users.size } : {}),
        },
      };
    },
    "conversations.history": ({ channel: id, oldest = "0", ...rest }) => {
      const channel = channelOf(id);
      const found = [...channel.messages.values()].filter(
        ({ ts, thread }) => thread === undefined && ts > oldest,
      );
      return page(found.toReversed(), channel, rest);
    },
    "conversations.replies": ({ channel: id, ts: root, oldest = "0", ...rest }) => {
      const channel = channelOf(id);
      messageOf(id, root);
      const found = [...channel.messages.values()].filter(
        ({ ts, thread }) => ts === root || (thread === root && ts > oldest),
      );
      return page(found, channel, rest);
    },
    "chat.postMessage": ({ channel: id, text, thread_ts, blocks, username, metadata }) => {
      const channel = channelOf(id, true);
      if (text === "" && !blocks) throw new Refusal("no_text");
      const thread = rootOf(channel, thread_ts);
      const message = world.put(channel, { user: app.userId, thread, text, blocks, username, metadata });
      if (thread !== undefined) channel.statuses.delete(thread);
      onPut(channel, message);
      return { channel: id, ts: message.ts };
    },
    "chat.update": ({ channel: id, ts, text, blocks }) => {
      const channel = channelOf(id, true);
      const message = messageOf(id, ts);
      if (message.user !== app.userId) throw new Refusal("cant_update_message");
      const before = message.text;
      message.text = text;
      if (blocks) message.blocks = blocks;
      message.edited = world.nextTs();
      onChange(channel, message, before);
      return { channel: id, ts };
    },
    "reactions.get": ({ channel, timestamp }) => {
      const { reactions } = messageOf(channel, timestamp);
      const list = [...reactions].map(([name, users]) => ({ name, users: [...users], count: users.size }));
      return {
        type: "message",
        channel,
        message: { ts: timestamp, ...(list.length > 0 ? { reactions: list } : {}) },
      };
    },
    "reactions.add": ({ channel, timestamp, name }) => {
      const { reactions } = messageOf(channel, timestamp);
      if (!isEmojiName(name)) throw new Refusal("invalid_name");
      const users = reactions.get(name) ?? new Set();
      if (users.has(app.userId)) throw new Refusal("already_reacted");
      reactions.set(name, users.add(app.userId));
      return {};
    },
    "reactions.remove": ({ channel, timestamp, name }) => {
      const users = messageOf(channel, timestamp).reactions.get(name);
      if (users?.delete(app.userId) !== true) throw new Refusal("no_reaction");
      if (users.size === 0) messageOf(channel, timestamp).reactions.delete(name);
      return {};
    },
    "assistant.threads.setStatus": ({ channel_id, thread_ts, status }) => {
      const channel = channelOf(channel_id);
      rootOf(channel, thread_ts);
      channel.statuses.delete(thread_ts);
      if (status === "") return {};
      channel.statuses.add(thread_ts);
      channel.typings.set(thread_ts, (channel.typings.get(thread_ts) ?? 0) + 1);
      return {};
    },
    "files.info": ({ file: id }) => {
      const file = world.files.get(id);
      if (!file) throw new Refusal("file_not_found");
      return { file: fileJson(world, file) };
    },
    "files.getUploadURLExternal": ({ filename, length }) => uploads.address(filename, length),
    "files.completeUploadExternal": ({ files: [given], channel_id, thread_ts, initial_comment = "" }) => {
      const channel = channelOf(channel_id, true);
      const file = world.files.get(given?.id ?? "");
      if (!file || !uploads.complete(file.id)) throw new Refusal("file_not_found");
      const thread = rootOf(channel, thread_ts);
      onPut(channel, world.put(channel, { user: app.userId, thread, text: initial_comment, file }));
      return { files: [{ id: file.id, title: given?.title }] };
    },
  };
}

/** Without the channel, as in a list of messages. */
export function messageJson(world: World, channel: FakeChannel, message: FakeMessage): object {
  const { ts, user, thread, text, blocks, username, file, metadata, attachments, edited } = message;
  const bot = world.users.get(user)?.bot === true;
  const ours = user === world.app.userId;
  const below = [...channel.messages.values()].filter((one) => one.thread === ts);
  const last = below.at(-1);
  return {
    type: "message",
    user,
    ...(bot
      ? { bot_id: ours ? world.app.botId : `B${user}`, bot_profile: { name: world.users.get(user)?.name } }
      : {}),
    ...(username === undefined ? {} : { username, subtype: "bot_message" }),
    ts,
    text,
    ...(blocks ? { blocks } : {}),
    ...(thread === undefined
      ? {}
      : { thread_ts: thread, parent_user_id: channel.messages.get(thread)?.user }),
    ...(last ? { thread_ts: ts, reply_count: below.length, latest_reply: last.ts } : {}),
    ...(file ? { files: [fileJson(world, file)], subtype: "file_share" } : {}),
    ...(metadata ? { metadata } : {}),
    ...(attachments ? { attachments } : {}),
    ...(edited === undefined ? {} : { edited: { user, ts: edited } }),
  };
}

function fileJson(world: World, { id, name, type, content }: NonNullable<FakeMessage["file"]>): object {
  return {
    id,
    name,
    title: name,
    mimetype: type,
    size: content.length,
    url_private: `${world.root}/files/${id}`,
  };
}
