/**
 * The engine's home of a group (`sessions/<folder>`, inside `~/.claude`) is the agent's to write. One
 * file in it can keep the engine from ever starting again: without a terminal, CLI 2.1.330 refuses
 * every start while `.claude.json` is not JSON. It holds nothing that we need, so a broken one is set
 * aside before a sandbox opens.
 */
import { RejectedError } from "@bellhop/sdk";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { MissingFileError, readBeneath } from "../core/open-beneath.ts";
import type { Log } from "../log.ts";

const NAME = ".claude.json";
/** It is a few KiB; parsing megabytes would hold up everybody. */
const MAX_BYTES = 1024 * 1024;

export async function mendEngineHome(directory: string, log: Log): Promise<void> {
  const problem = await problemOf(directory);
  if (problem === undefined) return;
  log.warn({ problem }, "the engine's own settings were broken, and are set aside");
  // By name alone, whatever it is: nothing of the agent's is followed, opened or walked.
  await rename(join(directory, NAME), join(directory, `${NAME}.broken`));
}

async function problemOf(directory: string): Promise<string | undefined> {
  try {
    const content = await readBeneath(directory, NAME, { maxBytes: MAX_BYTES });
    JSON.parse(content.toString("utf8"));
    return undefined;
  } catch (error) {
    if (error instanceof MissingFileError) return undefined;
    if (error instanceof RejectedError || error instanceof SyntaxError) return error.message;
    throw error;
  }
}
