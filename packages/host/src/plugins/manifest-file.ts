/**
 * Reads the manifest of a folder: `plugin.json`, or the key `bellhop` of its package.json, whose name, version
 * and description are the package's where the key does not say otherwise. None of its code is run.
 */
import { ConfigError, Manifest } from "@bellhop/sdk";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gt } from "semver";
import { z } from "zod";
import { hasCode } from "../core/error-code.ts";
import { jsonText } from "../core/json-text.ts";
import { VERSION } from "../version.ts";

const MOST_CHARACTERS = 1024 * 1024;

const Package = jsonText(
  z.object({
    name: z.string(),
    version: z.string().optional(),
    description: z.string().trim().max(500).optional().catch(undefined),
    bellhop: z.record(z.string(), z.unknown()).optional(),
  }),
);
const PluginFile = jsonText(z.record(z.string(), z.unknown()));

/**
 * @returns undefined where the folder holds no plugin
 * @throws ConfigError with one sentence for whoever wrote it
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const own = await textOf(join(folder, "plugin.json"));
  if (own !== undefined) {
    return manifestOf(join(folder, "plugin.json"), parsed(join(folder, "plugin.json"), PluginFile, own));
  }
  const file = join(folder, "package.json");
  const text = await textOf(file);
  if (text === undefined) return undefined;
  const { bellhop, name, version, description } = parsed(file, Package, text);
  if (bellhop === undefined) return undefined;
  return manifestOf(file, { name: shortName(name), version, description, ...bellhop });
}

/** `@somebody/bellhop-plugin-weather` is `weather`. */
function shortName(packageName: string): string {
  return packageName.replace(/^@[^/]*\//, "").replace(/^(?:bellhop-)?plugin-/, "");
}

function manifestOf(file: string, content: Readonly<Record<string, unknown>>): Manifest {
  // Editors are given the schema by it.
  const { $schema: _schema, ...fields } = content;
  const manifest = parsed(file, Manifest, fields);
  if (gt(manifest.minCoreVersion, VERSION)) {
    throw new ConfigError(
      `${manifest.name} ${manifest.version} needs Bellhop ${manifest.minCoreVersion} or newer, and this is ${VERSION}: update Bellhop, or take an older version of ${manifest.name}.`,
    );
  }
  return manifest;
}

function parsed<T>(file: string, schema: z.ZodType<T>, content: unknown): T {
  const read = schema.safeParse(content);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => [path.join("."), message].join(" ").trim());
  throw new ConfigError(`${file} is no manifest that can be used: ${problems.join("; ")}.`, {
    cause: read.error,
  });
}

async function textOf(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT") || hasCode(cause, "ENOTDIR")) return undefined;
    throw new ConfigError(
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
  if (text.length <= MOST_CHARACTERS) return text;
  throw new ConfigError(`${file} is larger than a manifest may be (${MOST_CHARACTERS} characters).`);
}
