/**
 * Checks a plugin before its author publishes it: what they would find out from the first person who adds it.
 * The package is what `npm pack` would make of the folder. An entry for an index file is written on demand.
 */
import { type Manifest, RejectedError } from "@bellhop/sdk";
import { join } from "node:path";
import { z } from "zod";
import type { Environment } from "../../config.ts";
import { jsonText } from "../../core/json-text.ts";
import { writeDurably } from "../../home.ts";
import { asksOf } from "../asks.ts";
import { readManifest } from "../manifest-file.ts";
import { type IndexEntry, IndexFile } from "./catalogue.ts";
import { partsOf } from "./check-parts.ts";
import { runProgram } from "./run-program.ts";
import { textOf } from "./text-of.ts";

const Package = jsonText(
  z.object({
    name: z.string(),
    version: z.string(),
    description: z.string().default(""),
    license: z.string().optional(),
    keywords: z.array(z.string()).default([]),
    private: z.boolean().default(false),
    scripts: z.record(z.string(), z.string()).default({}),
  }),
);
const Packed = jsonText(z.array(z.object({ files: z.array(z.object({ path: z.string() })) })).length(1));
const KEYWORD = "bellhop-plugin";
const SECRET_FILE = /(^|\/)(\.env(\..*)?|\.npmrc|id_[a-z0-9]+|.*\.(pem|key))$/;

export interface Publishable {
  readonly manifest: Manifest;
  readonly entry: IndexEntry;
  readonly files: readonly string[];
}

/** @throws RejectedError with everything that has to be mended */
export async function checkPublishable(folder: string, env: Environment): Promise<Publishable> {
  const manifest = await readManifest(folder);
  if (!manifest) throw new RejectedError(`${folder} holds no plugin: its package.json has no key bellhop.`);
  const text = await textOf(join(folder, "package.json"));
  const read = Package.safeParse(text ?? "");
  if (!read.success) {
    throw new RejectedError(
      `${folder} has no package.json that npm could publish: ${z.prettifyError(read.error)}`,
    );
  }
  const said = await runProgram(
    "npm",
    ["pack", "--dry-run", "--json", "--ignore-scripts", `--prefix=${folder}`],
    {
      cwd: folder,
      env,
    },
  );
  const [packed] = Packed.safeParse(said).data ?? [];
  if (!packed) throw new RejectedError("npm did not say what would be in the package.");
  const files = packed.files.map(({ path }) => path);
  const problems = problemsOf(manifest, read.data, files);
  if (problems.length > 0) {
    throw new RejectedError(
      `It is not ready to be published:\n${problems.map((one) => `  ${one}`).join("\n")}`,
    );
  }
  const { name, description, keywords } = read.data;
  const entry: IndexEntry = {
    name: manifest.name,
    version: manifest.version,
    description: description.slice(0, 500),
    keywords: keywords.filter((word) => word !== KEYWORD),
    add: name,
    asks: [...asksOf(manifest)],
  };
  return { manifest, entry, files };
}

function problemsOf(manifest: Manifest, about: z.infer<typeof Package>, files: readonly string[]): string[] {
  const missing = partsOf(manifest).filter((part) => !files.includes(part));
  const secret = files.filter((path) => SECRET_FILE.test(path));
  const scripts = ["preinstall", "install", "postinstall"].filter(
    (name) => about.scripts[name] !== undefined,
  );
  return [
    ...(about.private ? ['package.json says "private": true, and npm would refuse it.'] : []),
    ...(about.keywords.includes(KEYWORD)
      ? []
      : [`package.json needs the keyword ${KEYWORD}, by which people find it.`]),
    ...(about.license === undefined ? ["package.json says no license."] : []),
    ...(about.version === manifest.version
      ? []
      : [`package.json is of version ${about.version} and the manifest of ${manifest.version}.`]),
    ...missing.map((part) => `The manifest names ${part}, which would not be in the package: see "files".`),
    ...secret.map((path) => `${path} would be in the package, and looks like a secret.`),
    ...scripts.map(
      (script) => `It has a script ${script}, and Bellhop runs none: the plugin would not work.`,
    ),
  ];
}

/**
 * Puts the entry into the index file, in the place of an older one. Makes the file where there is none.
 * @throws RejectedError for a file that is no index of ours
 */
export async function writeIndexEntry(file: string, entry: IndexEntry): Promise<void> {
  const text = await textOf(file);
  const read = jsonText(IndexFile).safeParse(text ?? '{"bellhopPlugins":1,"plugins":[]}');
  if (!read.success)
    throw new RejectedError(`${file} is no index of plugins; nothing was written.`, { cause: read.error });
  const others = read.data.plugins.filter(({ name }) => name !== entry.name);
  const plugins = [...others, entry].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  await writeDurably(file, `${JSON.stringify({ bellhopPlugins: 1, plugins }, undefined, 2)}\n`, 0o644);
}

/** By npm, as whoever is logged in there. None of the plugin's scripts is run. */
export async function publish(folder: string, env: Environment): Promise<void> {
  await runProgram("npm", ["publish", "--ignore-scripts", `--prefix=${folder}`], { cwd: folder, env });
}
