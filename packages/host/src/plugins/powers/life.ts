/**
 * Tells plugins that the host, or they themselves, have started (`onStartup`), and that it ends (`onShutdown`):
 * in the order of their names, each within its time. Nothing waits for the first; the end waits for the second.
 */
import { z } from "zod";
import type { HookCalls } from "../../core/hook-calls.ts";
import type { Plugins } from "../../core/plugin.ts";

export interface LifeParts {
  readonly calls: Pick<HookCalls, "ask">;
  readonly plugins: Pick<Plugins, "active" | "onChange">;
}

export function createPluginLife({ calls, plugins }: LifeParts) {
  /** Names of those that have been told, and whose end has not come. */
  let told = new Set<string>();
  let telling = Promise.resolve();
  let stop = (): void => undefined;

  async function tell(): Promise<void> {
    const active = plugins.active();
    told = new Set(active.flatMap(({ name }) => (told.has(name) ? name : [])));
    for (const plugin of active) {
      if (told.has(plugin.name) || !plugin.manifest.hooks.includes("onStartup")) continue;
      told.add(plugin.name);
      await calls.ask(plugin, "onStartup", null, z.json());
    }
  }

  /** One after the other; `ask` never rejects. */
  function look(): void {
    telling = telling.then(tell);
  }

  return {
    /** From now on who comes is told too. */
    begin(): void {
      stop = plugins.onChange(look);
      look();
    },

    async end(): Promise<void> {
      stop();
      await telling;
      for (const plugin of plugins.active())
        if (plugin.manifest.hooks.includes("onShutdown"))
          await calls.ask(plugin, "onShutdown", null, z.json());
    },
  };
}
