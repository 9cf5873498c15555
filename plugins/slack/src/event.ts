/**
 * What Slack says that people did, as far as we read it. Each is parsed for itself, so that one which does not hold
 * what Slack's documentation says costs only itself. Unknown fields are left out.
 */
import { z } from "zod";

/** Seconds and a counter behind a point: the time of a message, and its id in its channel. */
const Ts = z.string().regex(/^\d{1,12}\.\d{1,9}$/);

export const File = z.object({
  id: z.string(),
  name: z.string().nullish(),
  title: z.string().nullish(),
  mimetype: z.string().optional(),
  /** `slack_audio`: a voice clip. */
  subtype: z.string().nullish(),
  size: z.int().optional(),
  url_private: z.string().optional(),
  url_private_download: z.string().optional(),
});
export type File = z.infer<typeof File>;

export const Message = z.object({
  subtype: z.string().optional(),
  user: z.string().optional(),
  bot_id: z.string().nullish(),
  username: z.string().optional(),
  bot_profile: z.object({ name: z.string().optional() }).optional(),
  text: z.string().default(""),
  ts: Ts,
  thread_ts: Ts.optional(),
  /** Whose message the thread hangs on. */
  parent_user_id: z.string().optional(),
  files: z.array(File).optional(),
  blocks: z.array(z.unknown()).optional(),
  attachments: z.array(z.unknown()).optional(),
  edited: z.object({ ts: Ts }).optional(),
});
export type Message = z.infer<typeof Message>;

const Channel = { channel: z.string() };
const Reaction = {
  user: z.string(),
  reaction: z.string(),
  item: z.object({ type: z.string(), channel: z.string().optional(), ts: Ts.optional() }),
  event_ts: Ts,
};

const Changed = z.object({
  type: z.literal("message"),
  subtype: z.literal("message_changed"),
  ...Channel,
  event_ts: Ts,
  message: Message,
  previous_message: Message.optional(),
});
const Deleted = z.object({
  type: z.literal("message"),
  subtype: z.literal("message_deleted"),
  ...Channel,
  deleted_ts: Ts,
  previous_message: Message.optional(),
});
const Said = Message.extend({ type: z.enum(["message", "app_mention"]), ...Channel });
const Reacted = z.object({ type: z.enum(["reaction_added", "reaction_removed"]), ...Reaction });

export type Said = Message & { readonly channel: string };
export type Changed = z.infer<typeof Changed>;
export type Deleted = z.infer<typeof Deleted>;
export type Reacted = z.infer<typeof Reacted>;

export const EventPayload = z.object({
  /** Seconds. */
  event_time: z.int().optional(),
  event: z.union([Changed, Deleted, Reacted, Said]),
});

/** `/bellhop stop`: Slack has names for commands that hold for a whole workspace, so there is one. */
export const Command = z.object({
  text: z.string().default(""),
  user_id: z.string(),
  channel_id: z.string(),
  trigger_id: z.string(),
});
export type Command = z.infer<typeof Command>;

export const Press = z.object({
  type: z.literal("block_actions"),
  user: z.object({ id: z.string() }),
  channel: z.object({ id: z.string() }),
  message: z.object({ ts: Ts, thread_ts: Ts.optional() }),
  actions: z.array(z.object({ action_id: z.string(), action_ts: Ts })).min(1),
});
export type Press = z.infer<typeof Press>;

/** Kinds of messages that people write; the others are what Slack says of a channel by itself. */
const WRITTEN = new Set([undefined, "file_share", "thread_broadcast", "me_message", "bot_message"]);

export function isWritten({ subtype }: Message): boolean {
  return WRITTEN.has(subtype);
}

/** What stands where a message was that has answers below it. */
export function isTombstone({ subtype }: Message): boolean {
  return subtype === "tombstone";
}
