/**
 * Adding, updating and removing plugins: files of the home alone, whether or not a host runs. One that runs sees
 * them change. What is fetched lies beside until it was checked and decided about, and none of it is run.
 */
import { type Manifest, RejectedError } from "@bellhop/sdk";
import { realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Environment, HomePaths } from "../../config.ts";
import type { Installed, PluginSource } from "../../core/plugin.ts";
import { editInstalled } from "../installed.ts";
import { readManifest } from "../manifest-file.ts";
import type { Places } from "../registry.ts";
import { checkFolder } from "./check-folder.ts";
import { readClaudePlugin } from "./claude-plugin.ts";
import { installDependencies } from "./dependencies.ts";
import { fetchPlugin } from "./fetch.ts";
import { convert, type ForeignAnswers, type ForeignPlugin } from "./foreign.ts";
import { readNanoclaw } from "./nanoclaw.ts";
import { variablesOf } from "./needs.ts";
import { type Origin, originOf } from "./origin.ts";
import { linkInPlace, openStage, putInPlace, takeAway } from "./place.ts";
import { manifestOf, type Prepared, prepare } from "./prepare.ts";
import { type Present, presentPlugin, presentPlugins } from "./present.ts";

/** Variables in `.env`. */
export interface SecretKeeper {
  set(values: Readonly<Record<string, string>>): Promise<void>;
  /** Those of the names that stand in `.env`, and that nothing but plugins uses. */
  ofPluginsAlone(names: readonly string[]): Promise<readonly string[]>;
  forget(names: readonly string[]): Promise<void>;
}

export interface MarketDeps {
  readonly paths: HomePaths;
  readonly env: Environment;
  /** Where plugins are found. */
  readonly places: Places;
  readonly secrets: SecretKeeper;
  readonly signal?: AbortSignal | undefined;
}

/** Fetched, beside. Gone when it is disposed of, unless it was installed. */
export interface Fetched extends AsyncDisposable {
  readonly source: PluginSource;
  readonly folder: string;
  /** It was made for another assistant, which leaves something to be answered. */
  readonly foreign: ForeignPlugin | undefined;
  /** Of the one whose place a foreign one would take: what was answered then. */
  readonly before: Manifest | undefined;
  /** @throws RejectedError when it may not be added, with the reason */
  check(answers?: ForeignAnswers): Promise<Prepared>;
  /** What it is, with what it depends on, whether or not it may be added. */
  read(answers?: ForeignAnswers): Promise<Manifest>;
}

/** What goes with a plugin. */
export interface Removal {
  readonly plugin: Present;
  /** Variables in `.env` that nothing else uses. */
  readonly variables: readonly string[];
  remove(options: { readonly purge: boolean }): Promise<void>;
}

export type Market = ReturnType<typeof createMarket>;

