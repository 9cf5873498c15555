/** The files of Bellhop's own that a plugin's process runs: found beside this one, in the sources as in the package. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export interface Programs {
  /** Path of what Node starts. */
  readonly start: string;
  /** Addresses that it is told: the program behind it, the sdk, its plain text, its kit for tests. */
  readonly main: string;
  readonly sdk: string;
  readonly plainText: string;
  readonly testing: string;
  /** All that must be seen for these to run. */
  readonly places: readonly string[];
}

export function pluginPrograms(): Programs {
  const at = (path: string) => new URL(path, import.meta.url);
  const built = at("sdk/index.js");
  const files = existsSync(built)
    ? {
        start: at("plugin-start.mjs"),
        main: at("plugin.js"),
        sdk: built,
        plainText: at("sdk/plain-text.js"),
        testing: at("sdk/testing.js"),
        places: [at("."), at("../package.json")],
      }
    : {
        start: at("child/start.mjs"),
        main: at("child/main.ts"),
        sdk: at("../../../sdk/src/in-process.ts"),
        plainText: at("../../../sdk/src/plain-text.ts"),
        testing: at("../../../sdk/testing/index.ts"),
        places: [at("."), at("../../package.json"), at("../../../sdk/src/"), at("../../../sdk/package.json")],
      };
  return {
    start: fileURLToPath(files.start),
    main: files.main.href,
    sdk: files.sdk.href,
    plainText: files.plainText.href,
    testing: files.testing.href,
    places: files.places.map((place) => fileURLToPath(place).replace(/\/$/, "")),
  };
}

/** Every `node_modules` in which a module of this folder may look. */
export function modulesAround(folder: string): readonly string[] {
  const found: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const modules = `${at === "/" ? "" : at}/node_modules`;
    if (existsSync(modules)) found.push(modules);
    if (dirname(at) === at) return found;
  }
}
