/**
 * What lies in the folders that a group's agent can write, and what has changed there: for an owner who has
 * to judge whether something from outside was left behind.
 */
import { join } from "node:path";
import { z } from "zod";
import type { HomePaths } from "../config.ts";
import { type GroupFolder, MAIN } from "../core/ids.ts";
import { listBeneath, type ListingBounds } from "../core/list-beneath.ts";
import type { FileChange } from "../core/trust.ts";

export const Snapshot = z.object({
  whole: z.boolean(),
  /** Path → bytes and what tells a change. */
  files: z.record(z.string(), z.tuple([z.number(), z.string()])),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** A second of work at most, and half a megabyte in the database. */
const BOUNDS: ListingBounds = {
  entries: 5_000,
  depth: 32,
  fileBytes: 1024 * 1024,
  bytes: 64 * 1024 * 1024,
};

/** Folders are not named by themselves: what lies in them is. */
export async function takeSnapshot(
  paths: Pick<HomePaths, "groups" | "sessions" | "global">,
  group: GroupFolder,
): Promise<Snapshot> {
  const roots = [
    { name: "group", path: join(paths.groups, group) },
    { name: "home", path: join(paths.sessions, group) },
    // Only `main` can write what all groups are told.
    ...(group === MAIN ? [{ name: "global", path: paths.global }] : []),
  ];
  const files: Record<string, [number, string]> = {};
  let whole = true;
  for (const { name, path } of roots) {
    // Of the shared memory it counts that it was touched, not only how it reads now: see sharesMemory.
    const bounds = name === "global" ? { ...BOUNDS, fileBytes: -1 } : BOUNDS;
    const listing = await listBeneath(path, bounds);
    whole &&= listing.whole;
    for (const { path: file, kind, bytes, mark } of listing.entries)
      if (kind !== "folder") files[`${name}/${file}`] = [bytes, mark];
  }
  return { whole, files };
}

/** In the order of the paths. */
export function changesBetween(before: Snapshot, now: Snapshot): FileChange[] {
  const paths = [...new Set([...Object.keys(before.files), ...Object.keys(now.files)])].toSorted();
  return paths.flatMap((path): FileChange[] => {
    const [old, fresh] = [before.files[path], now.files[path]];
    if (!fresh) return [{ path, change: "removed", bytes: null }];
    if (!old) return [{ path, change: "added", bytes: fresh[0] }];
    return old[1] === fresh[1] ? [] : [{ path, change: "changed", bytes: fresh[0] }];
  });
}