export function createMarket(deps: MarketDeps) {
  const { paths, env, secrets, signal } = deps;
  const present = () => presentPlugins(deps);
  const named = (name: string) => presentPlugin(deps, name);

  async function fetch(origin: Origin, { link = false } = {}): Promise<Fetched> {
    if (link && origin.kind !== "folder") throw new RejectedError("--link is for a folder on this machine.");
    const stage = await openStage(paths);
    try {
      return link && origin.kind === "folder"
        ? await linked(await realpath(origin.path), stage)
        : await copied(stage.folder, await fetchPlugin(origin, stage.folder, { env, signal }), stage);
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  async function copied(folder: string, source: PluginSource, stage: AsyncDisposable): Promise<Fetched> {
    await checkFolder(folder);
    const foreign = await foreignIn(folder);
    const old = (await present()).find(({ name }) => name === foreign?.manifest["name"]);
    const ours = async (answers: ForeignAnswers = { hosts: [], variables: {} }) => {
      if (foreign) await convert(folder, foreign, answers);
    };
    return {
      source,
      folder,
      foreign,
      before: old?.manifest,
      async read(answers) {
        await ours(answers);
        const manifest = await manifestOf(folder);
        await installDependencies(folder, { env, signal });
        return manifest;
      },
      async check(answers) {
        await ours(answers);
        const prepared = await prepare({
          paths,
          folder,
          source,
          present: await present(),
          keep: secrets.set,
          put: (name) => putInPlace(paths, name, folder),
        });
        if (!prepared.same) await installDependencies(folder, { env, signal });
        await checkFolder(folder);
        return prepared;
      },
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  }

  async function linked(folder: string, stage: AsyncDisposable): Promise<Fetched> {
    const foreign = await foreignIn(folder);
    if (foreign) {
      throw new RejectedError(`It is ${foreign.what}, which is taken over into a copy: leave --link out.`);
    }
    const source: PluginSource = { from: "folder", path: folder };
    return {
      source,
      folder,
      foreign: undefined,
      before: undefined,
      read: async () => await manifestOf(folder),
      check: async () =>
        await prepare({
          paths,
          folder,
          source,
          present: await present(),
          keep: secrets.set,
          put: (name) => linkInPlace(paths, name, folder),
        }),
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  }

  /** One that is there, to be approved as it is. */
  async function reconsider({ folder, place, installed }: Present): Promise<Prepared> {
    return await prepare({
      paths,
      folder,
      source:
        place === "shipped" ? { from: "bellhop" } : (installed?.source ?? { from: "folder", path: folder }),
      present: await present(),
      keep: secrets.set,
      put: async () => {},
    });
  }

  /** What an owner decided about one that was added. */
  async function change(name: string, make: (now: Installed) => Installed): Promise<void> {
    await editInstalled(paths, (all) => {
      const one = all[name];
      if (!one) throw new RejectedError(`${name} was never added: bellhop plugins add ${name}.`);
      return { ...all, [name]: make(one) };
    });
  }

  const enable = (name: string, enabled: boolean): Promise<void> =>
    change(name, ({ disabledBecause: _why, ...rest }) => ({ ...rest, enabled }));

  async function considerRemoval(name: string): Promise<Removal> {
    const all = await present();
    const plugin = await named(name);
    const elsewhere = plugin.place !== "home";
    if (elsewhere && !plugin.installed) {
      throw new RejectedError(
        `${name} lies in ${plugin.folder} and was never added; there is nothing to remove.`,
      );
    }
    const others = new Set(
      all.flatMap(({ name: other, installed, manifest }) =>
        other !== name && installed && manifest ? variablesOf(manifest) : [],
      ),
    );
    const mine = plugin.manifest ? variablesOf(plugin.manifest).filter((one) => !others.has(one)) : [];
    const variables = await secrets.ofPluginsAlone(mine);
    return {
      plugin,
      variables,
      async remove({ purge }) {
        // The record first: what is not approved is not run, whatever of it is left.
        await editInstalled(paths, (before) => {
          const { [name]: _gone, ...rest } = before;
          return rest;
        });
        if (!elsewhere) await takeAway(paths, name);
        if (variables.length > 0) await secrets.forget(variables);
        if (purge) await rm(join(paths.pluginsData, name), { recursive: true, force: true });
      },
    };
  }

  return { present, named, fetch, reconsider, change, enable, considerRemoval };
}

/** What says in our words what it is, is ours, whatever else is in it. */
async function foreignIn(folder: string): Promise<ForeignPlugin | undefined> {
  const theirs = await readNanoclaw(folder);
  if (theirs || (await readManifest(folder))) return theirs;
  return await readClaudePlugin(folder);
}

/**
 * Where the newest of a plugin is to be had.
 * @throws RejectedError for one that is not fetched from anywhere
 */
export function updateOrigin({ name, linked, installed }: Present): Origin {
  if (!installed) throw new RejectedError(`${name} was never added: bellhop plugins add ${name}.`);
  const { source } = installed;
  switch (source.from) {
    case "bellhop":
      throw new RejectedError(`${name} comes with Bellhop, and is as new as that.`);
    case "npm":
      return { kind: "npm", name: source.package, wanted: "latest" };
    case "git":
      return originOf(source.url, "/");
    case "tarball":
      return originOf(source.place, "/");
    case "folder":
      if (linked)
        throw new RejectedError(`${name} is used where it lies, in ${source.path}: it is always new.`);
      return originOf(source.path, "/");
    default:
      return source satisfies never;
  }
}
