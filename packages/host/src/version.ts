/** The version of this program, from its own package.json: the same one in the sources and in the bundle. */
import manifest from "../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
