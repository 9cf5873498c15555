/** Plugins without processes, for what the rest of the host makes of them. Strict: it refuses what a manifest does not say. */
import { type Json, Manifest } from "@bellhop/sdk";
import { z } from "zod";
import { type ActivePlugin, Installed, type Plugins } from "../../core/plugin.ts";
import { asksOf } from "../asks.ts";

type Call = Parameters<ActivePlugin["tool"]>[2];

export interface FakePlugin {
  /** Of its code. */
  readonly folder?: string;
  readonly manifest: z.input<typeof Manifest>;
  readonly installed?: Partial<z.input<typeof Installed>>;
  readonly tools?: Readonly<Record<string, (input: Json, call: Call) => string | Promise<string>>>;
}

export function fakePlugin({ folder = "/nowhere", manifest: given, installed = {}, tools = {} }: FakePlugin) {
  const manifest = Manifest.parse(given);
  const plugin: ActivePlugin = {
    name: manifest.name,
    manifest,
    folder,
    installed: Installed.parse({
      version: manifest.version,
      source: { from: "folder", path: folder },
      enabled: true,
      scope: { channels: "all", groups: "all" },
      approved: asksOf(manifest),
      ...installed,
    }),
    hook: () => Promise.reject(new Error("no hook was declared")),
    async tool(name, input, call) {
      const tool = tools[name];
      if (!tool || !manifest.tools.some((one) => one.name === name))
        throw new Error(`no tool ${name} was declared`);
      return await tool(input, call);
    },
  };
  return plugin;
}

export interface FakePlugins extends Plugins {
  /** From now on there are these. */
  become(plugins: readonly ActivePlugin[]): void;
}

export function fakePlugins(...first: readonly ActivePlugin[]): FakePlugins {
  let now = first;
  const listeners = new Set<() => void>();
  return {
    active: () => now.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    list: () =>
      now.map(({ name, manifest: { version, channel } }) => ({
        name,
        version,
        state: "in use",
        channel,
        crashes: 0,
      })),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    become(plugins) {
      now = plugins;
      for (const listener of listeners) listener();
    },
  };
}
