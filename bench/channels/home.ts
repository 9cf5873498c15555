/** The home of a host that is measured: people who may write, and the plugin as an owner would have approved and set it up. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { homePaths } from "../../packages/host/src/config.ts";
import { type Settings, withEchoAgent } from "../host.ts";
import { approve } from "../plugin.ts";
import type { BenchChat, OpenPlatform } from "./platform.ts";

/** A group for each, so that nobody waits for another's sandbox. */
export function settingsFor(channel: string, chats: readonly Pick<BenchChat, "sender" | "chat">[]): Settings {
  return {
    ...withEchoAgent(),
    limits: { sandboxes: chats.length },
    owners: chats.map(({ sender }) => `${channel}:${sender}`),
    groups: Object.fromEntries(
      chats.map(({ chat }, n) => [`person-${n + 1}`, { chats: [`${channel}:${chat}`] }]),
    ),
  };
}

/**
 * The one that ships with the host that was built, else the one of the repository's own folder.
 * @returns whether it ships
 */
export async function installPlugin(
  home: string,
  name: string,
  { settings, variables }: Pick<OpenPlatform, "settings" | "variables">,
): Promise<boolean> {
  const shipped = fileURLToPath(new URL(`../../packages/host/dist/plugins/${name}`, import.meta.url));
  const own = fileURLToPath(new URL(`../../plugins/${name}`, import.meta.url));
  const ships = existsSync(shipped);
  await approve(home, { name, folder: ships ? shipped : own, ships }, settings);
  const lines = Object.entries(variables).map(([variable, value]) => `${variable}=${value}\n`);
  await writeFile(homePaths(home).env, lines.join(""), { mode: 0o600 });
  return ships;
}
