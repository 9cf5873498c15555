/** What plugins keep in `.env` of the home, and what else there leans on it. */
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { declaredSecrets, variablesOf, withVariable } from "../broker/secrets/edit.ts";
import type { Environment, HomePaths } from "../config.ts";
import { hasCode } from "../core/error-code.ts";
import { writeDurably } from "../home.ts";
import type { SecretKeeper } from "../plugins/market/market.ts";

/** Bellhop's own, which no plugin has. */
const OF_THE_MODEL = /^(ANTHROPIC_|CLAUDE_)/i;

export function pluginSecrets(paths: HomePaths): SecretKeeper {
  async function edit(values: Readonly<Record<string, string | undefined>>): Promise<void> {
    const before = await textOf(paths.env);
    const after = Object.entries(values).reduce(
      (text, [name, value]) => withVariable(text, name, value),
      before,
    );
    if (after !== before) await writeDurably(paths.env, after);
  }

  return {
    set: edit,
    async ofPluginsAlone(names) {
      const there = parseEnv(await textOf(paths.env));
      const ofSecrets = new Set(variablesOf(await declaredSecrets(paths)));
      // A route of a model may have its key from any variable.
      const config = await textOf(paths.config);
      return names.filter(
        (name) =>
          there[name] !== undefined &&
          !ofSecrets.has(name) &&
          !OF_THE_MODEL.test(name) &&
          !new RegExp(`\\b${name}\\b`).test(config),
      );
    },
    forget: async (names) => await edit(Object.fromEntries(names.map((name) => [name, undefined]))),
  };
}

/** Variables that have a value, in `.env` or in the environment. */
export async function givenVariables(paths: HomePaths, env: Environment): Promise<ReadonlySet<string>> {
  const all = { ...parseEnv(await textOf(paths.env)), ...env };
  return new Set(Object.keys(all).filter((name) => (all[name] ?? "") !== ""));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
