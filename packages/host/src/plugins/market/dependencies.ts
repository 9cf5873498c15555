/**
 * Installs what a plugin depends on, into its own folder, by npm: a lock file of its author's is held to, and
 * every package is checked against the integrity that the lock file or the registry gives.
 *
 * No script of any package is run, neither theirs nor the plugin's: what needs one (native modules that are
 * compiled) does not work, and the audit says that there is one. What is not of a registry is refused: npm would
 * run scripts to make a package of a repository, and a path would lead out of the folder.
 */
import { RejectedError } from "@bellhop/sdk";
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Environment } from "../../config.ts";
import { hasCode } from "../../core/error-code.ts";
import { jsonText } from "../../core/json-text.ts";
import { runProgram } from "./run-program.ts";
import { textOf } from "./text-of.ts";

const Names = z.record(z.string(), z.string()).default({});
const Package = jsonText(
  z.looseObject({
    dependencies: Names,
    optionalDependencies: Names,
    devDependencies: Names,
    peerDependencies: Names,
  }),
);
/** Each plugin is given Bellhop's own copy when it runs. */
const OURS = "@bellhop/sdk";
const LOCKS = ["npm-shrinkwrap.json", "package-lock.json"];
const OF_NO_REGISTRY =
  /^(git|github|gitlab|bitbucket|gist|file|link|workspace|https?|ssh)[:+@]|^[^@\s]+\/[^@\s]+$/i;

const FLAGS = [
  "--ignore-scripts",
  "--omit=dev",
  "--omit=peer",
  "--legacy-peer-deps",
  "--allow-git=none",
  "--workspaces=false",
  "--install-links=false",
  "--no-audit",
  "--no-fund",
];

/** @throws RejectedError for dependencies that are not taken, and when npm fails */
export async function installDependencies(
  folder: string,
  { env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  // It could name another registry, or a program that npm would run.
  await rm(join(folder, ".npmrc"), { force: true });
  const file = join(folder, "package.json");
  const text = await textOf(file);
  if (text === undefined) return;
  const read = Package.safeParse(text);
  if (!read.success)
    throw new RejectedError(`Its package.json cannot be read: ${z.prettifyError(read.error)}`);
  const { dependencies, optionalDependencies } = read.data;
  const { [OURS]: _ours, ...wanted } = { ...dependencies, ...optionalDependencies };
  for (const [name, range] of Object.entries(wanted)) {
    if (!OF_NO_REGISTRY.test(range)) continue;
    throw new RejectedError(
      `It depends on ${name} from ${range}, which is no registry. Its author has to publish that, or to put it into the plugin.`,
    );
  }
  const locked = await firstOf(folder, LOCKS);
  if (Object.keys(wanted).length === 0) return;
  const run = (command: string) =>
    runProgram("npm", [command, `--prefix=${folder}`, ...FLAGS], { cwd: folder, env, signal });
  if (locked !== undefined) {
    await checkLock(join(folder, locked));
    await run("ci");
    return;
  }
  // Our own package is on no registry, and what is for its author's tests is not looked up.
  const { devDependencies: _dev, peerDependencies: _peers, workspaces: _workspaces, ...rest } = read.data;
  const { [OURS]: _own, ...ordinary } = dependencies;
  try {
    await writeFile(file, JSON.stringify({ ...rest, dependencies: ordinary }, undefined, 2));
    await run("install");
  } finally {
    await writeFile(file, text);
  }
}

const Lock = jsonText(
  z.object({
    packages: z
      .record(
        z.string(),
        z.object({
          resolved: z.string().optional(),
          link: z.boolean().optional(),
          dev: z.boolean().optional(),
        }),
      )
      .default({}),
  }),
);

async function checkLock(file: string): Promise<void> {
  const read = Lock.safeParse(await readFile(file, "utf8"));
  if (!read.success) throw new RejectedError(`Its lock file cannot be read: ${z.prettifyError(read.error)}`);
  for (const [place, { resolved = "", link, dev }] of Object.entries(read.data.packages)) {
    if (dev || (!link && (resolved === "" || /^https?:\/\/[^\s]+\.tgz($|\?)/.test(resolved)))) continue;
    throw new RejectedError(
      `Its lock file has ${place} from ${resolved === "" ? "a link" : resolved}, which is no registry's file.`,
    );
  }
}

async function firstOf(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    try {
      await access(join(folder, name));
      return name;
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
  return undefined;
}
