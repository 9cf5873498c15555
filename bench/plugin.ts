/** A plugin of this repository in the home of a host that is measured or tried, as an owner would have approved it. */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { homePaths } from "../packages/host/src/config.ts";
import type { Installed } from "../packages/host/src/core/plugin.ts";
import { approvedWhole } from "../packages/host/src/plugins/asks.ts";
import { editInstalled } from "../packages/host/src/plugins/installed.ts";
import { readManifest } from "../packages/host/src/plugins/manifest-file.ts";

export interface PluginPlace {
  readonly name: string;
  readonly folder: string;
  /** It comes with the host that runs. */
  readonly ships: boolean;
}

/** Before the host starts. */
export async function approve(
  home: string,
  { name, folder, ships }: PluginPlace,
  settings: Installed["settings"],
): Promise<void> {
  const paths = homePaths(home);
  const manifest = await readManifest(folder);
  if (!manifest) throw new Error(`there is no plugin in ${folder}`);
  await mkdir(paths.plugins, { recursive: true, mode: 0o700 });
  if (!ships) await symlink(folder, join(paths.plugins, name));
  await editInstalled(paths, (all) => ({
    ...all,
    [name]: approvedWhole(manifest, {
      source: ships ? { from: "bellhop" } : { from: "folder", path: folder },
      settings,
    }),
  }));
}
