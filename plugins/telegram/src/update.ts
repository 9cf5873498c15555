/**
 * What Telegram's updates hold, as far as we read them. Each is parsed for itself, so that one that does not
 * hold what the Bot API says costs only itself. Unknown fields are left out.
 */
import { z } from "zod";

const Id = z.int();

const User = z.object({
  id: Id,
  is_bot: z.boolean().optional(),
  first_name: z.string(),
  last_name: z.string().optional(),
  username: z.string().optional(),
});

const Chat = z.object({
  id: Id,
  type: z.enum(["private", "group", "supergroup", "channel"]),
  title: z.string().optional(),
  username: z.string().optional(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
});
export type Chat = z.infer<typeof Chat>;

const Entity = z.object({
  type: z.string(),
  offset: z.int().min(0),
  length: z.int().min(0),
  user: User.optional(),
  /** Of a `text_link`: where its words lead. */
  url: z.string().optional(),
});
export type Entity = z.infer<typeof Entity>;

const File = z.object({
  file_id: z.string().min(1),
  file_unique_id: z.string().min(1),
  file_size: z.int().optional(),
  file_name: z.string().optional(),
  mime_type: z.string().optional(),
});
export type File = z.infer<typeof File>;

const Place = z.object({ latitude: z.number(), longitude: z.number() });

const Origin = z.object({
  sender_user: User.optional(),
  /** Of somebody who does not let themselves be linked to. */
  sender_user_name: z.string().optional(),
  sender_chat: Chat.optional(),
  chat: Chat.optional(),
  author_signature: z.string().optional(),
});

const Message = z.object({
  message_id: Id,
  message_thread_id: Id.optional(),
  is_topic_message: z.boolean().optional(),
  from: User.optional(),
  sender_chat: Chat.optional(),
  author_signature: z.string().optional(),
  is_automatic_forward: z.boolean().optional(),
  forward_origin: Origin.optional(),
  date: z.int(),
  edit_date: z.int().optional(),
  chat: Chat,
  reply_to_message: z.object({ message_id: Id }).optional(),
  quote: z.object({ text: z.string() }).optional(),
  text: z.string().optional(),
  entities: z.array(Entity).optional(),
  caption: z.string().optional(),
  caption_entities: z.array(Entity).optional(),

  photo: z.array(File).min(1).optional(),
  document: File.optional(),
  animation: File.optional(),
  audio: File.optional(),
  voice: File.optional(),
  video: File.optional(),
  video_note: File.optional(),
  sticker: z.object({ emoji: z.string().optional() }).optional(),
  location: Place.optional(),
  venue: z.object({ location: Place, title: z.string(), address: z.string() }).optional(),
  contact: z
    .object({ phone_number: z.string(), first_name: z.string(), last_name: z.string().optional() })
    .optional(),
  poll: z.object({ question: z.string(), options: z.array(z.object({ text: z.string() })) }).optional(),
  dice: z.object({ emoji: z.string(), value: z.int() }).optional(),
  game: z.object({ title: z.string() }).optional(),
  story: z.object({}).optional(),
  checklist: z
    .object({ title: z.string(), tasks: z.array(z.object({ text: z.string() })).default([]) })
    .optional(),
  migrate_to_chat_id: Id.optional(),
});
export type Message = z.infer<typeof Message>;

const Emoji = z.object({ type: z.string(), emoji: z.string().optional() });
export type Emoji = z.infer<typeof Emoji>;

const Reaction = z.object({
  chat: Chat,
  message_id: Id,
  user: User.optional(),
  actor_chat: Chat.optional(),
  date: z.int(),
  old_reaction: z.array(Emoji),
  new_reaction: z.array(Emoji),
});
export type Reaction = z.infer<typeof Reaction>;

const Press = z.object({
  id: z.string().min(1),
  from: User,
  /** Of one that is too old only these are there. */
  message: Message.pick({ message_id: true, chat: true, message_thread_id: true, is_topic_message: true })
    .extend({ date: z.int() })
    .optional(),
  data: z.string().optional(),
});
export type Press = z.infer<typeof Press>;
export type User = z.infer<typeof User>;

export const UpdateId = z.object({ update_id: Id });

export const Update = z.object({
  update_id: Id,
  message: Message.optional(),
  edited_message: Message.optional(),
  message_reaction: Reaction.optional(),
  callback_query: Press.optional(),
});
export type Update = z.infer<typeof Update>;

/** The kinds that we ask for. Posts in channels are none: a channel is not a conversation. */
export const UPDATES = ["message", "edited_message", "message_reaction", "callback_query"] as const;

export const Me = z.object({
  id: Id,
  username: z.string(),
  can_read_all_group_messages: z.boolean().optional(),
});
export type Me = z.infer<typeof Me>;
