/**
 * The plugin, from what makes its connections: WhatsApp's own (index.ts), or those of a test. An account that
 * was disconnected is one without the variable that its linking wrote; its keys go when another one is linked.
 */
import { type MakePlugin, definePlugin } from "@bellhop/sdk";
import { openedOnce } from "./account.ts";
import { connect, LINKED_AT } from "./auth.ts";
import { createWhatsApp, type WhatsAppOptions } from "./channel.ts";
import { settingsOf } from "./settings.ts";

export type Outside = Pick<WhatsAppOptions, "makeSocket" | "download"> &
  Partial<Pick<WhatsAppOptions, "patience" | "rate">>;

export function whatsAppPlugin(outside: Outside): MakePlugin {
  return definePlugin(({ settings: given, environment, folder, log, signal }) => {
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
    const isKept = environment[LINKED_AT] !== undefined;
    const { makeSocket } = outside;
    return {
      channels: isKept ? [channel] : [],
      auth: () => connect({ account, isKept, settings, makeSocket, log, now: Date.now, signal }),
    };
  });
}
