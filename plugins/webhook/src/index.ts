import { definePlugin } from "@bellhop/sdk";
import { randomUUID } from "node:crypto";
import { Settings, webhook } from "./webhook.ts";

export default definePlugin(({ environment, settings }) => {
  const { channels, route, show } = webhook({
    secret: environment["WEBHOOK_SECRET"] ?? "",
    settings: Settings.parse(settings),
    fetch: globalThis.fetch,
    now: Date.now,
    randomId: randomUUID,
  });
  const { publicUrl = "http://127.0.0.1:7407" } = Settings.parse(settings);
  return {
    channels,
    routes: route,
    commands: {
      show({ args: [name = ""], print }) {
        const { path, key } = show(name);
        print(`address  ${publicUrl.replace(/\/$/, "")}${path}`);
        print(`key      ${key}`);
        return 0;
      },
    },
  };
});
