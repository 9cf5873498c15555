/**
 * A plugin of ours for the package, with what it depends on inside: its process gets by with less memory so, and
 * needs nothing beside it. `@bellhop/sdk` is the host's, whoever imports it: its errors are told by their classes.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** @param source the folder of the plugin, with its package.json */
export async function bundlePlugin(rolldown, source, target) {
  const {
    dependencies: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  const { entry, imageLayer, archives = [] } = manifest.bellhop;
  if (entry !== undefined) await bundle(rolldown, join(source, entry), target);
  mkdirSync(target, { recursive: true });
  const bellhop = { ...manifest.bellhop, ...(entry !== undefined && { entry: "index.js" }) };
  writeFileSync(join(target, "package.json"), `${JSON.stringify({ ...manifest, bellhop }, null, 2)}\n`);
  const own = [imageLayer, ...archives.map(({ from }) => from)];
  for (const beside of ["LICENSE", "skills", ...own]) {
    if (beside !== undefined && existsSync(join(source, beside)))
      cpSync(join(source, beside), join(target, beside), { recursive: true });
  }
}

async function bundle(rolldown, input, target) {
  const made = await rolldown({
    input: { index: input },
    platform: "node",
    external: (id) => id.startsWith("node:") || id === "@bellhop/sdk" || id.startsWith("@bellhop/sdk/"),
    onLog(level, log, report) {
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      report(level, log);
    },
  });
  await made.write({ dir: target, format: "esm", chunkFileNames: "[name]-[hash].js" });
  await made.close();
}
