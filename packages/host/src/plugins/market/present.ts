/** The plugins that are there: in the home, with Bellhop, and those of which only the record is left. */
import { type Manifest, RejectedError } from "@bellhop/sdk";
import type { HomePaths } from "../../config.ts";
import type { Installed, PluginSource } from "../../core/plugin.ts";
import { readInstalled } from "../installed.ts";
import { findPlugins, type FoundPlugin, type Places } from "../registry.ts";
import { linkOf, mendPlaced, placeOf } from "./place.ts";

export interface Present {
  readonly name: string;
  readonly folder: string;
  /** `shipped`: it comes with Bellhop. `modules`: npm installed it beside Bellhop. */
  readonly place: FoundPlugin["place"];
  /** It is used where its author works on it. */
  readonly linked: boolean;
  readonly installed: Installed | undefined;
  readonly manifest: Manifest | undefined;
  /** Why there is no manifest. */
  readonly problem: string | undefined;
}

interface Where {
  readonly paths: HomePaths;
  readonly places: Places;
}

/** By name. */
export async function presentPlugins({ paths, places }: Where): Promise<readonly Present[]> {
  await mendPlaced(paths);
  const all = await readInstalled(paths);
  const found = await Promise.all(
    (await findPlugins(places)).map(async ({ name, folder, place, manifest, problem }): Promise<Present> => {
      const linked = place === "home" && (await linkOf(paths, name)) !== undefined;
      return { name, folder, place, linked, installed: all[name], manifest, problem };
    }),
  );
  const known = new Set(found.map(({ name }) => name));
  const lost = Object.entries(all).flatMap(([name, installed]): Present[] => {
    if (known.has(name)) return [];
    const problem = "its code is gone: add it again, or remove it";
    return [
      {
        name,
        folder: placeOf(paths, name),
        place: "home",
        linked: false,
        installed,
        manifest: undefined,
        problem,
      },
    ];
  });
  return [...found, ...lost].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws RejectedError where there is none of that name */
export async function presentPlugin(where: Where, name: string): Promise<Present> {
  const named = (await presentPlugins(where)).filter((other) => other.name === name);
  // The owner's own before one that only lies about.
  const one = named.find(({ place }) => place === "home") ?? named[0];
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
