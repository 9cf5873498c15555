/**
 * Which plugins there are, and which of them may be used: what is found in the home, beside Bellhop and among
 * what npm installed, put together with what owners decided. None of their code is run here.
 *
 * A plugin that cannot be used says why in one sentence, and takes nothing from the others.
 */
import { ConfigError, type Manifest } from "@bellhop/sdk";
import { existsSync } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { codeOf } from "../core/error-code.ts";
import { jsonText } from "../core/json-text.ts";
import type { KnownPlugin, PluginState, Installed } from "../core/plugin.ts";
import { unapproved } from "./asks.ts";
import type { AllInstalled } from "./installed.ts";
import { readManifest } from "./manifest-file.ts";
import { modulesAround } from "./programs.ts";

const KEYWORD = "bellhop-plugin";

export interface Places {
  /** `BELLHOP_HOME/plugins`. */
  readonly home: string;
  /** What ships with Bellhop. */
  readonly shipped: string;
  /** Where npm put what was installed with Bellhop. */
  readonly modules: readonly string[];
}

/** Beside this file, in the sources as in the package. */
export function pluginPlaces(home: string): Places {
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const built = existsSync(at("sdk/index.js"));
  return {
    home,
    shipped: at(built ? "plugins" : "../../../../plugins"),
    modules: modulesAround(at(".").replace(/\/$/, "")).slice(0, 2),
  };
}

type Place = "home" | "shipped" | "modules";

export interface FoundPlugin {
  readonly folder: string;
  readonly place: Place;
  /** As its manifest says, else its folder's. */
  readonly name: string;
  readonly manifest: Manifest | undefined;
  /** Why there is none. */
  readonly problem: string | undefined;
}

/**
 * In the order of names.
 * @param decided where it is given, what npm installed is looked through only for what of it is not elsewhere:
 *   reading hundreds of packages would be the longest part of a host's start
 */
export async function findPlugins(
  { home, shipped, modules }: Places,
  decided?: AllInstalled,
): Promise<readonly FoundPlugin[]> {
  const seen = new Set<string>();
  const found: FoundPlugin[] = [];
  async function lookIn(place: Place, folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      const real = await realpath(folder);
      // A repository's own plugins are linked into its node_modules.
      if (seen.has(real)) continue;
      seen.add(real);
      found.push(...(await look(real, basename(folder), place)));
    }
  }
  await lookIn("home", await foldersIn(home));
  await lookIn("shipped", await foldersIn(shipped));
  if (!decided || Object.entries(decided).some(([name, one]) => mayBePackage(name, one, found))) {
    await lookIn("modules", (await Promise.all(modules.map(packagesIn))).flat());
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function mayBePackage(name: string, { source }: Installed, found: readonly FoundPlugin[]): boolean {
  if (source.from === "folder" && source.path.includes("/node_modules/")) return true;
  return !found.some((one) => one.name === name);
}

async function look(folder: string, name: string, place: Place): Promise<readonly FoundPlugin[]> {
  try {
    const manifest = await readManifest(folder);
    if (manifest) return [{ folder, place, name: manifest.name, manifest, problem: undefined }];
    if (place !== "home") return [];
    const problem = "there is neither a plugin.json nor a package.json with the key bellhop in its folder";
    return [{ folder, place, name, manifest: undefined, problem }];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ folder, place, name, manifest: undefined, problem: error.message }];
  }
}

async function foldersIn(place: string): Promise<readonly string[]> {
  const names = await namesIn(place);
  const folders = await Promise.all(
    names.map(async (name) => {
      const path = join(place, name);
      const is = name.startsWith(".") ? undefined : await stat(path).catch(() => undefined); // a broken link
      return is?.isDirectory() ? [path] : [];
    }),
  );
  return folders.flat();
}

async function packagesIn(modules: string): Promise<readonly string[]> {
  const names = await namesIn(modules);
  const scoped = await Promise.all(
    names
      .filter((name) => name.startsWith("@"))
      .map(async (scope) => (await namesIn(join(modules, scope))).map((name) => join(scope, name))),
  );
  const all = [...names.filter((name) => !/^[.@]/.test(name)), ...scoped.flat()];
  const plugins = await Promise.all(
    all.map(async (name) => {
      const text = await readFile(join(modules, name, "package.json"), "utf8").catch(() => ""); // no package
      // Most are none, and parsing hundreds of files costs more than reading them.
      if (!text.includes(KEYWORD)) return [];
      const keywords = Keywords.safeParse(text);
      return keywords.success && keywords.data.keywords.includes(KEYWORD) ? [join(modules, name)] : [];
    }),
  );
  return plugins.flat();
}

const Keywords = jsonText(z.object({ keywords: z.array(z.string()) }));

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
    throw error;
  }
}

