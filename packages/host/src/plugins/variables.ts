/** The variables that a plugin's process sees: those that its manifest declares, and that have a value. */
import type { Manifest } from "@bellhop/sdk";
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import type { Environment } from "../config.ts";
import { hasCode } from "../core/error-code.ts";
import type { Secret } from "../core/known-secrets.ts";

/** What there is: the environment goes over `.env`, as everywhere (config.ts). */
export async function allVariables(dotEnv: string, environment: Environment): Promise<Environment> {
  try {
    return { ...parseEnv(await readFile(dotEnv, "utf8")), ...environment };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return environment;
    throw error;
  }
}

export interface Variables {
  readonly values: Readonly<Record<string, string>>;
  /** Required, and without a value. */
  readonly missing: readonly string[];
  /** Never to be let out. */
  readonly secrets: readonly Secret[];
}

export function variablesOf({ environment: declared }: Manifest, all: Environment): Variables {
  const known = declared.map(({ name, required, secret }) => ({
    name,
    required,
    secret,
    value: all[name]?.trim() ?? "",
  }));
  const given = known.filter(({ value }) => value !== "");
  return {
    values: Object.fromEntries(given.map(({ name, value }) => [name, value])),
    missing: known.flatMap(({ name, value, required }) => (required && value === "" ? name : [])),
    secrets: given.map(({ name, value, secret }) => ({ name, value, public: !secret })),
  };
}
