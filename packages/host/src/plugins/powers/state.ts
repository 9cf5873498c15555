/** The key-value store of a plugin's own (`state`). */
import { z } from "zod";
import type { PluginState } from "../../store/plugin-state.ts";
import { power, type Powers } from "./power.ts";

export interface StateParts {
  readonly state: PluginState;
}

const Key = z.string().min(1).max(256);
export function statePowers({ state }: StateParts): Powers {
  return {
    "state.get": power("state", z.strictObject({ key: Key }), ({ name }, { key }) => state.get(name, key)),
    "state.set": power(
      "state",
      z.strictObject({ key: Key, value: z.json() }),
      async ({ name }, { key, value }) => {
        await state.set(name, key, value);
        return undefined;
      },
    ),
    "state.delete": power("state", z.strictObject({ key: Key }), async ({ name }, { key }) => {
      await state.delete(name, key);
      return undefined;
    }),
    "state.keys": power(
      "state",
      z.strictObject({ prefix: z.string().max(256).default("") }),
      ({ name }, { prefix }) => state.keys(name, prefix),
    ),
  };
}
