/**
 * A plugin's folder, checked whole against what is here already, and what becomes of it once an owner has decided.
 *
 * - A version never goes down, and no plugin takes the place of another one of its name.
 * - First the values that it needs are kept, then its code is put in place, then what was approved: a crash in
 *   between leaves one that is approved for less than it asks, which the host refuses.
 */
import { type Manifest, RejectedError } from "@bellhop/sdk";
import { lt } from "semver";
import type { HomePaths } from "../../config.ts";
import type { Installed, PluginScope, PluginSource } from "../../core/plugin.ts";
import { asksOf } from "../asks.ts";
import { editInstalled } from "../installed.ts";
import { readManifest } from "../manifest-file.ts";
import { checkParts } from "./check-parts.ts";
import { type Present, sourceWords } from "./present.ts";

/** What an owner decided. */
export interface Decided {
  readonly scope: PluginScope;
  readonly settings: Installed["settings"];
  /** Of its sandbox variables, for all groups. */
  readonly variables: Readonly<Record<string, string>>;
  /** For `.env`. */
  readonly values: Readonly<Record<string, string>>;
}

export interface Prepared {
  readonly manifest: Manifest;
  readonly source: PluginSource;
  readonly folder: string;
  readonly installed: Installed | undefined;
  readonly asks: readonly string[];
  /** What was not approved before; all of it where nothing was. */
  readonly added: readonly string[];
  readonly gone: readonly string[];
  /** It is what is there already. */
  readonly same: boolean;
  install(decided: Decided): Promise<void>;
}

interface HowToPrepare {
  readonly paths: HomePaths;
  readonly folder: string;
  readonly source: PluginSource;
  readonly present: readonly Present[];
  keep(values: Readonly<Record<string, string>>): Promise<void>;
  /** Puts the folder in the place of that name. */
  put(name: string): Promise<void>;
}

/** @throws RejectedError when it may not be added, with the reason */
export async function prepare(how: HowToPrepare): Promise<Prepared> {
  const { paths, folder, source, present, keep, put } = how;
  const manifest = await manifestOf(folder);
  const { name, version } = manifest;
  await checkParts(folder, manifest);
  const one = present.find((other) => other.name === name);
  const installed = one?.installed;
  if (one?.place === "shipped" && source.from !== "bellhop") {
    throw new RejectedError(`${name} comes with Bellhop: bellhop plugins add ${name} takes that one.`);
  }
  if (installed && !takesThePlaceOf(installed.source, source)) {
    throw new RejectedError(
      `There is another plugin ${name} already, from ${sourceWords(installed.source)}. Remove that first: bellhop plugins remove ${name}. Its data stays.`,
    );
  }
  if (installed && lt(version, installed.version)) {
    throw new RejectedError(
      `${name} ${installed.version} is here, and ${version} is older: a version never goes down. Remove it first, if that is what you want.`,
    );
  }
  const asks = asksOf(manifest);
  const approved = installed?.approved ?? [];
  return {
    manifest,
    source,
    folder,
    installed,
    asks,
    added: asks.filter((line) => !approved.includes(line)),
    gone: approved.filter((line) => !asks.includes(line)),
    same: installed !== undefined && installed.version === version && isSameCode(installed.source, source),
    async install({ scope, settings, variables, values }) {
      if (Object.keys(values).length > 0) await keep(values);
      await put(name);
      await editInstalled(paths, (all) => {
        const { revealed = [], variables: before = {} } = all[name] ?? {};
        const forAll = { ...before["*"], ...variables };
        return {
          ...all,
          [name]: {
            version,
            source,
            enabled: true,
            scope,
            approved: [...asks],
            settings,
            variables: { ...before, ...(Object.keys(forAll).length === 0 ? {} : { "*": forAll }) },
            revealed,
          },
        };
      });
    },
  };
}

/** @throws RejectedError where there is none */
export async function manifestOf(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  if (manifest) return manifest;
  throw new RejectedError(
    "It is no plugin: there is neither a plugin.json nor a package.json with the key bellhop.",
  );
}

/** Files and folders of this machine are their owner's to name; packages and repositories are who they are. */
function takesThePlaceOf(old: PluginSource, source: PluginSource): boolean {
  const local = ["tarball", "folder"];
  if (local.includes(old.from) && local.includes(source.from)) return true;
  if (old.from === "npm" && source.from === "npm") return old.package === source.package;
  if (old.from === "git" && source.from === "git") return repositoryOf(old.url) === repositoryOf(source.url);
  return old.from === "bellhop" && source.from === "bellhop";
}

/** Without the branch. */
function repositoryOf(url: string): string {
  return url.replace(/#.*$/, "");
}

/** What is in a folder may have changed, whatever it says. */
function isSameCode(old: PluginSource, source: PluginSource): boolean {
  if (old.from === "npm" && source.from === "npm") return old.integrity === source.integrity;
  if (old.from === "tarball" && source.from === "tarball") return old.integrity === source.integrity;
  if (old.from === "git" && source.from === "git") return old.commit === source.commit;
  return old.from === "bellhop" && source.from === "bellhop";
}
