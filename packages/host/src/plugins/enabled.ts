/** The plugins of a home that may be used, for a command that runs without the host. None of their code is run. */
import type { HomePaths } from "../config.ts";
import type { KnownPlugin } from "../core/plugin.ts";
import { readInstalled } from "./installed.ts";
import { findPlugins, judge, pluginPlaces } from "./registry.ts";

/** @throws ConfigError where what owners decided cannot be read */
export async function enabledIn(paths: Pick<HomePaths, "plugins">): Promise<readonly KnownPlugin[]> {
  const installed = await readInstalled(paths);
  const judged = judge(await findPlugins(pluginPlaces(paths.plugins), installed), installed);
  return judged.flatMap(({ state, plugin }) => (state === "usable" && plugin ? [plugin] : []));
}
