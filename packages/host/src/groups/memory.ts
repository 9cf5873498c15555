/**
 * `/workspace/CLAUDE.md`: what every group is told, composed by the host (design 5.1, memory layers).
 *
 * - Contents are put in whole, because the engine follows no import out of the group's folder.
 * - A group's own `IDENTITY.md` replaces the shared persona. It comes in by the first line of the
 *   group's `CLAUDE.md`; where somebody has taken that line out, it is put in here.
 * - Agents write these files. One that cannot be read safely is left out and its place says so: a
 *   group must not lose its voice over it.
 */
import { MissingFileError, readBeneath } from "../core/open-beneath.ts";
import { RejectedError } from "@bellhop/sdk";
import type { Log } from "../log.ts";
import { hasCode } from "../core/error-code.ts";

export interface MemorySources {
  /** Directory with the shared `CLAUDE.md` and `IDENTITY.md`; may be missing. */
  readonly global: string;
  /** The group's folder. */
  readonly group: string;
  readonly log: Log;
}

/** Some 16,000 tokens: what goes beyond it crowds out the conversation. */
const MAX_BYTES = 64 * 1024;

export async function composeMemory({ global, group, log }: MemorySources): Promise<string> {
  const own = await text(group, "IDENTITY.md", log);
  const persona = own === undefined ? await text(global, "IDENTITY.md", log) : undefined;
  const imported = own !== undefined && importsPersona(await text(group, "CLAUDE.md", log));
  const shared = await text(global, "CLAUDE.md", log);
  return [
    "<!-- Composed by Bellhop each time a sandbox opens; changes made here are lost. -->",
    ...section("Who you are", persona ?? (imported ? undefined : own)),
    ...section("What all groups share", shared),
    "",
  ].join("\n");
}

function section(title: string, content: string | undefined): string[] {
  return content === undefined || content.trim() === "" ? [] : ["", `# ${title}`, "", content.trim()];
}

function importsPersona(memory: string | undefined): boolean {
  return /^@(\.\/)?IDENTITY\.md\s*$/m.test(memory ?? "");
}

/** @returns undefined when there is no such file */
async function text(root: string, name: string, log: Log): Promise<string | undefined> {
  try {
    return (await readBeneath(root, name, { maxBytes: MAX_BYTES })).toString("utf8");
  } catch (error) {
    if (error instanceof MissingFileError || isMissing(error)) return undefined;
    if (!(error instanceof RejectedError)) throw error;
    log.warn({ err: error, root, name }, "a memory file was left out");
    return `(${name} could not be read: ${error.message}. Mend it, and tell your people.)`;
  }
}

/** The directory itself may not be there yet. */
function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}
