/**
 * `sender-allowlist.json` in the directory of policies: read at the start and whenever it changes.
 *
 * - The directory is watched, not the file: editors put a new file in the old one's place. It is read once
 *   nothing has changed for a moment, so that a file that is being written is not taken for a broken one.
 * - A file that is broken leaves the last good one in force; where there was none, only owners may speak.
 *   What is wrong is told to the owner, stands in the log, and in `status` until it is mended.
 */
import { watch } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { hasCode } from "../core/error-code.ts";
import {
  EVERYONE,
  mayCall,
  OWNERS_ONLY,
  readSenderPolicy,
  type SenderPolicy,
} from "../core/sender-policy.ts";
import type { Log } from "../log.ts";

export interface SenderAllowlistParts {
  /** Of the policies; it is made if it is not there. */
  readonly directory: string;
  /** Something is wrong with the file, in whole sentences; or, empty, nothing is any more. */
  readonly onProblems: (problems: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const NAME = "sender-allowlist.json";
const MAX_BYTES = 1024 * 1024;
const QUIET_MS = 100;

export async function openSenderAllowlist({ directory, onProblems, clock, log }: SenderAllowlistParts) {
  const file = join(directory, NAME);
  let policy: SenderPolicy = EVERYONE;
  let good: SenderPolicy | undefined;
  let problems: readonly string[] = [];
  let reading = Promise.resolve();
  let cancel: (() => void) | undefined;
  let closed = false;

  async function read(): Promise<void> {
    const text = await textOf(file);
    const before = problems;
    if (typeof text !== "string") {
      if (text.missing) {
        good = undefined; // taken away on purpose: from here on it is as if it had never been there
        policy = EVERYONE;
        problems = [];
      } else broken(text.why);
    } else {
      const found = readSenderPolicy(text);
      if ("broken" in found) broken(found.broken);
      else {
        policy = good = found.policy;
        problems = found.problems.map((problem) => `In ${file}, ${problem}.`);
      }
    }
    log.info({ file, chats: policy.chats.size, problems: problems.length }, "the sender allowlist was read");
    if (closed || before.join("\n") === problems.join("\n")) return;
    for (const problem of problems) log.error({ file }, problem);
    onProblems(problems);
  }

  function broken(why: string): void {
    policy = good ?? OWNERS_ONLY;
    const now = good ? "What it said before still holds" : "Until it is mended only owners may speak";
    problems = [`${file} cannot be used (${why}). ${now}.`];
  }

  function reread(): void {
    reading = reading.then(read).catch((error: unknown) => {
      broken(error instanceof Error ? error.message : String(error));
      log.error({ err: error, file }, "the sender allowlist could not be read");
    });
  }

  function changed(): void {
    cancel?.();
    if (closed) return;
    cancel = clock.after(QUIET_MS, reread);
  }

  const watcher = await watched(directory, changed, log);
  reread();
  await reading;

  return {
    mayCall: (...[speaking]: [Parameters<typeof mayCall>[1]]) => mayCall(policy, speaking),
    /** Whether those who may not speak are to stand in the log. */
    get logsDenied(): boolean {
      return policy.logDenied;
    },
    problems: (): readonly string[] => problems,
    async close(): Promise<void> {
      closed = true;
      cancel?.();
      watcher?.close();
      await reading;
    },
  };
}

/** Without it the file is read at the start alone, which the log says. */
async function watched(directory: string, changed: () => void, log: Log) {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const watcher = watch(directory, { persistent: false }, (_, name) => {
      if (name === null || name === NAME) changed();
    });
    watcher.on("error", (error) => log.error({ err: error, directory }, "policies are not watched any more"));
    return watcher;
  } catch (error) {
    log.warn({ err: error, directory }, "policies cannot be watched: a change counts after a restart");
    return undefined;
  }
}

type Unread = { readonly missing: true } | { readonly missing: false; readonly why: string };

async function textOf(file: string): Promise<string | Unread> {
  try {
    await using handle = await open(file, "r");
    const { size } = await handle.stat();
    if (size > MAX_BYTES)
      return { missing: false, why: `it has ${size} bytes, and at most ${MAX_BYTES} are read` };
    return await handle.readFile("utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { missing: true };
    return { missing: false, why: error instanceof Error ? error.message : String(error) };
  }
}
