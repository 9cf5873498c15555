/** The plugins that are there: in the home, with Bellhop, and those of which only the record is left. */
import { BellhopError, type Manifest, RejectedError } from "@bellhop/sdk";
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import type { HomePaths } from "../../config.ts";
import { hasCode } from "../../core/error-code.ts";
import type { Installed, PluginSource } from "../../core/plugin.ts";
import { readInstalled } from "../installed.ts";
import { readManifest } from "../manifest-file.ts";
import { linkOf, mendPlaced, placeOf } from "./place.ts";

export interface Present {
  readonly name: string;
  readonly folder: string;
  /** It comes with Bellhop. */
  readonly shipped: boolean;
  /** It is used where its author works on it. */
  readonly linked: boolean;
  readonly installed: Installed | undefined;
  readonly manifest: Manifest | undefined;
  /** Why there is no manifest. */
  readonly problem: string | undefined;
}

interface Where {
  readonly paths: HomePaths;
  /** Folders of the plugins that ship. */
  readonly shipped: readonly string[];
}

/** By name. */
export async function presentPlugins({ paths, shipped }: Where): Promise<readonly Present[]> {
  await mendPlaced(paths);
  const all = await readInstalled(paths);
  const own = (await foldersIn(paths.plugins)).map((name) => placeOf(paths, name));
  const found = await Promise.all(
    [...own, ...shipped].map(async (folder) => {
      const read = await manifestIn(folder);
      if (read === undefined) return [];
      const name = read.manifest?.name ?? basename(folder);
      const ships = shipped.includes(folder);
      const linked = !ships && (await linkOf(paths, name)) !== undefined;
      return [{ name, folder, shipped: ships, linked, installed: all[name], ...read }];
    }),
  );
  const known = new Set(found.flat().map(({ name }) => name));
  const lost = Object.entries(all).flatMap(([name, installed]) => {
    if (known.has(name)) return [];
    const problem = "its code is gone: add it again, or remove it";
    const folder = placeOf(paths, name);
    return [{ name, folder, shipped: false, linked: false, installed, manifest: undefined, problem }];
  });
  return [...found.flat(), ...lost].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws RejectedError where there is none of that name */
export async function presentPlugin(where: Where, name: string): Promise<Present> {
  const one = (await presentPlugins(where)).find((other) => other.name === name);
  if (one) return one;
  throw new RejectedError(`There is no plugin ${JSON.stringify(name)} here; bellhop plugins list shows all.`);
}

/** For people: where its code came from. */
export function sourceWords(source: PluginSource): string {
  switch (source.from) {
    case "bellhop":
      return "Bellhop itself";
    case "npm":
      return `the package ${source.package}`;
    case "tarball":
      return `the file ${source.place}`;
    case "git":
      return `${source.url} at ${source.commit.slice(0, 12)}`;
    case "folder":
      return `the folder ${source.path}`;
    default:
      return source satisfies never;
  }
}

/** Undefined: no plugin at all. A broken one is shown, and stops no other. */
async function manifestIn(folder: string): Promise<Pick<Present, "manifest" | "problem"> | undefined> {
  try {
    const manifest = await readManifest(folder);
    return manifest && { manifest, problem: undefined };
  } catch (error) {
    if (!(error instanceof BellhopError)) throw error;
    return { manifest: undefined, problem: error.message };
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => name)
      .filter((name) => !name.startsWith("."));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
