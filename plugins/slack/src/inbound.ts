/**
 * From what Slack brings to what a person did.
 *
 * - A thread is a chat of its own, `CHANNEL:TS`, in direct messages too; the message that it hangs on is the
 *   channel's.
 * - A message that names us comes twice, as a message and as a mention. Both are the same thing here: its id is that
 *   of the message, and whether it names us stands in its text.
 * - What stands in the thread of a message of ours answers it, which is how people answer on Slack: it calls us.
 * - A file of ours is known to the outbox by the file's id, since Slack says no other when it is sent.
 * - Passed over: what Slack says of a channel by itself, and changes that changed no word (a link that unfolded).
 */
import type { Inbound, InboundFile, InboundSender } from "@bellhop/sdk";
import { sharedIn, shownOf, wordsOf } from "./blocks.ts";
import { characterOf } from "./emoji.ts";
import {
  type Changed,
  Command,
  type Deleted,
  EventPayload,
  type File,
  isTombstone,
  isWritten,
  type Message,
  Press,
  type Reacted,
  type Said,
} from "./event.ts";
import type { Directory } from "./directory.ts";
import { mentions, readable, withoutCall } from "./mrkdwn.ts";
import type { Places } from "./places.ts";
import type { Envelope } from "./socket.ts";

export interface Me {
  readonly userId: string;
  readonly botId: string | undefined;
}

export interface Here {
  readonly me: Me;
  readonly names: Directory;
  readonly places: Places;
  /** Bytes of a file. @throws as `InboundFile.open` */
  readonly open: (file: File, signal: AbortSignal) => ReturnType<InboundFile["open"]>;
}

export interface Done {
  readonly inbound: Inbound | undefined;
  /** Seconds, where Slack says it. */
  readonly at?: number | undefined;
  /** For whoever did it, and for nobody else. */
  readonly reply?: string | undefined;
}

const ELSEWHERE =
  "I am not in this conversation, so I cannot answer here. Invite me with /invite, or write to me under Apps.";

/**
 * What somebody did.
 * @throws ZodError it cannot be read
 */
export async function read({ type, payload }: Envelope, here: Here): Promise<Done> {
  switch (type) {
    case "events_api": {
      const { event, event_time } = EventPayload.parse(payload);
      return { inbound: await fromEvent(event, here), at: event_time };
    }
    case "slash_commands": {
      const command = Command.parse(payload);
      // Slack lets people give it anywhere.
      if (!(await here.names.isIn(command.channel_id))) return { inbound: undefined, reply: ELSEWHERE };
      return { inbound: await commanded(command, here) };
    }
    case "interactive":
      return { inbound: await pressed(Press.parse(payload), here) };
    default:
      return type satisfies never;
  }
}

async function fromEvent(
  event: Said | Changed | Deleted | Reacted,
  here: Here,
): Promise<Inbound | undefined> {
  if ("reaction" in event) return await reacted(event, here);
  if ("message" in event) return await changed(event, here);
  if ("deleted_ts" in event) return await deleted(event, event.deleted_ts, event.previous_message, here);
  return await said(event, here);
}

export async function said(message: Said, here: Here): Promise<Inbound | undefined> {
  const { user, bot_id } = message;
  const nobodys = user === undefined && (bot_id ?? undefined) === undefined;
  if (!isWritten(message) || nobodys) return undefined;
  return await written(message, message.channel, "message", 0, here);
}

async function changed(event: Changed, here: Here): Promise<Inbound | undefined> {
  const { channel, message, previous_message: before, event_ts } = event;
  if (isTombstone(message)) return await deleted(event, message.ts, before, here);
  const sameWords = before !== undefined && sourceOf(before) === sourceOf(message);
  const sameFiles = before?.files?.length === message.files?.length;
  if (!isWritten(message) || isOurs(message, here.me) || (sameWords && sameFiles)) return undefined;
  // It is the same when Slack brings it again, and no two edits of a message share one.
  const version = Number((message.edited?.ts ?? event_ts).replace(".", ""));
  return await written(message, channel, "edit", version, here);
}

async function written(
  message: Message,
  channel: string,
  kind: "message" | "edit",
  version: number,
  here: Here,
): Promise<Inbound> {
  const { me, names, places } = here;
  const { ts, thread_ts, parent_user_id: parent, attachments, edited } = message;
  const files = [...(message.files ?? []), ...(sharedIn(attachments)?.files ?? [])];
  const thread = thread_ts === ts ? undefined : thread_ts;
  const sender = await senderOf(message, here);
  const [file] = files;
  if (thread !== undefined) places.thread(channel, ts, thread);
  const sentId = sender.self === true && file ? file.id : ts;
  if (sentId !== ts) places.sentAs(channel, ts, sentId);
  return {
    platformId: sentId,
    kind,
    version,
    ...(await placeOf(channel, thread, names)),
    sender,
    ...(await contentOf(message, here)),
    ...(mentions(sourceOf(message), me.userId) || parent === me.userId ? { mentionsUs: true } : {}),
    sentAt: msOf(kind === "edit" ? (edited?.ts ?? ts) : ts),
    ...(files.length > 0 ? { files: files.map((one) => attached(one, here)) } : {}),
  };
}

