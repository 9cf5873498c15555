/**
 * What each method that we call takes, by the Bot API's own description. Stricter than Telegram, which passes over
 * fields that it does not know: a name that we got wrong is refused here.
 */
import { z } from "zod";
import { REACTIONS } from "../../src/reactions.ts";

const ChatId = z.union([z.int(), z.string().regex(/^-?\d+$/)]).transform(Number);
const Place = { chat_id: ChatId, message_thread_id: z.int().positive().optional() };
const Markup = z.strictObject({
  inline_keyboard: z.array(
    z
      .array(
        z.strictObject({
          text: z.string().min(1),
          callback_data: z
            .string()
            .min(1)
            .refine((data) => Buffer.byteLength(data) <= 64, "BUTTON_DATA_INVALID"),
        }),
      )
      .max(8),
  ),
});
const Reply = z.strictObject({
  message_id: z.int(),
  allow_sending_without_reply: z.boolean().optional(),
});
const Shown = {
  ...Place,
  parse_mode: z.literal("HTML").optional(),
  reply_parameters: Reply.optional(),
  reply_markup: Markup.optional(),
};
const FILE = z.string().startsWith("attach://");
const Captioned = { ...Shown, caption: z.string().optional() };

const Preview = z.strictObject({ is_disabled: z.boolean() });

export const METHODS = {
  getMe: z.strictObject({}),
  getUpdates: z.strictObject({
    offset: z.int().optional(),
    limit: z.int().min(1).max(100).optional(),
    timeout: z.int().min(0).optional(),
    allowed_updates: z.array(z.string()).optional(),
  }),
  setWebhook: z.strictObject({
    url: z.url({ protocol: /^https$/ }),
    secret_token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,256}$/)
      .optional(),
    allowed_updates: z.array(z.string()).optional(),
    max_connections: z.int().min(1).max(100).optional(),
  }),
  deleteWebhook: z.strictObject({ drop_pending_updates: z.boolean().optional() }),
  sendMessage: z.strictObject({ ...Shown, text: z.string(), link_preview_options: Preview.optional() }),
  editMessageText: z.strictObject({
    chat_id: ChatId,
    message_id: z.int(),
    text: z.string(),
    parse_mode: z.literal("HTML").optional(),
    reply_markup: Markup.optional(),
    link_preview_options: Preview.optional(),
  }),
  setMessageReaction: z.strictObject({
    chat_id: ChatId,
    message_id: z.int(),
    reaction: z
      .array(z.strictObject({ type: z.literal("emoji"), emoji: z.enum(REACTIONS, "REACTION_INVALID") }))
      .max(1, "REACTIONS_TOO_MANY"),
  }),
  sendChatAction: z.strictObject({ ...Place, action: z.literal("typing") }),
  sendPhoto: z.strictObject({ ...Captioned, photo: FILE }),
  sendVoice: z.strictObject({ ...Captioned, voice: FILE }),
  sendAudio: z.strictObject({ ...Captioned, audio: FILE }),
  sendVideo: z.strictObject({ ...Captioned, video: FILE }),
  sendDocument: z.strictObject({
    ...Captioned,
    document: FILE,
    disable_content_type_detection: z.boolean().optional(),
  }),
  answerCallbackQuery: z.strictObject({ callback_query_id: z.string() }),
  getFile: z.strictObject({ file_id: z.string() }),
  getChat: z.strictObject({ chat_id: ChatId }),
  getChatMemberCount: z.strictObject({ chat_id: ChatId }),
} as const;

export type Method = keyof typeof METHODS;
export type Params<M extends Method> = z.infer<(typeof METHODS)[M]>;

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}
