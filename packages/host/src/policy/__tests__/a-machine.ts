/** Somebody's machine for tests of mounts: a user's home with Bellhop's in it, an allowlist, and what was told. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import type { WantedMount } from "../../core/mount-policy.ts";
import { silentLog } from "../../log.ts";
import { createMounts, type MountState } from "../mounts.ts";

export const FAMILY = GroupFolder.parse("family");
export { MAIN };

export interface Wish {
  readonly source: string;
  readonly target?: string;
  readonly mode?: "ro" | "rw";
}

/** @param uid of the groups' sandboxes, where it is not this process's own */
export function aMachine({ uid }: { uid?: number | undefined } = {}) {
  const base = mkdtempSync(join(tmpdir(), "bellhop-mounts-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  chmodSync(base, 0o755);
  const userHome = join(base, "ada");
  const allowlist = join(userHome, ".config", "bellhop", "mount-allowlist.json");
  const home = join(userHome, ".bellhop");
  mkdirSync(dirname(allowlist), { recursive: true });
  mkdirSync(home);
  const told: string[] = [];
  const recorded: MountState[] = [];
  const keys = new Set<string>();

  return {
    base,
    userHome,
    home,
    allowlist,
    told,
    recorded,
    /** Writes a file, with the folders above it. @returns its path */
    file(path: string, text = ""): string {
      const at = join(userHome, path);
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, text);
      return at;
    },
    folder(path: string): string {
      const at = join(userHome, path);
      mkdirSync(at, { recursive: true });
      return at;
    },
    allow(content: unknown): void {
      writeFileSync(allowlist, typeof content === "string" ? content : JSON.stringify(content), {
        mode: 0o600,
      });
    },
    mounts(
      wishes: Partial<Record<"main" | "family", readonly Wish[]>>,
      ofPlugins?: (group: GroupFolder) => readonly WantedMount[],
    ) {
      const wanted = Object.entries(wishes).map(([group, list]) => {
        const asked = list.map((wish): WantedMount => ({ mode: "ro", ...wish, origin: { kind: "group" } }));
        return [GroupFolder.parse(group), asked] as const;
      });
      return createMounts({
        wanted: new Map(wanted),
        ...(ofPlugins && { ofPlugins: { wanted: ofPlugins, groups: async () => [MAIN, FAMILY] } }),
        allowlist,
        own: [home, dirname(allowlist)],
        userHome,
        uidOf: async () => uid,
        tell: async (key, text) => {
          if (!keys.has(key)) told.push(text);
          keys.add(key);
        },
        record: async (decided) => void recorded.push(decided),
        log: silentLog,
      });
    },
  };
}
