/**
 * A plugin of ours for the package, with what it depends on inside: its process gets by with less memory so, and
 * needs nothing beside it. `@bellhop/sdk` is the host's, whoever imports it: its errors are told by their classes.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lateImports } from "./late-imports.mjs";

/**
 * @param source the folder of the plugin, with its package.json, whose field `bundle` says what is left out or loaded
 *   late (late-imports.mjs)
 */
export async function bundlePlugin(rolldown, source, target) {
  const {
    dependencies: _,
    devDependencies: __,
    bundle: leftOut = {},
    ...manifest
  } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  const { entry, imageLayer, archives = [] } = manifest.bellhop;
  if (entry !== undefined) await bundle(rolldown, join(source, entry), { target, leftOut });
  mkdirSync(target, { recursive: true });
  const bellhop = { ...manifest.bellhop, ...(entry !== undefined && { entry: "index.js" }) };
  writeFileSync(join(target, "package.json"), `${JSON.stringify({ ...manifest, bellhop }, null, 2)}\n`);
  const own = [imageLayer, ...archives.map(({ from }) => from)];
  for (const beside of ["LICENSE", "skills", ...own]) {
    if (beside !== undefined && existsSync(join(source, beside)))
      cpSync(join(source, beside), join(target, beside), { recursive: true });
  }
}

async function bundle(rolldown, input, { target, leftOut }) {
  const made = await rolldown({
    input: { index: input },
    platform: "node",
    plugins: [lateImports(leftOut)],
    external: (id) => id.startsWith("node:") || id === "@bellhop/sdk" || id.startsWith("@bellhop/sdk/"),
    onLog(level, log, report) {
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      report(level, log);
    },
  });
  await made.write({ dir: target, format: "esm", chunkFileNames: "[name]-[hash].js", plugins: [inAscii] });
  await made.close();
}

/**
 * Node keeps a source whose characters are all of ASCII in half the memory of any other: of e-mail's that is 1 MiB.
 * An escape means the same, but behind a backslash, and where the raw text of a template is asked for.
 */
const inAscii = {
  name: "in-ascii",
  renderChunk(code, { fileName }) {
    const [meant] = /(?<!\\)(?:\\\\)*\\[^\0-\x7f]|\braw`[^`]*[^\0-\x7f`]/.exec(code) ?? [];
    if (meant !== undefined) throw new Error(`${fileName}: an escape would change what this means: ${meant}`);
    return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  },
};
