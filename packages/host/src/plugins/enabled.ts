/** The plugins of a home that are enabled, for a command that runs without the host. None of their code is run. */
import { ConfigError } from "@bellhop/sdk";
import { join } from "node:path";
import type { HomePaths } from "../config.ts";
import type { KnownPlugin } from "../core/plugin.ts";
import { unapproved } from "./asks.ts";
import { readInstalled } from "./installed.ts";
import { readManifest } from "./manifest-file.ts";

/** @throws ConfigError where one of them cannot be read */
export async function enabledIn(paths: Pick<HomePaths, "plugins">): Promise<readonly KnownPlugin[]> {
  const enabled = Object.entries(await readInstalled(paths)).filter(([, installed]) => installed.enabled);
  return await Promise.all(
    enabled.map(async ([name, installed]) => {
      const folder = installed.source.from === "folder" ? installed.source.path : join(paths.plugins, name);
      const manifest = await readManifest(folder);
      if (!manifest || manifest.name !== name)
        throw new ConfigError(`There is no plugin ${name} in ${folder}.`);
      const more = unapproved(manifest, installed.approved);
      if (more.length > 0) {
        throw new ConfigError(`The plugin ${name} asks for more than was approved: ${more.join("; ")}.`);
      }
      return { name, manifest, folder, installed };
    }),
  );
}
