/** What Discord does when it is asked, and what it takes: bodies with fields that it does not know are refused. */
import type { FakeAnswer, FakeRequest } from "@bellhop/sdk/testing";
import { z } from "zod";
import { channelJson, messageJson, ourJson, userJson } from "./json.ts";
import { Refusal, unknownChannel, unknownMessage } from "./refusal.ts";
import type { FakeChannel, FakeMessage, World } from "./world.ts";

const MiB = 1024 * 1024;
const MOST_TEXT = 2_000;
const MOST_FILE_BYTES = 10 * MiB;
/** As long as a nonce is known. */
const NONCE_MS = 5 * 60_000;

const Pings = z.strictObject({ parse: z.array(z.never()) });
const Content = z
  .string()
  .refine((text) => Array.from(text).length <= MOST_TEXT, "Must be 2000 or fewer in length.");
const Rows = z
  .array(
    z.strictObject({
      type: z.literal(1),
      components: z
        .array(
          z.strictObject({
            type: z.literal(2),
            style: z.int().min(1).max(4),
            label: z.string().min(1).max(80),
            custom_id: z.string().min(1).max(100),
          }),
        )
        .min(1)
        .max(5),
    }),
  )
  .max(5);

const Post = z.strictObject({
  content: Content.optional(),
  nonce: z.string().max(25).optional(),
  enforce_nonce: z.boolean().optional(),
  allowed_mentions: Pings,
  message_reference: z
    .strictObject({ message_id: z.string().regex(/^\d+$/), fail_if_not_exists: z.boolean() })
    .optional(),
  components: Rows.optional(),
  flags: z.literal(4).optional(), // others there are, but we set none
});
const Patch = z.strictObject({ content: Content, components: Rows, allowed_mentions: Pings });

const Command = z.strictObject({
  name: z.string().regex(/^[-_\p{Ll}\p{N}]{1,32}$/u),
  description: z.string().min(1).max(100),
  options: z
    .array(
      z.strictObject({
        type: z.literal(3),
        name: z.string().regex(/^[-_\p{Ll}\p{N}]{1,32}$/u),
        description: z.string().min(1).max(100),
        required: z.boolean(),
      }),
    )
    .max(25),
});
const Callback = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal(6) }),
  z.strictObject({ type: z.literal(4), data: z.strictObject({ content: Content, flags: z.int() }) }),
]);

interface Asked {
  readonly world: World;
  readonly request: FakeRequest;
  /** The parts of the path that are not words. */
  readonly ids: readonly string[];
  readonly body: unknown;
  readonly file: { readonly name: string; readonly type: string; readonly content: Uint8Array } | undefined;
  /** Where files are handed out. */
  readonly url: string;
}

type Route = readonly [method: string, path: RegExp, answer: (asked: Asked) => FakeAnswer];

export const ROUTES: readonly Route[] = [
  ["GET", /^\/users\/@me$/, ({ world }) => ({ body: ourJson(world) })],
  [
    "GET",
    /^\/users\/(\d+)$/,
    ({ world, ids: [id = ""] }) => {
      const person = world.people.get(id);
      if (!person) throw new Refusal(404, 10013, "Unknown User");
      return { body: userJson(person) };
    },
  ],
  [
    "GET",
    /^\/applications\/@me$/,
    ({ world: { bot } }) => ({ body: { id: bot.id, name: bot.name, flags: bot.flags ?? 1 << 19 } }),
  ],
  ["GET", /^\/applications\/(\d+)\/commands$/, ({ world }) => ({ body: world.commands })],
  [
    "PUT",
    /^\/applications\/(\d+)\/commands$/,
    ({ world, body }) => {
      const commands = parsed(z.array(Command).max(100), body);
      world.commands.splice(
        0,
        Infinity,
        ...commands.map((one) => ({ id: world.snowflake(), version: "1", ...one })),
      );
      return { body: world.commands };
    },
  ],
  [
    "GET",
    /^\/users\/@me\/guilds$/,
    ({ world }) => ({
      body: [...new Set([...world.channels.values()].flatMap(({ guild }) => guild ?? []))].map((id) => ({
        id,
        name: "Home",
      })),
    }),
  ],
  [
    "GET",
    /^\/guilds\/(\d+)\/channels$/,
    ({ world, ids: [guild] }) => ({ body: channelsOf(world, guild, 0) }),
  ],
  [
    "GET",
    /^\/guilds\/(\d+)\/threads\/active$/,
    ({ world, ids: [guild] }) => ({ body: { threads: channelsOf(world, guild, 11), members: [] } }),
  ],
  [
    "GET",
    /^\/guilds\/(\d+)\/members\/(\d+)$/,
    ({ world }) => ({ body: { user: ourJson(world), roles: world.bot.roles ?? [] } }),
  ],
  ["GET", /^\/channels\/(\d+)$/, (asked) => ({ body: channelJson(channelOf(asked)) })],
  ["GET", /^\/channels\/(\d+)\/messages$/, history],
  [
    "GET",
    /^\/channels\/(\d+)\/messages\/(\d+)$/,
    (asked) => ({ body: messageJson(asked.world, channelOf(asked), messageOf(asked)) }),
  ],
  ["POST", /^\/channels\/(\d+)\/messages$/, post],
  ["PATCH", /^\/channels\/(\d+)\/messages\/(\d+)$/, patch],
  [
    "POST",
    /^\/channels\/(\d+)\/typing$/,
    (asked) => {
      channelOf(asked).typings += 1;
      return { status: 204, body: "", applied: true };
    },
  ],
  [
    "PUT",
    /^\/channels\/(\d+)\/messages\/(\d+)\/reactions\/([^/]+)\/@me$/,
    (asked) => {
      const emoji = decodeURIComponent(asked.ids[2] ?? "");
      if (!/^\p{Emoji}/u.test(emoji)) throw new Refusal(400, 10014, "Unknown Emoji");
      messageOf(asked).ours.add(emoji);
      return { status: 204, body: "", applied: true };
    },
  ],
  [
    "DELETE",
    /^\/channels\/(\d+)\/messages\/(\d+)\/reactions\/([^/]+)\/@me$/,
    (asked) => {
      if (!messageOf(asked).ours.delete(decodeURIComponent(asked.ids[2] ?? "")))
        throw new Refusal(404, 10014, "Unknown Emoji");
      return { status: 204, body: "", applied: true };
    },
  ],
  ["POST", /^\/interactions\/(\d+)\/([^/]+)\/callback$/, answered],
];

