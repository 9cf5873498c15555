/** The plugin, from what makes its connections: WhatsApp's own (index.ts), or those of a test. */
import { type MakePlugin, definePlugin } from "@bellhop/sdk";
import { openedOnce } from "./account.ts";
import { connect } from "./auth.ts";
import { createWhatsApp, type WhatsAppOptions } from "./channel.ts";
import { settingsOf } from "./settings.ts";

export type Outside = Pick<WhatsAppOptions, "makeSocket" | "download"> &
  Partial<Pick<WhatsAppOptions, "patience" | "rate">>;

export function whatsAppPlugin(outside: Outside): MakePlugin {
  return definePlugin(({ settings: given, folder, log, signal }) => {
    const settings = settingsOf(given);
    const account = openedOnce(folder, Date.now);
    const channel = createWhatsApp({
      ...outside,
      settings,
      account,
      now: Date.now,
      after(ms, call) {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      log,
    });
    return {
      channels: [channel],
      auth: () => connect({ account, settings, makeSocket: outside.makeSocket, log, now: Date.now, signal }),
    };
  });
}
