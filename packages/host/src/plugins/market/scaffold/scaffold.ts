/**
 * Makes a small plugin that works and is tested, for its author to go on from: `bellhop plugins new`. Its tests
 * run with `node --test` and need nothing to be installed.
 */
import { PluginName, RejectedError } from "@bellhop/sdk";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode } from "../../../core/error-code.ts";
import { VERSION } from "../../../version.ts";
import { channelFiles } from "./channel.ts";
import { hookFiles } from "./hook.ts";
import { skillFiles } from "./skill.ts";
import { toolFiles } from "./tool.ts";

export const KINDS = ["channel", "skill", "hook", "tool"] as const;
export type Kind = (typeof KINDS)[number];

/** What every plugin has: text by its place in the folder. */
export type Files = Readonly<Record<string, string>>;

export interface Scaffold {
  /** Of package.json, under `bellhop`. */
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly description: string;
  readonly files: Files;
  /** It imports `@bellhop/sdk`. */
  readonly needsSdk?: true;
}

const MAKERS: Readonly<Record<Kind, (name: string) => Scaffold>> = {
  channel: channelFiles,
  skill: skillFiles,
  hook: hookFiles,
  tool: toolFiles,
};

/**
 * @param sdk the module that stands for `@bellhop/sdk` in its tests
 * @returns the files that were written
 * @throws RejectedError for a name that cannot be, and a folder that holds something
 */
export async function scaffold(
  kind: Kind,
  name: string,
  { folder, sdk }: { readonly folder: string; readonly sdk: string },
): Promise<readonly string[]> {
  const checked = PluginName.safeParse(name);
  if (!checked.success)
    throw new RejectedError(`${JSON.stringify(name)} ${checked.error.issues[0]?.message ?? ""}.`);
  if ((await namesIn(folder)).length > 0) {
    throw new RejectedError(`${folder} holds something already; name another folder with --folder.`);
  }
  const made = MAKERS[kind](checked.data);
  const files: Files = {
    "package.json": packageOf(name, made),
    ".gitignore": "node_modules\n",
    ...made.files,
    ...(made.needsSdk ? sdkFiles(sdk) : {}),
  };
  for (const [place, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, place)), { recursive: true });
    await writeFile(join(folder, place), text, { flag: "wx" });
  }
  return Object.keys(files);
}

function packageOf(name: string, { manifest, description, files }: Scaffold): string {
  const published = ["skills", "src"].filter((top) =>
    Object.keys(files).some((place) => place.startsWith(`${top}/`)),
  );
  const content = {
    name: `bellhop-plugin-${name}`,
    version: "0.1.0",
    description,
    license: "MIT",
    type: "module",
    keywords: ["bellhop-plugin"],
    files: published,
    scripts: { test: "node --test" },
    bellhop: { minCoreVersion: VERSION, ...manifest },
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** Bellhop gives a plugin its own copy; this stands in for it in tests, and is published by nobody. */
function sdkFiles(sdk: string): Files {
  const place = "node_modules/@bellhop/sdk";
  const about = { name: "@bellhop/sdk", version: VERSION, type: "module", exports: "./index.js" };
  return {
    [`${place}/package.json`]: `${JSON.stringify(about)}\n`,
    [`${place}/index.js`]: `export * from ${JSON.stringify(sdk)};\n`,
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
