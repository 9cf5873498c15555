/**
 * What Meta posts, as far as we read it: notifications hold entries, which hold changes, which hold messages and
 * statuses. Each of these is parsed alone, so that one that cannot be read takes no other with it.
 */
import { z } from "zod";
import { Faults } from "./errors.ts";

export const Notification = z.object({
  object: z.literal("whatsapp_business_account"),
  entry: z.array(z.object({ changes: z.array(z.object({ field: z.string(), value: z.unknown() })) })),
});

/** Of the field `messages`. */
export const Change = z.object({
  metadata: z.object({ phone_number_id: z.string() }),
  contacts: z.array(z.unknown()).default([]),
  messages: z.array(z.unknown()).default([]),
  statuses: z.array(z.unknown()).default([]),
});
export type Change = z.infer<typeof Change>;

/** Who writes. People may hide their number (`wa_id`, `from`); then only the id that they have with us is there. */
export const Contact = z.object({
  wa_id: z.string().optional(),
  user_id: z.string().optional(),
  profile: z.object({ name: z.string().optional(), username: z.string().optional() }).optional(),
});
export type Contact = z.infer<typeof Contact>;

const Media = z.object({
  id: z.string().min(1),
  mime_type: z.string().optional(),
  filename: z.string().optional(),
  caption: z.string().optional(),
  /** Of an audio: it was spoken into the phone. */
  voice: z.boolean().optional(),
});
export type Media = z.infer<typeof Media>;

const Choice = z.object({ id: z.string(), title: z.string() });

const Content = {
  type: z.string(),
  context: z
    .object({ id: z.string(), forwarded: z.boolean(), frequently_forwarded: z.boolean() })
    .partial()
    .optional(),
  text: z.object({ body: z.string() }).optional(),
  image: Media.optional(),
  video: Media.optional(),
  audio: Media.optional(),
  document: Media.optional(),
  sticker: Media.optional(),
  location: z
    .object({
      latitude: z.number(),
      longitude: z.number(),
      name: z.string().optional(),
      address: z.string().optional(),
    })
    .optional(),
  contacts: z
    .array(
      z.object({
        name: z.object({ formatted_name: z.string().optional() }).optional(),
        phones: z.array(z.object({ phone: z.string().optional() })).default([]),
        emails: z.array(z.object({ email: z.string().optional() })).default([]),
      }),
    )
    .optional(),
  /** A button or a line of a list was chosen; or a form was filled in. */
  interactive: z
    .object({
      button_reply: Choice.optional(),
      list_reply: Choice.optional(),
      nfm_reply: z.object({ body: z.string().optional(), response_json: z.string().optional() }).optional(),
    })
    .optional(),
  /** A button of a template was pressed. */
  button: z.object({ text: z.string() }).optional(),
  order: z.object({ text: z.string().optional() }).optional(),
  unsupported: z.object({ type: z.string().optional() }).optional(),
};

export const Message = z.object({
  ...Content,
  id: z.string().min(1),
  from: z.string().optional(),
  from_user_id: z.string().optional(),
  group_id: z.string().optional(),
  /** Seconds since 1970. */
  timestamp: z.coerce.number(),
  reaction: z.object({ message_id: z.string(), emoji: z.string().optional() }).optional(),
  edit: z.object({ original_message_id: z.string(), message: z.object(Content) }).optional(),
  revoke: z.object({ original_message_id: z.string() }).optional(),
});
export type Message = z.infer<typeof Message>;
export type Content = Pick<Message, keyof typeof Content>;

/** What became of a message of ours. */
export const Status = z.object({
  id: z.string(),
  status: z.string(),
  recipient_id: z.string().optional(),
  recipient_user_id: z.string().optional(),
  errors: Faults.optional(),
});
