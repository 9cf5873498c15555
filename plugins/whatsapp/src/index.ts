/**
 * WhatsApp for Bellhop, as a linked device of an account (docs/whatsapp.md).
 *
 * What is sent is encrypted on the disk first, and for that Baileys takes the system's folder for temporary files:
 * a folder of the plugin's own, since in its sandbox /tmp is memory.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { definePlugin } from "@bellhop/sdk";
import { downloadMedia } from "./media.ts";
import { whatsAppPlugin } from "./plugin.ts";
import { connectBaileys } from "./socket.ts";

const make = whatsAppPlugin({ makeSocket: connectBaileys, download: downloadMedia });

export default definePlugin((context) => {
  const temporary = join(context.folder, "tmp");
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  process.env["TMPDIR"] = temporary;
  return make(context);
});
