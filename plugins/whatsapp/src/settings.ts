/** What an owner sets. */
import { ConfigError } from "@bellhop/sdk";
import { z } from "zod";

const Settings = z.strictObject({
  mode: z.enum(["own", "shared"]).default("own"),
  readReceipts: z.boolean().default(false),
  markOnline: z.boolean().default(false),
  version: z.tuple([z.int().min(0), z.int().min(0), z.int().min(0)]).optional(),
});
export type Settings = Readonly<z.infer<typeof Settings>>;

/** @throws ConfigError */
export function settingsOf(given: unknown): Settings {
  const parsed = Settings.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  throw new ConfigError(`The settings of the plugin whatsapp do not hold: ${z.prettifyError(parsed.error)}`);
}