/** What is handed on with own words stands below them; alone it is the message, in somebody else's words. */
async function contentOf(
  message: Message,
  { me, names }: Here,
): Promise<Pick<Inbound, "text" | "quote" | "forwarded">> {
  const own = await readable(withoutCall(sourceOf(message), me.userId), names);
  const shared = sharedIn(message.attachments);
  if (!shared) return { text: own };
  const words = await readable(shared.words, names);
  if (own === "") return { text: words, forwarded: shared.by };
  const below = words === "" ? "" : `\n\n${words.replaceAll(/^/gm, "> ")}`;
  return { text: `${own}${below}`, quote: words };
}

/** In Slack's markup; what stands in blocks where there is neither a text nor a file nor something that is handed on. */
function sourceOf(message: Message): string {
  const { text, files = [], blocks, attachments, bot_id } = message;
  if (text !== "") return (bot_id ?? undefined) === undefined ? text : shownOf(text, blocks, attachments);
  return files.length === 0 && !sharedIn(attachments) ? wordsOf(message) : text;
}

/** Slack does not say who did it. */
async function deleted(
  { channel }: { channel: string },
  ts: string,
  before: Message | undefined,
  here: Here,
): Promise<Inbound | undefined> {
  if (before && (!isWritten(before) || isOurs(before, here.me))) return undefined;
  const thread = before?.thread_ts ?? here.places.threadOf(channel, ts);
  return {
    platformId: ts,
    kind: "delete",
    version: 0,
    ...(await placeOf(channel, thread === ts ? undefined : thread, here.names)),
    sender: before ? await senderOf(before, here) : { id: "unknown", name: "unknown" },
    text: "",
  };
}

/** Slack does not say in which thread it was. */
async function reacted(event: Reacted, here: Here): Promise<Inbound | undefined> {
  const { user, reaction, item, event_ts, type } = event;
  const { channel, ts } = item;
  if (channel === undefined || ts === undefined) return undefined; // to a file, as it was once
  const { me, names, places } = here;
  const taken = type === "reaction_removed";
  return {
    platformId: `reaction-${user}-${event_ts}`,
    kind: "reaction",
    version: 0,
    ...(await placeOf(channel, places.threadOf(channel, ts), names)),
    sender: { id: user, name: await names.user(user), ...(user === me.userId ? { self: true } : {}) },
    text: taken ? "" : ((await characterOf(reaction)) ?? `:${reaction}:`),
    replyTo: places.sentId(channel, ts),
    sentAt: msOf(event_ts),
  };
}

async function pressed({ user, channel, message, actions }: Press, here: Here): Promise<Inbound | undefined> {
  const [action] = actions;
  if (!action) return undefined;
  const thread = message.thread_ts === message.ts ? undefined : message.thread_ts;
  return {
    platformId: `press-${user.id}-${action.action_ts}`,
    kind: "button",
    version: 0,
    ...(await placeOf(channel.id, thread, here.names)),
    sender: { id: user.id, name: await here.names.user(user.id) },
    text: "",
    button: action.action_id,
    replyTo: message.ts,
    sentAt: msOf(action.action_ts),
  };
}

async function commanded(command: Command, { names }: Here): Promise<Inbound> {
  const text = (await readable(command.text, names)).trim();
  return {
    platformId: `command-${command.trigger_id}`,
    kind: "message",
    version: 0,
    ...(await placeOf(command.channel_id, undefined, names)),
    sender: { id: command.user_id, name: await names.user(command.user_id) },
    text: text === "" ? "/help" : `/${text.replace(/^\//, "")}`,
    mentionsUs: true,
  };
}

async function placeOf(channel: string, thread: string | undefined, names: Directory) {
  const direct = channel.startsWith("D");
  const title = direct ? undefined : await names.channel(channel);
  return {
    chat: thread === undefined ? channel : `${channel}:${thread}`,
    ...(title === undefined ? {} : { chatTitle: title }),
    ...(thread === undefined ? {} : { threadOf: channel }),
    direct,
  };
}

async function senderOf(message: Message, { me, names }: Here): Promise<InboundSender> {
  const { user, bot_id, username, bot_profile } = message;
  const self = isOurs(message, me);
  const bot = self || (bot_id ?? undefined) !== undefined || user === "USLACKBOT";
  const id = self ? me.userId : (user ?? bot_id ?? "unknown");
  const name =
    username ?? (bot ? bot_profile?.name : undefined) ?? (user === undefined ? id : await names.user(user));
  return { id, name, ...(bot ? { bot } : {}), ...(self ? { self } : {}) };
}

function isOurs({ user, bot_id }: Message, { userId, botId }: Me): boolean {
  return user === userId || (botId !== undefined && bot_id === botId);
}

function attached(file: File, { open }: Here): InboundFile {
  return {
    name: nameOf(file),
    type: file.mimetype,
    bytes: file.size,
    open: (signal) => open(file, signal),
  };
}

/** Slack keeps voice clips as films, whose names tell nobody that they are to be heard. */
function nameOf({ name, title, subtype }: File): string {
  const given = name ?? title ?? "file";
  return subtype === "slack_audio" ? given.replace(/\.mp4$/i, ".m4a") : given;
}

const msOf = (ts: string): number => Math.floor(Number(ts) * 1_000);
