/**
 * A plugin's things in the form that an agent's engine takes them in: a folder with a manifest of the engine's
 * own, hooks, MCP servers, skills and programs, seen read-only at `/workspace/plugins/<name>`.
 *
 * - What differs from group to group is small text; two groups with the same text share one folder on this
 *   machine. Skills and programs lie beside it and are mounted into it.
 * - A folder that is there is never changed: sandboxes may be looking at it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Json, Manifest } from "@bellhop/sdk";
import type { Mount } from "../../turns/sandbox.ts";
import type { Unpacked } from "./archives.ts";
import { openFile, openFolder } from "./tree.ts";

export interface Content {
  readonly manifest: Pick<Manifest, "name" | "version" | "description" | "engineHooks">;
  readonly servers: Readonly<Record<string, Json>>;
  /** On this machine. */
  readonly skills: string | undefined;
  readonly programs: readonly Unpacked[];
}

/** Where it is seen inside. */
export const insideOf = (name: string): string => `/workspace/plugins/${name}`;

/** Changes when anything does that a sandbox would see. */
export function markOfContent(content: Content): string {
  const { manifest, servers, skills, programs } = content;
  const { name, version, description, engineHooks } = manifest;
  const all = JSON.stringify([name, version, description, engineHooks, servers, skills, programs]);
  return createHash("sha256").update(all).digest("hex").slice(0, 32);
}

/** Makes the folder below `parent`, unless it is there, and says what is to be mounted. */
export async function compose(parent: string, content: Content): Promise<readonly Mount[]> {
  const { manifest, skills, programs } = content;
  const place = join(parent, `${manifest.name}-${markOfContent(content)}`);
  if (!existsSync(place)) await make(place, content);
  const inside = insideOf(manifest.name);
  const mounts: Mount[] = [{ source: place, target: inside, mode: "ro" }];
  if (skills !== undefined) mounts.push({ source: skills, target: `${inside}/skills`, mode: "ro" });
  for (const { as, source } of programs) mounts.push({ source, target: `${inside}/tools/${as}`, mode: "ro" });
  return mounts;
}

async function make(place: string, { manifest, servers, skills, programs }: Content): Promise<void> {
  const { name, version, description = "", engineHooks } = manifest;
  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  await openFolder(dirname(place));
  await openFolder(partial);
  const put = async (path: string, value: unknown) => {
    await openFolder(partial, dirname(path));
    await openFile(join(partial, path), `${JSON.stringify(value, null, 2)}\n`, false);
  };
  await put(".claude-plugin/plugin.json", { name, version, description });
  if (Object.keys(engineHooks).length > 0) await put("hooks/hooks.json", { hooks: engineHooks });
  if (Object.keys(servers).length > 0) await put(".mcp.json", { mcpServers: servers });
  // Places for the mounts: in a folder that is read-only inside, no runtime can make them.
  if (skills !== undefined) await openFolder(partial, "skills");
  for (const { as, kind, program } of programs) {
    await openFolder(partial, kind === "folder" ? `tools/${as}` : "tools");
    if (kind === "program") await openFile(join(partial, "tools", as), "", true);
    if (program === undefined) continue;
    await openFolder(partial, "bin"); // the engine has it on its shell's PATH
    await symlink(join("../tools", as, program), join(partial, "bin", as));
  }
  await rename(partial, place);
}
