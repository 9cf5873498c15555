/**
 * One host holds the home.
 *
 * - The lock is an exclusive transaction that stays open on `run/lock.db`: the operating system
 *   gives it back when the process dies, however it dies. Nothing but this file may open `lock.db`
 *   in the process that holds it; closing any other descriptor of it would drop the lock.
 * - `run/host.json` beside it says who holds the home, for people and for the command line. It
 *   decides nothing: without the lock it is a leftover.
 */
import { ConfigError } from "@bellhop/sdk";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { homePaths } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import { jsonText } from "../core/json-text.ts";

const HostFacts = z.object({
  pid: z.int().positive(),
  /** ms since 1970 */
  startedAt: z.number(),
  /** Of the web chat, once it is served. */
  url: z.string().optional(),
});
export type HostFacts = z.infer<typeof HostFacts>;
const HostFile = jsonText(HostFacts);

export interface HomeLock {
  /** Adds to `run/host.json` what is known by now. */
  readonly describe: (facts: { readonly url: string }) => void;
  /** Gives the home back. Safe to call again. */
  readonly release: () => void;
}

/**
 * @param home prepared (see home.ts)
 * @throws ConfigError naming the process that holds the home
 */
export async function lockHome(home: string, clock: Clock): Promise<HomeLock> {
  const { run } = homePaths(home);
  const connection = new DatabaseSync(join(run, "lock.db"), { timeout: 0 });
  try {
    connection.exec("pragma journal_mode = memory; begin exclusive");
  } catch (cause) {
    connection.close();
    if (!isBusy(cause)) {
      throw new ConfigError(`${join(run, "lock.db")} cannot be locked; remove it and start again.`, {
        cause,
      });
    }
    const holder = readHost(home);
    throw new ConfigError(
      `${holder ? `Process ${holder.pid}` : "Another process"} holds the home ${home}` +
        `${holder?.url ? ` and serves ${holder.url}` : ""}. Stop it with: bellhop stop --home ${home}`,
      { cause },
    );
  }

  let released = false;
  const facts: HostFacts = { pid: process.pid, startedAt: clock.now() };
  writeHost(home, facts);
  return {
    describe(more) {
      if (!released) writeHost(home, Object.assign(facts, more));
    },
    release() {
      if (released) return;
      released = true;
      rmSync(hostFile(home), { force: true });
      connection.close();
    },
  };
}

/** @returns what `run/host.json` says, perhaps of a host that is gone; undefined where it says nothing sensible */
export function readHost(home: string): HostFacts | undefined {
  const file = hostFile(home);
  if (!existsSync(file)) return undefined;
  const facts = HostFile.safeParse(readFileSync(file, "utf8"));
  return facts.success ? facts.data : undefined;
}

function writeHost(home: string, facts: HostFacts): void {
  const partial = `${hostFile(home)}.partial`;
  writeFileSync(partial, `${JSON.stringify(facts)}\n`, { mode: 0o600 });
  renameSync(partial, hostFile(home));
}

const hostFile = (home: string) => join(homePaths(home).run, "host.json");

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (error.errcode === 5 || error.errcode === 261);
}
