/**
 * The plugin, from what makes its connections: WhatsApp's own (index.ts), or those of a test. An account that
 * was disconnected is one without the variable that its linking wrote; its keys go when another one is linked there.
 */
import { type MakePlugin, definePlugin } from "@bellhop/sdk";
import { openedOnce } from "./account.ts";
import { connect } from "./auth.ts";
import { createWhatsApp, type WhatsAppOptions } from "./channel.ts";
import { placesOf } from "./settings.ts";

export type Outside = Pick<WhatsAppOptions, "makeSocket" | "download"> &
  Partial<Pick<WhatsAppOptions, "patience" | "rate">>;

export function whatsAppPlugin(outside: Outside): MakePlugin {
  return definePlugin(({ settings, environment, folder, log, signal }) => {
    const places = placesOf(settings, environment).map((place) => ({
      ...place,
      opened: openedOnce(folder, Date.now, place.number),
    }));
    const channels = places
      .filter(({ isKept }) => isKept)
      .map((place) =>
        createWhatsApp({
          ...outside,
          name: place.account,
          settings: place.settings,
          account: place.opened,
          now: Date.now,
          after(ms, call) {
            const timer = setTimeout(call, ms);
            return () => clearTimeout(timer);
          },
          log,
        }),
      );
    const { makeSocket } = outside;
    return { channels, auth: () => connect({ places, makeSocket, log, now: Date.now, signal }) };
  });
}
