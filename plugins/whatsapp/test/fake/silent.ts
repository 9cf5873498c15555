/**
 * The plugin as it is, with nothing of a test in its process, and Baileys itself at work: connected to a server that
 * takes its greeting and says nothing. As far as that Baileys goes with any server but WhatsApp's (../baileys.test.ts).
 * For measuring what the process takes.
 */
import { definePlugin } from "@bellhop/sdk";
import { join } from "node:path";
import { downloadMedia } from "../../src/media.ts";
import { whatsAppPlugin } from "../../src/plugin.ts";
import { connectBaileys } from "../../src/socket.ts";

export default definePlugin((context) => {
  const url = `ws+unix:${join(context.folder, "silent.sock")}:/`; // as openSilence of driver.ts listens
  const make = whatsAppPlugin({
    makeSocket: async (options) => await connectBaileys({ ...options, url }),
    download: downloadMedia,
  });
  return make(context);
});
