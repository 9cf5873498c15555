/**
 * What a plugin's folder says of itself, for an owner to read: what it asks for, scripts that an installation
 * would run if scripts were run, the texts of its skills, MCP servers, image layer, dependencies, hooks, and its
 * files. It is read, and none of it is run. It proves nothing: code does what it does, whatever is declared.
 */
import { type Manifest } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { hasCode } from "../../core/error-code.ts";
import { jsonText } from "../../core/json-text.ts";
import { asksOf } from "../asks.ts";
import type { Section } from "./differences.ts";
import { textOf } from "./text-of.ts";

const Package = jsonText(
  z.object({
    name: z.string().optional(),
    version: z.string().optional(),
    scripts: z.record(z.string(), z.string()).default({}),
    dependencies: z.record(z.string(), z.string()).default({}),
    optionalDependencies: z.record(z.string(), z.string()).default({}),
  }),
);
/** npm runs these when a package is installed; the last one is made of a file of that name. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "prepare"];
const MOST_TEXT = 100_000;
const MOST_FILES = 5_000;

export async function auditFolder(folder: string, manifest: Manifest): Promise<readonly Section[]> {
  const { skills, mcpServers, imageLayer, engineHooks, hooks } = manifest;
  const layer = imageLayer === undefined ? "" : await beginningOf(join(folder, imageLayer));
  const texts = await Promise.all(
    skills.map(async (skill) => await skillTexts(folder, skill.replace(/\/$/, ""))),
  );
  return [
    { title: "What it asks for", lines: asksOf(manifest) },
    { title: "Scripts that an installation would run (none is run)", lines: await installScripts(folder) },
    { title: "Dependencies", lines: await dependencies(folder) },
    { title: "Hooks in its own process", lines: hooks },
    { title: "Hooks of the agents' engine", lines: jsonLines(engineHooks) },
    { title: "MCP servers", lines: jsonLines(mcpServers) },
    { title: "Lines for the agents' image", lines: layer === "" ? [] : layer.trimEnd().split("\n") },
    ...texts.flat(),
    { title: "Its files", lines: await files(folder) },
  ];
}

async function installScripts(folder: string): Promise<string[]> {
  const packages = ["", ...(await packagesIn(folder, "node_modules"))];
  const found = await Promise.all(
    packages.map(async (place) => {
      const { scripts = {}, name = place } = await packageAt(join(folder, place));
      const declared = INSTALL_SCRIPTS.flatMap((script) =>
        scripts[script] === undefined
          ? []
          : [`${place === "" ? "itself" : name}: ${script}: ${scripts[script]}`],
      );
      const native = (await namesIn(join(folder, place))).some((entry) => entry.name === "binding.gyp");
      return native ? [...declared, `${name}: is compiled (binding.gyp), so it may not work`] : declared;
    }),
  );
  return found.flat().toSorted();
}

async function dependencies(folder: string): Promise<string[]> {
  const { dependencies: asked = {}, optionalDependencies: optional = {} } = await packageAt(folder);
  const installed = await packagesIn(folder, "node_modules");
  if (installed.length === 0) {
    return Object.entries({ ...asked, ...optional }).map(
      ([name, range]) => `${name} ${range}, not installed here`,
    );
  }
  const versions = await Promise.all(
    installed.map(async (place) => {
      const { name = place, version = "?" } = await packageAt(join(folder, place));
      return `${name} ${version}`;
    }),
  );
  return [...new Set(versions)].toSorted();
}

/** Places of packages below it, those of packages in packages too. */
async function packagesIn(folder: string, place: string): Promise<string[]> {
  const entries = (await namesIn(join(folder, place))).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith("."),
  );
  const places = await Promise.all(
    entries.map(async ({ name }) => {
      const at = `${place}/${name}`;
      if (!name.startsWith("@")) return [at];
      const scoped = await namesIn(join(folder, at));
      return scoped.filter((entry) => entry.isDirectory()).map((entry) => `${at}/${entry.name}`);
    }),
  );
  const inside = await Promise.all(
    places.flat().map(async (at) => [at, ...(await packagesIn(folder, `${at}/node_modules`))]),
  );
  return inside.flat();
}

async function skillTexts(folder: string, skill: string): Promise<Section[]> {
  const entries = await namesIn(join(folder, skill));
  const names = entries
    .filter((entry) => entry.isFile() && /\.(md|txt)$/i.test(entry.name))
    .map(({ name }) => name);
  return await Promise.all(
    names.toSorted().map(async (name) => {
      const text = await beginningOf(join(folder, skill, name));
      return { title: `Skill ${skill}/${name}`, lines: text.trimEnd().split("\n") };
    }),
  );
}

/** Each with the beginning of its hash, without what npm has put there. */
async function files(folder: string): Promise<string[]> {
  const out: string[] = [];
  async function walk(place: string): Promise<void> {
    for (const entry of await namesIn(join(folder, place))) {
      const path = place === "" ? entry.name : `${place}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== "node_modules" && entry.name !== ".git") await walk(path);
      } else if (out.length < MOST_FILES) {
        const hash = entry.isFile()
          ? createHash("sha256").update(await readFile(join(folder, path)))
          : undefined;
        out.push(`${path} ${hash?.digest("hex").slice(0, 12) ?? "is no plain file"}`);
      }
    }
  }
  await walk("");
  return out.toSorted();
}

function jsonLines(value: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(value).length === 0 ? [] : JSON.stringify(value, undefined, 2).split("\n");
}

async function packageAt(folder: string): Promise<Partial<z.infer<typeof Package>>> {
  const text = await beginningOf(join(folder, "package.json"));
  return Package.safeParse(text === "" ? "{}" : text).data ?? {};
}

async function namesIn(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return [];
    throw error;
  }
}

/** As much of a file as is shown; empty where there is none. */
async function beginningOf(file: string): Promise<string> {
  return ((await textOf(file)) ?? "").slice(0, MOST_TEXT);
}
