/** Whether what a manifest names is in its folder: it is found before a plugin is put in place, not when it is used. */
import { type Manifest, RejectedError } from "@bellhop/sdk";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../core/error-code.ts";

/** Files that a manifest names, in its folder. */
export function partsOf({ entry, skills, imageLayer, archives }: Manifest): readonly string[] {
  return [
    ...(entry === undefined ? [] : [entry]),
    ...skills.map((skill) => `${skill.replace(/\/$/, "")}/SKILL.md`),
    ...(imageLayer === undefined ? [] : [imageLayer]),
    ...archives.flatMap(({ from }) => (URL.canParse(from) ? [] : [from])),
  ].map((path) => path.replace(/^\.\//, ""));
}

/** @throws RejectedError naming all that are missing */
export async function checkParts(folder: string, manifest: Manifest): Promise<void> {
  const checked = await Promise.all(
    partsOf(manifest).map(async (part) => ((await isFile(join(folder, part))) ? [] : [part])),
  );
  const missing = checked.flat();
  if (missing.length === 0) return;
  throw new RejectedError(
    `${manifest.name} ${manifest.version} names ${missing.join(", ")}, and ${missing.length === 1 ? "that is" : "those are"} not in it. Tell its author.`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return false;
    throw error;
  }
}
