/**
 * The newest refresh token of an account. Connecting the account writes the first one to `.env`; where a provider gives
 * a new one with each use, that lies here, in a file for its owner alone, since a plugin cannot write to `.env`.
 *
 * The file says from which token of `.env` its own has come (as a hash). Where another one stands there, somebody has
 * connected the account anew, and the file counts for nothing.
 */
import type { Logger } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

export interface Kept {
  newest(): string;
  /** Resolves once it is on disk. */
  keep(refreshToken: string): Promise<void>;
}

const Stored = z.object({ from: z.string(), refreshToken: z.string().min(1) });

const fileOf = (number: number) => `sign-in-${number}.json`;

/**
 * @param given the one in `.env`
 * @param number of the account, from 1
 */
export function openKept(
  folder: string,
  { number, given, log }: { readonly number: number; readonly given: string; readonly log: Logger },
): Kept {
  const path = join(folder, fileOf(number));
  const from = createHash("sha256").update(given).digest("hex");

  return {
    newest() {
      const text = textOf(path);
      if (text === undefined) return given;
      const stored = Stored.safeParse(parsed(text));
      if (stored.success) return stored.data.from === from ? stored.data.refreshToken : given;
      log.warn("the file with the newest refresh token cannot be read; the one in .env is used", {
        file: fileOf(number),
      });
      return given;
    },

    async keep(refreshToken) {
      const beside = `${path}.new`;
      rmSync(beside, { force: true }); // of a process that died; its mode would stay
      await synced(beside, "wx", JSON.stringify({ from, refreshToken }));
      await rename(beside, path);
      await synced(dirname(path), "r");
    },
  };
}

/** Takes away what is kept of accounts that are not signed in with a token (any more). */
export function forgetOthers(folder: string, numbers: readonly number[]): void {
  const ours = new Set(numbers.map(fileOf));
  for (const file of readdirSync(folder))
    if (/^sign-in-\d+\.json(?:\.new)?$/.test(file) && !ours.has(file)) rmSync(join(folder, file));
}

async function synced(path: string, flags: string, text?: string): Promise<void> {
  await using file = await open(path, flags, 0o600);
  if (text !== undefined) await file.writeFile(text);
  await file.sync();
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut short, by whatever wrote to it
  }
}
