/** Plugins that come with Bellhop: in `plugins/` of the sources, and beside the bundle in a package. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasCode } from "../../core/error-code.ts";

/** A folder each. */
export function shippedPlugins(): readonly string[] {
  return ["plugins", "../../../../../plugins"].flatMap((place) => {
    const folder = fileURLToPath(new URL(place, import.meta.url));
    try {
      return readdirSync(folder).map((name) => join(folder, name));
    } catch (error) {
      if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return [];
      throw error;
    }
  });
}
