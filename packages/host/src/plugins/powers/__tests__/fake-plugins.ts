/**
 * Plugins without processes, as strict as the real ones: what the manifest does not declare is not asked for,
 * and whoever asks for it all the same fails its test.
 */
import type { Capability, Hooks, Json } from "@bellhop/sdk";
import { Manifest, TemporaryError } from "@bellhop/sdk";
import { z } from "zod";
import { type ActivePlugin, Installed, type Plugins, type ServePlugin } from "../../../core/plugin.ts";

export interface FakePlugin {
  readonly hooks?: Hooks;
  readonly hookTimeoutsMs?: Record<string, number>;
  readonly capabilities?: readonly Capability[];
  readonly channels?: "all" | readonly string[];
  readonly groups?: "all" | readonly string[];
}

/** By their names. */
export function fakePlugins(all: Readonly<Record<string, FakePlugin>>) {
  const listeners = new Set<() => void>();
  let serve: ServePlugin | undefined;
  let active = activeOf(all);

  const plugins: Plugins = {
    active: () => active,
    list: () =>
      active.map(({ name }) => ({ name, version: "1.0.0", state: "running", channel: false, crashes: 0 })),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    ...plugins,
    /** From now on this answers what they ask. */
    serve: (by: ServePlugin) => void (serve = by),
    /** From now on there are these. */
    become(others: Readonly<Record<string, FakePlugin>>): void {
      active = activeOf(others);
      for (const listener of listeners) listener();
    },
    /** What the plugin's process asks of the host. */
    async asks(name: string, method: string, params: Json): ReturnType<ServePlugin> {
      const plugin = active.find((one) => one.name === name);
      if (!plugin || !serve) throw new Error(`${name} has nobody to ask`);
      return await serve(plugin, method, params);
    },
  };
}

function activeOf(all: Readonly<Record<string, FakePlugin>>): readonly ActivePlugin[] {
  return Object.entries(all)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, plugin]) => activePlugin(name, plugin));
}

export function activePlugin(name: string, fake: FakePlugin): ActivePlugin {
  const { hooks = {}, hookTimeoutsMs = {}, capabilities = [], channels = "all", groups = "all" } = fake;
  const manifest = Manifest.parse({
    name,
    version: "1.0.0",
    entry: "index.js",
    hooks: Object.keys(hooks),
    hookTimeoutsMs,
    capabilities,
  });
  const installed = Installed.parse({
    version: "1.0.0",
    source: { from: "folder", path: "/nowhere" },
    enabled: true,
    scope: { channels, groups },
    approved: [],
  });
  return {
    name,
    manifest,
    installed,
    folder: "/nowhere",
    async hook(which, event) {
      // What crosses to a process is JSON and nothing else.
      const asked = z.json().parse(JSON.parse(JSON.stringify(event)));
      const run: ((event: never) => unknown) | undefined = hooks[which];
      if (!run) throw new Error(`${name} did not declare ${which}`);
      const answer: unknown = await run(asked as never);
      return answer === undefined ? undefined : z.json().parse(JSON.parse(JSON.stringify(answer)));
    },
    tool: () => Promise.reject(new TemporaryError(`${name} has no tools`)),
  };
}
