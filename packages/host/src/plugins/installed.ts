/**
 * `plugins/installed.json`: what owners decided about each plugin. The host and the command line both write it.
 *
 * - A change is one step: read, changed and put in place under a lock that the operating system gives back when
 *   whoever holds it dies. So neither overwrites what the other has just written.
 * - A file that is broken is never written over.
 */
import { ConfigError, TemporaryError } from "@bellhop/sdk";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { HomePaths } from "../config.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { hasCode } from "../core/error-code.ts";
import { jsonText } from "../core/json-text.ts";
import { type Installed, InstalledFile } from "../core/plugin.ts";
import { writeDurably } from "../home.ts";

export type AllInstalled = Readonly<Record<string, Installed>>;
type Paths = Pick<HomePaths, "plugins" | "run">;

const InstalledText = jsonText(InstalledFile);
/** Whoever holds the lock writes one small file. */
const LOCK_TRIES = 500;
const LOCK_PAUSE_MS = 20;

export function installedFile({ plugins }: Pick<HomePaths, "plugins">): string {
  return join(plugins, "installed.json");
}

/** @throws ConfigError when the file cannot be used */
export async function readInstalled(paths: Pick<HomePaths, "plugins">): Promise<AllInstalled> {
  const file = installedFile(paths);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return {};
    throw new ConfigError(
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
  const read = InstalledText.safeParse(text);
  if (read.success) return read.data;
  throw new ConfigError(
    `${file} does not hold together (${z.prettifyError(read.error).replace(/\s+/g, " ")}). Mend it, or take it away and add your plugins again.`,
    { cause: read.error },
  );
}

/**
 * Changes what owners decided. `change` may be called once and must not take long; what it returns is kept.
 * @throws ConfigError when the file cannot be used; it stays as it is
 * @throws TemporaryError when somebody else holds it for too long
 */
export async function editInstalled(
  paths: Paths,
  change: (all: AllInstalled) => AllInstalled,
  clock: Clock = systemClock,
): Promise<void> {
  for (const folder of [paths.plugins, paths.run]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const giveBack = await lockInstalled(paths, clock);
  try {
    const before = await readInstalled(paths);
    const after = InstalledFile.parse(change(before));
    const sorted = Object.fromEntries(Object.entries(after).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    await writeDurably(installedFile(paths), `${JSON.stringify(sorted, undefined, 2)}\n`);
  } finally {
    giveBack();
  }
}

/** As store/lock.ts does it: an open transaction, which also holds off others in this very process. */
async function lockInstalled({ run }: Paths, clock: Clock): Promise<() => void> {
  const file = join(run, "plugins.lock.db");
  const connection = new DatabaseSync(file, { timeout: 0 });
  for (let tries = 1; ; tries += 1) {
    try {
      connection.exec("pragma journal_mode = memory; begin exclusive");
      return () => connection.close();
    } catch (cause) {
      const busy = cause instanceof Error && "errcode" in cause && cause.errcode === 5;
      if (!busy || tries >= LOCK_TRIES) {
        connection.close();
        throw new TemporaryError(`${file} is held by another command of Bellhop's; try again.`, { cause });
      }
    }
    await new Promise<void>((resolve) => clock.after(LOCK_PAUSE_MS, resolve));
  }
}
