/**
 * The plugins of a host that runs: those that owners approved are kept, each in a process of its own, and what
 * owners change takes effect at once, on the plugin that it concerns and on no other.
 *
 * - What is on disk decides: `installed.json`, the folders of plugins, `.env`. They are watched, never polled. A
 *   file that is broken leaves what held before, and is told of (G33).
 * - A plugin that crashes three times within ten minutes is turned off, there too, and the owner is told (F34).
 */
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Environment, HomePaths } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import { atMost } from "../core/patience.ts";
import {
  type ActivePlugin,
  type Installed,
  type KnownPlugin,
  type PluginProcesses,
  type Plugins,
  type PluginStatus,
  may,
} from "../core/plugin.ts";
import type { Log } from "../log.ts";
import type { Runs } from "./asked.ts";
import { type AllInstalled, editInstalled, readInstalled } from "./installed.ts";
import { createKeeper, type Keeper } from "./keeper.ts";
import { callHook, callTool } from "./active.ts";
import type { Opener, Shared } from "./opener.ts";
import type { PluginProcess } from "./process.ts";
import { findPlugins, type FoundPlugin, judge, type Judged, type Places } from "./registry.ts";
import { createRemoteChannel, nothingHanded, type RemoteChannel } from "./remote-channel.ts";
import { allVariables, variablesOf } from "./variables.ts";
import { type FolderWatcher, watchFolders } from "./watch-folders.ts";
import { HealthOf } from "./wire.ts";

