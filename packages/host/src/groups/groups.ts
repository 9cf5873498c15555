/**
 * The folders of a group, and what of them its sandbox sees (design 5.3).
 *
 * - A group's folder and its engine's home are the agent's: the host writes into them once, when it
 *   makes them, and reads them through `readBeneath` alone.
 * - What the host composes (`run/compose/<folder>/`) the agent sees read-only, as it was when its
 *   sandbox opened.
 * - Only `main` sees the shared memory as files; the others see what is in it.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GroupConfig, HomePaths } from "../config.ts";
import { type GroupFolder, MAIN } from "../core/ids.ts";
import { writeDurably } from "../home.ts";
import type { Log } from "../log.ts";
import type { Mount } from "../turns/sandbox.ts";
import { mendEngineHome } from "./engine-home.ts";
import { instructions } from "./instructions.ts";
import { managedSettings } from "./managed-settings.ts";
import { composeMemory } from "./memory.ts";
import { seedMemory } from "./seed.ts";

export interface Groups {
  /**
   * Makes what is missing of the group's folders. A new group's `CLAUDE.md` is seeded; one that is
   * there is never touched. Call it once the database knows the group, not before: what lies in
   * `sessions/` is taken as proof that there was a database (store/database.ts).
   */
  readonly ensure: (folder: GroupFolder) => Promise<void>;
  /** The group's part of what its sandbox sees. Composes anew, so call it once per sandbox. */
  readonly mounts: (folder: GroupFolder) => Promise<readonly Mount[]>;
  /** What is appended to the engine's own system prompt. */
  readonly instructions: (folder: GroupFolder) => string;
  /** Names of what the group has written down; the agent can read them itself. */
  readonly files: (folder: GroupFolder) => Promise<readonly string[]>;
}

export interface GroupsOptions {
  readonly paths: HomePaths;
  readonly settingsOf: (folder: GroupFolder) => Pick<GroupConfig, "engine" | "assistant" | "timezone">;
  readonly log: Log;
  /** Tools that the engine `claude` must not have, pinned beyond the reach of its settings files. */
  readonly deniedTools?: readonly string[];
  /** Whether an agent may leave work running after its turn. @default false */
  readonly background?: boolean;
}

/** So that a folder full of notes does not fill a prompt. */
const MOST_FILES = 50;

export function createGroups({
  paths,
  settingsOf,
  log,
  deniedTools = [],
  background = false,
}: GroupsOptions): Groups {
  return {
    async ensure(folder) {
      await ensureFolder(join(paths.groups, folder), { "CLAUDE.md": seedMemory(folder) });
      await mkdir(join(paths.sessions, folder), { recursive: true, mode: 0o700 });
      await makeReadable(join(paths.media, folder));
      if (folder === MAIN) await mkdir(paths.global, { recursive: true, mode: 0o700 });
    },

    async mounts(folder) {
      const composed = join(paths.run, "compose", folder);
      await makeReadable(composed);
      const memory = await composeMemory({
        global: paths.global,
        group: join(paths.groups, folder),
        log: log.with({ group: folder }),
      });
      await replace(join(composed, "CLAUDE.md"), memory);
      await replace(join(composed, "managed-settings.json"), managedSettings(deniedTools, background));
      const { engine } = settingsOf(folder);
      if (engine === "claude")
        await mendEngineHome(join(paths.sessions, folder), log.with({ group: folder }));
      return [
        { source: join(paths.groups, folder), target: "/workspace/group", mode: "rw" },
        { source: join(composed, "CLAUDE.md"), target: "/workspace/CLAUDE.md", mode: "ro" },
        ...(folder === MAIN
          ? [{ source: paths.global, target: "/workspace/global", mode: "rw" } satisfies Mount]
          : []),
        { source: join(paths.media, folder), target: "/workspace/media", mode: "ro" },
        { source: join(paths.sessions, folder), target: "/home/agent/.claude", mode: "rw" },
        ...(engine === "claude"
          ? [
              {
                source: join(composed, "managed-settings.json"),
                target: "/etc/claude-code/managed-settings.json",
                mode: "ro",
              } satisfies Mount,
            ]
          : []),
      ];
    },

    async files(folder) {
      const names = await readdir(join(paths.groups, folder));
      return names
        .filter((name) => name.endsWith(".md"))
        .toSorted()
        .slice(0, MOST_FILES);
    },

    instructions(folder) {
      const { assistant, timezone } = settingsOf(folder);
      return instructions({ folder, assistant, timezone });
    },
  };
}

/** Appears with its files or not at all, so that a crash leaves no group without its seed. */
async function ensureFolder(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  if (existsSync(path)) return;
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  for (const [name, text] of Object.entries(files)) await writeDurably(join(partial, name), text);
  await rename(partial, path);
}

/** By the sandbox's user, whatever our umask; by nobody else, because the home around it is 0700. */
async function makeReadable(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
}

/** A sandbox that has the old file keeps it. Unchanged text costs no write on the way to a first answer. */
async function replace(file: string, text: string): Promise<void> {
  if (existsSync(file) && (await readFile(file, "utf8")) === text) return;
  await writeFile(`${file}.partial`, text);
  await chmod(`${file}.partial`, 0o644);
  await rename(`${file}.partial`, file);
}
