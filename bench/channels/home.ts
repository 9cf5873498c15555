/** The home of a host that is measured: people who may write, and the plugin as an owner would have approved and set it up. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { homePaths } from "../../packages/host/src/config.ts";
import { type Settings, withEchoAgent } from "../host.ts";
import { approve } from "../plugin.ts";
import type { BenchChat, SetUp } from "./platform.ts";

/**
 * A group for each, so that nobody waits for another's sandbox.
 * @param atOnce as many chats are written in at the same time
 */
export function settingsFor(
  channel: string,
  chats: readonly Pick<BenchChat, "sender" | "chat">[],
  atOnce: number,
): Settings {
  return {
    ...withEchoAgent(),
    limits: { sandboxes: atOnce },
    owners: chats.map(({ sender }) => `${channel}:${sender}`),
    groups: Object.fromEntries(
      chats.map(({ chat }, n) => [`person-${n + 1}`, { chats: [`${channel}:${chat}`] }]),
    ),
  };
}

/**
 * The one that the platform makes, else the one that ships with the host that was built, else the one of the repository's
 * own folder.
 * @returns whether it ships
 */
export async function installPlugin(
  home: string,
  name: string,
  { settings, variables, makePlugin }: SetUp,
): Promise<boolean> {
  const made = join(dirname(home), `plugin-${name}`);
  const shipped = fileURLToPath(new URL(`../../packages/host/dist/plugins/${name}`, import.meta.url));
  const own = fileURLToPath(new URL(`../../plugins/${name}`, import.meta.url));
  const ships = !makePlugin && existsSync(shipped);
  await makePlugin?.(made, join(homePaths(home).pluginsData, name));
  const folder = makePlugin ? made : ships ? shipped : own;
  await approve(home, { name, folder, ships }, settings);
  const lines = Object.entries(variables).map(([variable, value]) => `${variable}=${value}\n`);
  await writeFile(homePaths(home).env, lines.join(""), { mode: 0o600 });
  return ships;
}
