/** The files of Bellhop's own that a plugin's process runs: found beside this one, in the sources as in the package. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export interface Programs {
  /** Path of what Node starts. */
  readonly start: string;
  /** Address of the program behind it. */
  readonly main: string;
  /** Address of the sdk, and of its parts by what they are imported as. */
  readonly sdk: string;
  readonly sdkParts: Readonly<Record<string, string>>;
  /** All that must be seen for these to run. */
  readonly places: readonly string[];
}

/** As the sdk's package.json exports them; the build makes a file of each, by the same name. */
const SDK_PARTS = ["markup", "plain-text", "star-markup", "testing"] as const;

export function pluginPrograms(): Programs {
  const at = (path: string) => new URL(path, import.meta.url);
  const built = at("sdk/index.js");
  const files = existsSync(built)
    ? {
        start: at("plugin-start.mjs"),
        main: at("plugin.js"),
        sdk: built,
        part: (name: string) => at(`sdk/${name}.js`),
        places: [at("."), at("../package.json")],
      }
    : {
        start: at("child/start.mjs"),
        main: at("child/main.ts"),
        sdk: at("../../../sdk/src/in-process.ts"),
        part: (name: string) => at(`../../../sdk/${name === "testing" ? "testing/index" : `src/${name}`}.ts`),
        places: [at("."), at("../../package.json"), at("../../../sdk/src/"), at("../../../sdk/package.json")],
      };
  return {
    start: fileURLToPath(files.start),
    main: files.main.href,
    sdk: files.sdk.href,
    sdkParts: Object.fromEntries(SDK_PARTS.map((name) => [`@bellhop/sdk/${name}`, files.part(name).href])),
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