function channelsOf(world: World, guild: string | undefined, type: FakeChannel["type"]): object[] {
  return [...world.channels.values()]
    .filter((one) => one.guild === guild && one.type === type)
    .map((one) => ({ ...channelJson(one), last_message_id: [...one.messages.keys()].at(-1) ?? null }));
}

function channelOf({ world, ids: [id = ""] }: Asked): FakeChannel {
  const channel = world.channels.get(id);
  if (!channel) throw unknownChannel();
  return channel;
}

function messageOf(asked: Asked): FakeMessage {
  const message = channelOf(asked).messages.get(asked.ids[1] ?? "");
  if (!message) throw unknownMessage();
  return message;
}

function parsed<T>(form: z.ZodType<T>, body: unknown): T {
  const result = form.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Refusal(400, 50035, "Invalid Form Body", {
    errors: { [issue?.path.join(".") || "_"]: { _errors: [{ code: "INVALID", message: issue?.message }] } },
  });
}

function history(asked: Asked): FakeAnswer {
  const { world, request } = asked;
  const channel = channelOf(asked);
  const after = BigInt(request.query.get("after") ?? "0");
  const limit = Number(request.query.get("limit") ?? "50");
  if (!(limit >= 1 && limit <= 100)) throw new Refusal(400, 50035, "Invalid Form Body");
  const found = [...channel.messages.values()].filter(({ id }) => BigInt(id) > after).slice(0, limit);
  return { body: found.map((message) => messageJson(world, channel, message)).toReversed() };
}

function post(asked: Asked): FakeAnswer {
  const { world, body, file, url } = asked;
  const channel = channelOf(asked);
  const {
    content = "",
    nonce,
    enforce_nonce,
    message_reference: about,
    components = [],
    flags,
  } = parsed(Post, body);
  if (content.trim() === "" && !file) throw new Refusal(400, 50006, "Cannot send an empty message");
  if (file && file.content.length > MOST_FILE_BYTES)
    throw new Refusal(413, 40005, "Request entity too large");
  const ids = components.flatMap((row) => row.components.map(({ custom_id }) => custom_id));
  if (new Set(ids).size < ids.length)
    throw new Refusal(400, 50035, "Component custom id cannot be duplicated");
  const before = [...channel.messages.values()].find(
    (one) => nonce !== undefined && one.nonce === nonce && world.now() - timeOf(one) < NONCE_MS,
  );
  if (enforce_nonce === true && before) return { body: messageJson(world, channel, before), applied: true };
  const replyTo = about && channel.messages.has(about.message_id) ? about.message_id : undefined;
  if (about?.fail_if_not_exists === true && replyTo === undefined) throw unknownMessage();
  const message = world.put(channel, {
    from: "us",
    text: content,
    nonce,
    flags,
    replyTo,
    file: file && { ...file, url: url + world.keep(file) },
    buttons:
      components.length === 0
        ? undefined
        : components.flatMap((row) => row.components.map(({ custom_id: id, label }) => ({ id, label }))),
  });
  return { body: messageJson(world, channel, message), applied: true };
}

function timeOf({ id }: FakeMessage): number {
  return Number((BigInt(id) >> 22n) + 1_420_070_400_000n);
}

function patch(asked: Asked): FakeAnswer {
  const { world } = asked;
  const message = messageOf(asked);
  const { content, components } = parsed(Patch, asked.body);
  if (message.from !== "us") throw new Refusal(403, 50005, "Cannot edit a message authored by another user");
  message.text = content;
  message.editedAt = new Date(world.now()).toISOString();
  if (components.length === 0) message.buttons = undefined;
  return { body: messageJson(world, channelOf(asked), message), applied: true };
}

function answered({ world, ids: [id = "", token = ""], body }: Asked): FakeAnswer {
  const waiting = world.waiting.get(id);
  if (!waiting || waiting.token !== token || waiting.until < world.now())
    throw new Refusal(404, 10062, "Unknown interaction");
  if (waiting.answer) throw new Refusal(400, 40060, "Interaction has already been acknowledged.");
  waiting.answer = parsed(Callback, body);
  return { status: 204, body: "" };
}
