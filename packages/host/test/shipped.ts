/** A plugin that ships with Bellhop, approved and set up in the home of a test's host as its owner would have done it. */
import { appendFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { approve } from "../../../bench/plugin.ts";
import { homePaths } from "../src/config.ts";
import type { Installed } from "../src/core/plugin.ts";

export interface SetUp {
  readonly settings?: Installed["settings"];
  /** Added to the home's `.env`. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The host takes it up by itself. */
export async function setUpShipped(
  home: string,
  name: string,
  { settings = {}, variables = {} }: SetUp,
): Promise<void> {
  const lines = Object.entries(variables).map(([variable, value]) => `${variable}=${value}\n`);
  if (lines.length > 0) await appendFile(homePaths(home).env, lines.join(""), { mode: 0o600 });
  const folder = fileURLToPath(new URL(`../../../plugins/${name}`, import.meta.url));
  await approve(home, { name, folder, ships: true }, settings);
}
