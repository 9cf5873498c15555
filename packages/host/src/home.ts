/**
 * The home directory: `BELLHOP_HOME`, where everything of one install lives.
 *
 * - After `prepareHome` every folder of the host's is there, is the user's own, and only the user can
 *   enter it. What agents write into (`global/`, the folders in `groups/` and `sessions/`) belongs to
 *   the sandboxes; groups/ makes those.
 * - A directory with other things in it, of another user, or behind a link is refused and left as it
 *   is: making `/tmp` private by mistake would be damage.
 */
import { ConfigError } from "@bellhop/sdk";
import { type Stats } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type HomePaths, homePaths } from "./config.ts";
import { hasCode } from "./core/error-code.ts";
import { failpoint } from "./core/failpoint.ts";

/** Any of these in a directory says that it is a home, or is meant to be one. */
const MARKS = ["config.yaml", ".env", "bellhop.db"];

/**
 * Creates or repairs the home. Safe to call on a home in use.
 * @throws ConfigError with one sentence that says what is wrong with this place
 */
export async function prepareHome(home: string): Promise<{ readonly paths: HomePaths }> {
  const paths = homePaths(home);
  try {
    await makeDirectory(home);
    await assertOurs(home);
    await assertAHome(paths);
    await makePrivate(home);
    for (const folder of foldersOf(paths)) {
      await makeDirectory(folder);
      await assertOurs(folder);
      await makePrivate(folder);
    }
    const env = await statOf(paths.env);
    if (env?.isFile() && (env.mode & 0o077) !== 0) await chmod(paths.env, 0o600);
    return { paths };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      `The home ${home} cannot be used (${problem}). Make it writable for this user, or name another with --home or BELLHOP_HOME.`,
      { cause },
    );
  }
}

/** Not by Node's `recursive`, which tries for ever where a file system says ENOENT to a new name (/proc). */
async function makeDirectory(path: string): Promise<void> {
  if (await statOf(path)) return;
  await makeDirectory(dirname(path));
  await mkdir(path, { mode: 0o700 });
}

async function assertOurs(path: string): Promise<void> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink())
    throw new ConfigError(`${path} is a link; name the directory that it points to instead.`);
  if (!stat.isDirectory())
    throw new ConfigError(`${path} is not a directory; move it away, or choose another home.`);
  if (process.getuid && stat.uid !== process.getuid()) {
    throw new ConfigError(
      `${path} belongs to another user (uid ${stat.uid}); run Bellhop as that user, or choose another home.`,
    );
  }
}

function foldersOf(paths: HomePaths): readonly string[] {
  const { groups, sessions, media, plugins, pluginsData, run, backups, logs } = paths;
  return [groups, sessions, media, plugins, pluginsData, run, backups, logs];
}

async function assertAHome(paths: HomePaths): Promise<void> {
  const { home } = paths;
  const entries = await readdir(home);
  const { mode } = await lstat(home);
  const shared = (mode & 0o1000) !== 0; // a place for everybody, such as /tmp
  // Our folders alone are a first start that was cut short; lost+found is of a fresh disk.
  const ours = ["lost+found", ...foldersOf(paths).map((path) => basename(path))];
  const marked = entries.some((name) => MARKS.includes(name));
  if (!shared && (marked || entries.every((name) => ours.includes(name)))) return;
  throw new ConfigError(
    `${home} ${shared ? "is a directory for everybody" : "holds other things"}; choose a directory of Bellhop's own, such as ${join(home, "bellhop")}.`,
  );
}

async function makePrivate(directory: string): Promise<void> {
  const { mode } = await lstat(directory);
  if ((mode & 0o7777) !== 0o700) await chmod(directory, 0o700);
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * Puts a private file in place as a whole: a reader, or a crash at any moment, finds the old one or
 * the new one.
 */
export async function writeDurably(file: string, text: string, mode = 0o600): Promise<void> {
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  {
    await using handle = await open(partial, "wx", mode);
    await handle.writeFile(text);
    await handle.sync();
  }
  failpoint("keep.written");
  await rename(partial, file);
  failpoint("keep.renamed");
  await using directory = await open(dirname(file), "r");
  await directory.sync();
}
