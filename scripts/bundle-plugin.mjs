/**
 * A plugin of ours for the package, with what it depends on inside: its process gets by with less memory so, and
 * needs nothing beside it. `@bellhop/sdk` is the host's, whoever imports it: its errors are told by their classes.
 */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** @param source the folder of the plugin, with its package.json */
export async function bundlePlugin(rolldown, source, target) {
  const {
    dependencies: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  const bundle = await rolldown({
    input: { index: join(source, manifest.bellhop.entry) },
    platform: "node",
    external: (id) => id.startsWith("node:") || id === "@bellhop/sdk" || id.startsWith("@bellhop/sdk/"),
    onLog(level, log, report) {
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      report(level, log);
    },
  });
  await bundle.write({ dir: target, format: "esm", chunkFileNames: "[name]-[hash].js" });
  await bundle.close();
  const bundled = { ...manifest, bellhop: { ...manifest.bellhop, entry: "index.js" } };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(bundled, null, 2)}\n`);
  for (const beside of ["LICENSE", "skills"]) {
    if (existsSync(join(source, beside)))
      cpSync(join(source, beside), join(target, beside), { recursive: true });
  }
}
