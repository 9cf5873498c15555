/** Files that a plugin may have or not. */
import { readFile } from "node:fs/promises";
import { hasCode } from "../../core/error-code.ts";

/** Undefined where there is no such file. */
export async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}