/** A plugin, and what is to become of it. */
export interface Judged {
  readonly name: string;
  readonly version: string;
  readonly state: Extract<PluginState, "new" | "disabled" | "refused"> | "usable";
  readonly why: string | undefined;
  readonly plugin: KnownPlugin | undefined;
}

/** One for each name, in the order of names. */
export function judge(found: readonly FoundPlugin[], installed: AllInstalled): readonly Judged[] {
  const names = [...new Set([...found.map(({ name }) => name), ...Object.keys(installed)])].toSorted();
  return names.map((name) =>
    judgeOne(
      name,
      found.filter((one) => one.name === name),
      installed[name],
    ),
  );
}

function judgeOne(
  name: string,
  candidates: readonly FoundPlugin[],
  installed: Installed | undefined,
): Judged {
  const refused = (why: string, version = installed?.version ?? ""): Judged => ({
    name,
    version,
    state: "refused",
    why,
    plugin: undefined,
  });
  const meant =
    candidates.length > 1 ? candidates.filter(({ place }) => isMeant(place, installed)) : candidates;
  const [one, ...others] = meant.length > 0 ? meant : candidates;
  if (!one)
    return refused(`its code is not there; add it again, or forget it with: bellhop plugins remove ${name}`);
  if (others.length > 0) {
    const folders = [one, ...others].map(({ folder }) => folder).join(" and ");
    return refused(
      `several plugins have this name, in ${folders}; take all but one away`,
      one.manifest?.version,
    );
  }
  const { manifest, folder, problem } = one;
  if (!manifest) return refused(problem ?? "it has no manifest");
  const { version } = manifest;
  const plugin: KnownPlugin = { name, manifest, folder, installed };
  if (!installed) {
    return {
      name,
      version,
      state: "new",
      why: `nobody has approved it yet; look at it with: bellhop plugins info ${name}, and approve it with: bellhop plugins enable ${name}`,
      plugin,
    };
  }
  if (!installed.enabled) return { name, version, state: "disabled", why: installed.disabledBecause, plugin };
  const more = unapproved(manifest, installed.approved);
  if (more.length > 0) {
    return {
      ...refused(
        `it asks for more than was approved: ${more.join("; ")}; look at it with: bellhop plugins info ${name}, and approve it with: bellhop plugins enable ${name}`,
        version,
      ),
      plugin,
    };
  }
  const wrong = settingsProblem(plugin, installed) ?? entryProblem(plugin);
  if (wrong !== undefined) return { ...refused(wrong, version), plugin };
  return { name, version, state: "usable", why: undefined, plugin };
}

/** Where several have one name, what the owner added is meant. */
function isMeant(place: Place, installed: Installed | undefined): boolean {
  const from = installed?.source.from;
  switch (from) {
    case undefined:
      return false;
    case "bellhop":
      return place === "shipped";
    case "npm":
    case "tarball":
    case "git":
    case "folder":
      return place === "home";
    default:
      return from satisfies never;
  }
}

/** In words, or undefined: by zod's reading of JSON Schema, for zod is here anyway. */
export function settingsProblem(
  { name, manifest }: Pick<KnownPlugin, "name" | "manifest">,
  { settings }: Pick<Installed, "settings">,
): string | undefined {
  const schema = settingsSchema(manifest);
  if (typeof schema === "string") return schema;
  const read = schema.safeParse(settings);
  if (read.success) return undefined;
  const problems = read.error.issues.map(({ path, message }) =>
    [path.join("."), message].filter(Boolean).join(": "),
  );
  return `its settings do not hold: ${problems.join("; ")}; mend them under ${name} in plugins/installed.json`;
}

/** With what its schema says where nobody set anything. */
export function settingsOf(
  { manifest }: KnownPlugin,
  { settings }: Pick<Installed, "settings">,
): z.infer<ReturnType<typeof z.json>> {
  const schema = settingsSchema(manifest);
  return typeof schema === "string" ? settings : z.json().parse(schema.parse(settings));
}

function settingsSchema({ settings }: Manifest): z.ZodType | string {
  if (settings === undefined) return z.strictObject({});
  try {
    return z.fromJSONSchema(settings);
  } catch (error) {
    return `the schema of its settings cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function entryProblem({ manifest: { entry }, folder }: KnownPlugin): string | undefined {
  if (entry === undefined) return undefined;
  if (!existsSync(join(folder, entry))) return `its module ${entry} is not there`;
  if (/\.[cm]?tsx?$/.test(entry) && folder.split("/").includes("node_modules"))
    return `its module ${entry} is TypeScript, which is taken only outside of node_modules; it has to ship JavaScript`;
  return undefined;
}
