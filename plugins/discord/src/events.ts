/**
 * What Discord tells, as far as we read it. Each is parsed for itself, so that one that does not hold what Discord
 * says costs only itself. Unknown fields are left out.
 */
import { z } from "zod";

const Id = z.string().regex(/^\d{1,20}$/);

export const User = z.object({
  id: Id,
  username: z.string(),
  global_name: z.string().nullish(),
  bot: z.boolean().optional(),
});
export type User = z.infer<typeof User>;

/** As a server knows somebody. */
const Member = z.object({ nick: z.string().nullish() });
const MemberWithUser = Member.extend({ user: User });

const Attachment = z.object({
  filename: z.string(),
  /** Without its ending, where the name has signs that `filename` may not have. */
  title: z.string().nullish(),
  size: z.int().min(0),
  content_type: z.string().nullish(),
  url: z.url(),
});
export type Attachment = z.infer<typeof Attachment>;

/** What a program put below its text, or (of another type) Discord where a link stands. */
const Embed = z.object({
  type: z.string().optional(),
  author: z.object({ name: z.string().optional() }).nullish(),
  title: z.string().nullish(),
  description: z.string().nullish(),
  fields: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  footer: z.object({ text: z.string().optional() }).nullish(),
});
export type Embed = z.infer<typeof Embed>;

const Content = z.object({
  content: z.string().default(""),
  /** What of them cannot be read costs none of the words. */
  embeds: z.array(Embed).catch([]),
  components: z.array(z.unknown()).catch([]),
  attachments: z.array(Attachment).default([]),
  sticker_items: z.array(z.object({ name: z.string() })).default([]),
});

const Poll = z.object({
  question: z.object({ text: z.string().default("") }),
  answers: z.array(z.object({ poll_media: z.object({ text: z.string().default("") }) })).default([]),
});

export const Message = Content.extend({
  id: Id,
  channel_id: Id,
  guild_id: Id.optional(),
  author: User,
  member: Member.optional(),
  webhook_id: Id.optional(),
  type: z.int(),
  timestamp: z.string(),
  edited_timestamp: z.string().nullish(),
  mentions: z.array(User).default([]),
  mention_roles: z.array(Id).default([]),
  poll: Poll.nullish(),
  /** Type 1: it forwards that message, which stands in `message_snapshots`. Else it answers it. */
  message_reference: z.object({ type: z.int().default(0), message_id: Id.optional() }).optional(),
  referenced_message: z.object({ author: User }).nullish(),
  message_snapshots: z.array(z.object({ message: Content })).default([]),
});
export type Message = z.infer<typeof Message>;

export const Deleted = z.object({ id: Id, channel_id: Id });
export const DeletedInBulk = z.object({ ids: z.array(Id), channel_id: Id });

export const Reaction = z.object({
  user_id: Id,
  channel_id: Id,
  message_id: Id,
  /** In a server, when it was added. */
  member: MemberWithUser.optional(),
  emoji: z.object({ id: Id.nullish(), name: z.string().nullish() }),
});
export type Reaction = z.infer<typeof Reaction>;

/** A button that was pressed (type 3), or a slash command (type 2). */
export const Interaction = z.object({
  id: Id,
  token: z.string().min(1),
  type: z.int(),
  channel_id: Id,
  channel: z.object({ type: z.int() }).optional(),
  guild_id: Id.optional(),
  /** What the bot may do there, as bits. */
  app_permissions: z.string().regex(/^\d+$/).optional(),
  /** In a server. */
  member: MemberWithUser.optional(),
  /** In direct messages. */
  user: User.optional(),
  message: z.object({ id: Id }).optional(),
  data: z
    .object({
      name: z.string().optional(),
      custom_id: z.string().optional(),
      options: z
        .array(z.object({ value: z.union([z.string(), z.number(), z.boolean()]).optional() }))
        .default([]),
    })
    .optional(),
});
export type Interaction = z.infer<typeof Interaction>;

export const ChannelInfo = z.object({
  id: Id,
  type: z.int(),
  guild_id: Id.optional(),
  name: z.string().nullish(),
  parent_id: Id.nullish(),
  recipients: z.array(User).default([]),
});
export type ChannelInfo = z.infer<typeof ChannelInfo>;

export const Ready = z.object({ session_id: z.string().min(1), resume_gateway_url: z.string().min(1) });

export const GatewayBot = z.object({
  url: z.string().min(1),
  session_start_limit: z.object({ remaining: z.int(), reset_after: z.number().min(0) }),
});

export const Application = z.object({ id: Id, flags: z.int().default(0) });
export const OurMember = z.object({ roles: z.array(Id) });
export const Reference = z.object({ id: Id });
export const InGuild = z.object({ guild_id: Id });

/** Names of people as others see them. */
export function nameOf(user: User, member?: { readonly nick?: string | null | undefined }): string {
  return member?.nick ?? user.global_name ?? user.username;
}
