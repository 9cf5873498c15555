/**
 * Brings a plugin's code into an empty folder, from wherever it is, and says exactly what was brought. None of
 * it is run.
 *
 * - Packages come by `npm pack`, which knows people's registries, proxies and logins and checks what it was given
 *   against the registry's integrity. A library that does the same would be npm's own code a second time; who
 *   has installed Bellhop has npm.
 * - A repository is cloned without hooks, submodules or other transports than those named.
 */
import { RejectedError } from "@bellhop/sdk";
import { constants, cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { z } from "zod";
import type { Environment } from "../../config.ts";
import { jsonText } from "../../core/json-text.ts";
import type { PluginSource } from "../../core/plugin.ts";
import { gitAddress, type Origin } from "./origin.ts";
import { runProgram } from "./run-program.ts";
import { integrityOf, unpackTarball } from "./unpack.ts";

export interface HowToFetch {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

const Packed = jsonText(
  z
    .array(z.object({ filename: z.string(), name: z.string(), version: z.string(), integrity: z.string() }))
    .length(1),
);
/** Of a folder, what is no part of the plugin. */
const LEFT_OUT = new Set([".git", "node_modules", ".DS_Store", ".npmrc", ".env"]);

/**
 * @param into is there and empty
 * @throws RejectedError when it cannot be had, or is not what was promised
 */
export async function fetchPlugin(origin: Origin, into: string, how: HowToFetch): Promise<PluginSource> {
  switch (origin.kind) {
    case "npm":
      return await fetchPackage(origin, into, how);
    case "tarball":
      await unpackTarball(origin.path, into);
      return { from: "tarball", place: origin.path, integrity: await integrityOf(origin.path) };
    case "git":
      return await fetchRepository(origin, into, how);
    case "folder":
      await copyFolder(origin.path, into);
      return { from: "folder", path: origin.path };
    default:
      return origin satisfies never;
  }
}

async function fetchPackage(
  { name, wanted }: Extract<Origin, { kind: "npm" }>,
  into: string,
  how: HowToFetch,
): Promise<PluginSource> {
  const place = `${into}.package`;
  await mkdir(place);
  try {
    const said = await runProgram(
      "npm",
      ["pack", `${name}@${wanted}`, "--json", "--ignore-scripts", "--allow-git=none", `--prefix=${place}`],
      { ...how, cwd: place },
    );
    const read = Packed.safeParse(said);
    const [packed] = read.data ?? [];
    if (!packed)
      throw new RejectedError(`npm did not say what it fetched for ${name}.`, { cause: read.error });
    // Some versions name the file of a scoped package as the scope is written.
    const [file] = (await readdir(place)).filter((one) => one.endsWith(".tgz"));
    if (file === undefined) throw new RejectedError(`npm fetched nothing for ${name}.`);
    const tarball = join(place, file);
    if ((await integrityOf(tarball)) !== packed.integrity) {
      throw new RejectedError(
        `What npm fetched for ${name} is not what it says it is: the integrity differs.`,
      );
    }
    if (packed.name !== name) throw new RejectedError(`npm fetched ${packed.name} for ${name}.`);
    await unpackTarball(tarball, into);
    return { from: "npm", package: name, version: packed.version, integrity: packed.integrity };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

const NO_HOOKS = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];
const TRANSPORTS = [
  "-c",
  "protocol.allow=never",
  ...["https", "ssh", "file"].flatMap((name) => ["-c", `protocol.${name}.allow=always`]),
];

async function fetchRepository(
  origin: Extract<Origin, { kind: "git" }>,
  into: string,
  how: HowToFetch,
): Promise<PluginSource> {
  const { url, ref, path } = origin;
  const place = `${into}.repository`;
  await mkdir(place);
  const git = (...args: readonly string[]) =>
    runProgram("git", [...NO_HOOKS, ...TRANSPORTS, ...args], { ...how, cwd: place });
  try {
    await git("init", "--quiet", "--template=");
    await git("fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref ?? "HEAD");
    const commit = (await git("rev-parse", "FETCH_HEAD")).trim();
    await git("checkout", "--quiet", "--detach", commit);
    const root = resolve(place, path ?? ".");
    if (root !== place && !root.startsWith(place + sep)) {
      throw new RejectedError(`${path ?? ""} is no folder of the repository.`);
    }
    await copyFolder(root, into);
    return { from: "git", url: gitAddress(origin), commit };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function copyFolder(from: string, into: string): Promise<void> {
  if (`${into}${sep}`.startsWith(`${from}${sep}`)) {
    throw new RejectedError(`${from} holds the home of this Bellhop; name the plugin's own folder.`);
  }
  const copy = `${into}.copy`;
  await cp(from, copy, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    verbatimSymlinks: true,
    filter: (source) => source === from || !LEFT_OUT.has(basename(source)),
  });
  // As one step, so that `into` is empty or whole.
  await rename(copy, into);
}
