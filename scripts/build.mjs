/**
 * `npm run build`: one JavaScript file from the host and `@bellhop/sdk` (Node strips no types below
 * `node_modules`), beside the files that the host reads at run time. What npm installs stays outside.
 */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureDependencies, runScript } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const host = join(root, "packages", "host");
const dist = join(host, "dist");

await runScript(async () => {
  ensureDependencies(root);
  const { rolldown } = await import("rolldown");

  rmSync(dist, { recursive: true, force: true });
  const { dependencies } = JSON.parse(readFileSync(join(host, "package.json"), "utf8"));
  const installed = Object.keys(dependencies);
  const bundle = await rolldown({
    input: join(host, "src", "cli", "bellhop.ts"),
    platform: "node",
    // The fault suite's places in the source (core/failpoint.ts) are none of the package's.
    treeshake: { manualPureFunctions: ["failpoint"] },
    external: (id) =>
      id.startsWith("node:") || installed.some((name) => id === name || id.startsWith(`${name}/`)),
    // Something that cannot be resolved would be left as it is and fail on somebody else's machine.
    onLog(level, log, report) {
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      report(level, log);
    },
  });
  await bundle.write({ dir: dist, format: "esm", chunkFileNames: "[name]-[hash].js" });
  await bundle.close();

  // The modules that use these find them beside themselves, in the sources as in the bundle.
  cpSync(join(host, "src", "http", "assets"), join(dist, "assets"), { recursive: true });
  for (const program of ["forwarder.mjs", "door.mjs", "mux.mjs"]) {
    cpSync(join(host, "src", "sandbox", program), join(dist, program));
  }
  cpSync(join(root, "container", "Dockerfile"), join(dist, "Dockerfile"));
});
