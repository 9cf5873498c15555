/** The channels of the fake platform as a plugin brings them, in a process of its own. */
import { definePlugin } from "@bellhop/sdk";
import { z } from "zod";
import { platformChannel } from "./channel.ts";
import { Account } from "./words.ts";

const Settings = z.strictObject({ url: z.url() });

export default definePlugin(({ settings }) => {
  const { url } = Settings.parse(settings);
  return { channels: Account.options.map((account) => platformChannel(account, url)) };
});
