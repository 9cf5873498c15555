/**
 * What `POST /NUMBER/messages` takes, by Meta's own description. Stricter than Meta, which passes over fields that it
 * does not know: a name that we got wrong is refused here.
 */
import { z } from "zod";

const Place = {
  messaging_product: z.literal("whatsapp"),
  recipient_type: z.literal("individual"),
  to: z.string().regex(/^\d+$/).optional(),
  recipient: z
    .string()
    .regex(/^[A-Z]{2}\.\w+$/)
    .optional(),
  context: z.strictObject({ message_id: z.string().startsWith("wamid.") }).optional(),
};
const words = (most: number) => z.string().min(1).max(most);
const Id = z.string().regex(/^\d+$/);

const Buttons = z.strictObject({
  type: z.literal("button"),
  body: z.strictObject({ text: words(1_024) }),
  action: z.strictObject({
    buttons: z
      .array(
        z.strictObject({
          type: z.literal("reply"),
          reply: z.strictObject({ id: words(256), title: words(20) }),
        }),
      )
      .min(1)
      .max(3)
      .refine(
        (all) => new Set(all.map(({ reply }) => reply.title)).size === all.length,
        "the same title twice",
      ),
  }),
});
const List = z.strictObject({
  type: z.literal("list"),
  body: z.strictObject({ text: words(4_096) }),
  action: z.strictObject({
    button: words(20),
    sections: z
      .array(
        z.strictObject({
          title: words(24).optional(),
          rows: z
            .array(z.strictObject({ id: words(200), title: words(24) }))
            .min(1)
            .max(10),
        }),
      )
      .length(1),
  }),
});

export const Sendable = z.discriminatedUnion("type", [
  z.strictObject({
    ...Place,
    type: z.literal("text"),
    text: z.strictObject({ body: words(4_096), preview_url: z.boolean().optional() }),
  }),
  z.strictObject({
    ...Place,
    type: z.literal("interactive"),
    interactive: z.discriminatedUnion("type", [Buttons, List]),
  }),
  z.strictObject({
    ...Place,
    type: z.literal("image"),
    image: z.strictObject({ id: Id, caption: words(1_024).optional() }),
  }),
  z.strictObject({
    ...Place,
    type: z.literal("video"),
    video: z.strictObject({ id: Id, caption: words(1_024).optional() }),
  }),
  z.strictObject({ ...Place, type: z.literal("audio"), audio: z.strictObject({ id: Id }) }),
  z.strictObject({
    ...Place,
    type: z.literal("document"),
    document: z.strictObject({ id: Id, caption: words(1_024).optional(), filename: words(240) }),
  }),
  z.strictObject({
    ...Place,
    type: z.literal("reaction"),
    reaction: z.strictObject({ message_id: z.string().startsWith("wamid."), emoji: z.string() }),
  }),
  z.strictObject({
    ...Place,
    type: z.literal("template"),
    template: z.strictObject({
      name: z.string(),
      language: z.strictObject({ code: z.string() }),
      components: z.tuple([
        z.strictObject({
          type: z.literal("body"),
          parameters: z.tuple([
            z.strictObject({
              type: z.literal("text"),
              parameter_name: z.string().optional(),
              text: words(1_024).refine(
                (text) => !/[\n\t]| {5}/.test(text),
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
              ),
            }),
          ]),
        }),
      ]),
    }),
  }),
]);
export type Sendable = z.infer<typeof Sendable>;

/** Marks a message as read, and shows that we write. */
export const Reading = z.strictObject({
  messaging_product: z.literal("whatsapp"),
  status: z.literal("read"),
  message_id: z.string().startsWith("wamid."),
  typing_indicator: z.strictObject({ type: z.literal("text") }).optional(),
});

/** What can be stored, and up to how many bytes. */
const MiB = 1024 * 1024;
export const STORED: readonly { readonly kind: string; readonly types: RegExp; readonly most: number }[] = [
  { kind: "image", types: /^image\/(?:jpeg|png)$/, most: 5 * MiB },
  { kind: "video", types: /^video\/(?:mp4|3gpp)$/, most: 16 * MiB },
  { kind: "audio", types: /^audio\/(?:aac|amr|mpeg|mp4|ogg)$/, most: 16 * MiB },
  {
    kind: "document",
    types:
      /^(?:text\/plain|application\/(?:pdf|msword|vnd\.ms-excel|vnd\.ms-powerpoint|vnd\.openxmlformats-officedocument\.\S+))$/,
    most: 100 * MiB,
  },
];
