/** What the fake in a plugin's process and whoever drives it from outside (driver.ts) say to each other, a line each. */
import { z } from "zod";

/** A socket in the plugin's own folder, for one account of WhatsApp's; and one for another. */
export const CONTROL = "control.sock";
export const SECOND_CONTROL = "control-2.sock";

const Person = z.strictObject({ id: z.string(), name: z.string() });

/** What somebody does. */
export const Deeds = z.discriminatedUnion("do", [
  /** The phone takes the code that is shown. */
  z.strictObject({ do: z.literal("pair") }),
  /** The code that is shown goes stale, and there is another one. */
  z.strictObject({ do: z.literal("rotate") }),
  /** The phone takes the device away. */
  z.strictObject({ do: z.literal("unlink") }),
  z.strictObject({
    do: z.literal("says"),
    person: Person,
    text: z.string(),
    /** Its content in base64. */
    file: z.strictObject({ name: z.string(), type: z.string(), content: z.string() }).optional(),
  }),
]);
export type Deed = z.infer<typeof Deeds>;

/** As it reads just now. */
const Shown = z.strictObject({
  id: z.string(),
  chat: z.string(),
  from: z.string(),
  text: z.string(),
  file: z.strictObject({ name: z.string(), content: z.string() }).optional(),
});
export type Shown = z.infer<typeof Shown>;

/** What has changed on the fake; the first line is how it stands with the connection. */
export const News = z.discriminatedUnion("news", [
  z.strictObject({ news: z.literal("connection"), isUp: z.boolean() }),
  z.strictObject({ news: z.literal("code"), code: z.string() }),
  z.strictObject({ news: z.literal("message"), message: Shown }),
]);
export type News = z.infer<typeof News>;