export interface PluginsParts {
  readonly paths: Pick<HomePaths, "plugins" | "run" | "env">;
  readonly places: Places;
  /** Of the host. */
  readonly environment: Environment;
  readonly open: Opener;
  readonly runs: Runs;
  /** Tells the owner, once per key. */
  readonly tell: (key: string, text: string) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface PluginsRoom extends Plugins, PluginProcesses {
  /** Whose manifest holds, approved or not. */
  known(): readonly KnownPlugin[];
  /** Of all plugins that are enabled, also while their processes are started again. */
  channels(): readonly RemoteChannel[];
  /** Asks every process how it is, so that what is said of it is true now. */
  refresh(): Promise<void>;
  /** Starts those that are enabled. Resolves when all of them are up, or after `patienceMs`: the rest come later. */
  start(patienceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** For a sign of life, where somebody waits for what is said of all. */
const REFRESH_MS = 500;

/** A plugin that is enabled. */
interface Kept {
  readonly plugin: KnownPlugin & { readonly installed: Installed };
  /** What would have it started again. */
  readonly mark: string;
  readonly shared: Shared;
  readonly channels: Map<string, RemoteChannel>;
  /** None where it has no module. */
  readonly keeper: Keeper | undefined;
  rssBytes: number | undefined;
}

/** Nothing happens before `start`. */
export function createPlugins(parts: PluginsParts): PluginsRoom {
  const { paths, places, environment, open, runs, tell, clock, random, log } = parts;
  const listeners = new Set<() => void>();
  const kept = new Map<string, Kept>();
  let judged: readonly Judged[] = [];
  let good: AllInstalled = {};
  let problem: string | undefined;
  let looking = Promise.resolve();
  let watcher: FolderWatcher | undefined;
  let closed = false;

  function changed(): void {
    if (closed) return;
    for (const listener of listeners) listener();
  }

  async function decided(): Promise<AllInstalled> {
    try {
      good = await readInstalled(paths);
      problem = undefined;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (problem !== error.message)
        tell(`plugins:${clock.now()}`, `${error.message} What it said before still holds.`);
      problem = error.message;
    }
    return good;
  }

  /** Looks at what is on disk, and makes it so. */
  async function look(): Promise<void> {
    if (closed) return;
    const all = await allVariables(paths.env, environment);
    const installed = await decided();
    const found = await findPlugins(places, installed);
    judged = judge(found, installed).map((one) => withVariables(one, all));
    const wanted = new Map(
      judged.flatMap(({ name, state, plugin }) =>
        state === "usable" && plugin?.installed
          ? [[name, { ...plugin, installed: plugin.installed }] as const]
          : [],
      ),
    );
    watcher?.watch(foldersToWatch(found));
    await Promise.all(
      [...kept].map(async ([name, one]) => {
        const next = wanted.get(name);
        if (next && markOf(next, all) === one.mark) return;
        await one.keeper?.close();
        kept.delete(name);
        if (next && !closed) kept.set(name, keep(next, markOf(next, all), one));
      }),
    );
    for (const [name, next] of wanted) {
      const now = kept.get(name);
      if (closed) break;
      if (!now) kept.set(name, keep(next, markOf(next, all)));
      else kept.set(name, Object.assign(now, { plugin: next }));
    }
    changed();
  }

  function lookAgain(): void {
    looking = looking
      .then(look)
      .catch((error: unknown) => log.error({ err: error }, "the plugins could not be looked at"));
  }

  function foldersToWatch(found: readonly FoundPlugin[]): readonly string[] {
    const own = found.filter(({ place }) => place === "home");
    const entries = own.flatMap(({ folder, manifest }) =>
      manifest?.entry === undefined ? [] : dirname(join(folder, manifest.entry)),
    );
    return [paths.plugins, ...own.map(({ folder }) => folder), ...entries];
  }

  /** @param before the same plugin, as it was: its channels stay known, where they are still the same */
  function keep(plugin: Kept["plugin"], mark: string, before?: Kept): Kept {
    const { name, manifest } = plugin;
    const channels = before?.channels ?? new Map<string, RemoteChannel>();
    const handed = before?.shared.handed ?? nothingHanded();
    const shared: Shared = {
      handed,
      onHealth(params) {
        const told = HealthOf.safeParse(params);
        const channel = told.success ? channels.get(told.data.account) : undefined;
        if (channel && told.success) channel.said = told.data.health;
      },
    };

    let isFirst = true;

    /** Whose owner has just changed it is listened to at once, however long it was to be left alone. */
    function onUp({ made }: PluginProcess): void {
      const accounts = new Set(made.channels.map(({ account }) => account));
      for (const account of channels.keys()) if (!accounts.has(account)) channels.delete(account);
      for (const described of made.channels) {
        const known = channels.get(described.account);
        const same = known && JSON.stringify(known.described) === JSON.stringify(described);
        if (!same || isFirst) channels.set(described.account, createRemoteChannel(described, line, handed));
      }
      isFirst = false;
    }

    // Channels outlive the keeper that made them, so they ask for the one of now.
    const line = {
      process: () => kept.get(name)?.keeper?.process(),
      why: () => kept.get(name)?.keeper?.why(),
      async up(signal: AbortSignal): Promise<PluginProcess> {
        const keeper = kept.get(name)?.keeper;
        if (!keeper) throw new TemporaryError(`the plugin ${name} is turned off`);
        return await keeper.up(signal);
      },
    };

    const keeper =
      manifest.entry === undefined
        ? undefined
        : createKeeper({
            name,
            open: () => open(plugin, shared),
            onUp,
            onChange: changed,
            onGivenUp: async (why) => await turnOff(name, why),
            startup: manifest.hooks.includes("onStartup"),
            shutdown: manifest.hooks.includes("onShutdown"),
            clock,
            random,
            log,
          });
    return { plugin, mark, shared, channels, keeper, rssBytes: undefined };
  }

  async function turnOff(name: string, why: string): Promise<void> {
    const because = `it crashed three times within ten minutes, the last time because ${why}`;
    tell(
      `plugin:${name}:${clock.now()}`,
      `I turned off the plugin ${name}: ${because}. Turn it on again with: bellhop plugins enable ${name}`,
    );
    await editInstalled(
      paths,
      (all) => {
        const now = all[name];
        return now ? { ...all, [name]: { ...now, enabled: false, disabledBecause: because } } : all;
      },
      clock,
    );
  }

  /** Of a plugin that is enabled, or one of its own that ends when `use` does. */
  async function withProcess<T>(
    name: string,
    use: (process: PluginProcess, alone: boolean) => Promise<T>,
  ): Promise<T> {
    const up = kept.get(name)?.keeper?.process();
    if (up?.link.isOpen) return await use(up, false);
    const found = judged.find((one) => one.name === name);
    if (!found?.plugin?.installed)
      throw new RejectedError(`there is no plugin ${name} that was approved; see: bellhop plugins list`);
    if (!found.plugin.installed.enabled || found.plugin.manifest.entry === undefined)
      throw new RejectedError(
        `the plugin ${name} is not enabled, or has no module; see: bellhop plugins info ${name}`,
      );
    const process = await open(found.plugin, { handed: nothingHanded(), onHealth: () => undefined });
    try {
      await process.start();
    } catch (error) {
      process.kill("it did not start");
      await process.ended;
      throw error;
    }
    return await use(process, true);
  }

  const over = (process: PluginProcess, alone: boolean) => {
    if (alone)
      process.end().catch((error: unknown) => log.error({ err: error }, "a plugin's process did not end"));
  };

  return {
    active: () =>
      [...kept.values()]
        .filter(({ keeper }) => !keeper?.hasGivenUp)
        .toSorted((a, b) => (a.plugin.name < b.plugin.name ? -1 : 1))
        .map(({ plugin, keeper }): ActivePlugin => ({
          ...plugin,
          hook: async (name, event) => await callHook(plugin, keeper?.process(), name, event),
          tool: async (name, input, call) => await callTool(plugin, keeper?.process(), name, input, call),
        })),

    known: () => judged.flatMap(({ plugin }) => plugin ?? []),

    list: () => judged.map((one) => statusOf(one, kept.get(one.name))),

    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    channels: () => [...kept.values()].flatMap(({ channels }) => [...channels.values()]),

    async refresh() {
      await Promise.all(
        [...kept.values()].map(async (one) => {
          const process = one.keeper?.process();
          const pong = await process?.ask(REFRESH_MS).catch(() => undefined); // it says nothing new of itself
          one.rssBytes = pong?.rss ?? one.rssBytes;
          for (const health of pong?.health ?? []) one.shared.onHealth(health);
        }),
      );
    },

    async start(patienceMs) {
      watcher = watchFolders(lookAgain, paths.env, clock, log);
      lookAgain();
      await looking;
      const waiting = [...kept.values()].flatMap(({ keeper }) => keeper ?? []);
      const patience = new AbortController();
      const all = Promise.allSettled(waiting.map((keeper) => keeper.up(patience.signal)));
      await atMost(clock, patienceMs, all);
      patience.abort(new TemporaryError("they come later"));
    },

    async startAuth(name) {
      return await withProcess(name, async (process, alone) =>
        runs.auth(process, () => over(process, alone)),
      );
    },

    async command(name, command, args, io) {
      const manifest = judged.find((one) => one.name === name)?.plugin?.manifest;
      if (manifest && !manifest.commands.some((one) => one.name === command))
        throw new RejectedError(
          `the plugin ${name} has no command ${command}; see: bellhop plugins info ${name}`,
        );
      return await withProcess(name, async (process, alone) => {
        try {
          return await runs.command(process, command, args, io);
        } finally {
          over(process, alone);
        }
      });
    },

    async route(name, request) {
      const one = kept.get(name);
      if (!one || !may(one.plugin, "routes"))
        throw new RejectedError(`there is no plugin ${name} that answers requests`);
      const process = one.keeper?.process();
      if (!process) throw new TemporaryError(`the plugin ${name} is not up just now`);
      return await runs.route(process, request);
    },

    async close() {
      closed = true;
      watcher?.close();
      await Promise.all([...kept.values()].map(async ({ keeper }) => await keeper?.close()));
      await looking;
      await Promise.all([...kept.values()].map(async ({ keeper }) => await keeper?.close()));
    },
  };
}

/** What needs a variable that has no value is not started. */
function withVariables(one: Judged, all: Environment): Judged {
  if (one.state !== "usable" || !one.plugin) return one;
  const { missing } = variablesOf(one.plugin.manifest, all);
  if (missing.length === 0) return one;
  const what = missing.join(" and ");
  return {
    ...one,
    state: "refused",
    why: `it needs ${what}; put ${missing.length === 1 ? "it" : "them"} into the home's .env`,
  };
}

function markOf({ folder, manifest, installed }: Kept["plugin"], all: Environment): string {
  const { values } = variablesOf(manifest, all);
  const stamp = (path: string) => {
    const { ino, mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? {
      ino: 0,
      mtimeMs: 0,
      size: 0,
    };
    return [ino, mtimeMs, size];
  };
  const code = manifest.entry === undefined ? [] : stamp(join(folder, manifest.entry));
  // What agents are given (variables, revealed) does not concern its process.
  const { version, scope, settings } = installed;
  return JSON.stringify([folder, stamp(folder)[0], code, manifest, version, scope, settings, values]);
}

function statusOf({ name, version, state, why, plugin }: Judged, one: Kept | undefined): PluginStatus {
  const channel = plugin?.manifest.channel ?? false;
  const crashes = one?.keeper?.crashes() ?? 0;
  const about = { name, version, channel, crashes, rssBytes: one?.rssBytes };
  if (state !== "usable") return { ...about, state, why };
  if (!one?.keeper) return { ...about, state: "in use" };
  if (one.keeper.process()) return { ...about, state: "running" };
  return { ...about, state: one.keeper.hasGivenUp ? "disabled" : "starting", why: one.keeper.why() };
}
