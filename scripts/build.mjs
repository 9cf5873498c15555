/**
 * `npm run build`: one JavaScript file from the host and `@bellhop/sdk` (Node strips no types below
 * `node_modules`), beside the files that the host reads at run time. What npm installs stays outside.
 */
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { placeBrowserLibrary } from "./browser-library.mjs";
import { bundlePlugin } from "./bundle-plugin.mjs";
import { ensureDependencies, runScript } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const host = join(root, "packages", "host");
const dist = join(host, "dist");

await runScript(async () => {
  ensureDependencies(root);
  placeBrowserLibrary(root);
  const { rolldown } = await import("rolldown");

  rmSync(dist, { recursive: true, force: true });
  for (const name of readdirSync(join(root, "plugins"))) {
    await bundlePlugin(rolldown, join(root, "plugins", name), join(dist, "plugins", name));
  }
  const { dependencies } = JSON.parse(readFileSync(join(host, "package.json"), "utf8"));
  const installed = Object.keys(dependencies);
  const bundle = await rolldown({
    input: {
      bellhop: join(host, "src", "cli", "bellhop.ts"),
      // For authors of plugins: `import { openBox } from "bellhop/testing"`.
      testing: join(host, "src", "testing.ts"),
    },
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
  await bundle.write({
    dir: dist,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundle.close();

  await buildForPlugins(rolldown, installed);

  // The modules that use these find them beside themselves, in the sources as in the bundle.
  cpSync(join(host, "src", "http", "assets"), join(dist, "assets"), { recursive: true });
  for (const program of ["forwarder.mjs", "door.mjs", "mux.mjs"]) {
    cpSync(join(host, "src", "sandbox", program), join(dist, program));
  }
  cpSync(join(host, "src", "plugins", "child", "start.mjs"), join(dist, "plugin-start.mjs"));
  cpSync(join(root, "container", "Dockerfile"), join(dist, "Dockerfile"));
});

/**
 * What plugins' processes load (packages/host/src/plugins/programs.ts): their own program, and the sdk that they
 * are given, which keeps the names of its errors' classes.
 */
async function buildForPlugins(rolldown, installed) {
  const sdk = join(root, "packages", "sdk");
  const inProcess = join(sdk, "src", "in-process.ts");
  const outside = (id) =>
    id.startsWith("node:") ||
    [...installed, "vitest"].some((name) => id === name || id.startsWith(`${name}/`));
  const failOnUnresolved = (level, log, report) => {
    if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
    report(level, log);
  };
  for (const { input, dir, alias } of [
    { input: { plugin: join(host, "src", "plugins", "child", "main.ts") }, dir: dist, alias: inProcess },
    {
      input: {
        index: inProcess,
        markup: join(sdk, "src", "markup.ts"),
        "plain-text": join(sdk, "src", "plain-text.ts"),
        "star-markup": join(sdk, "src", "star-markup.ts"),
        testing: join(sdk, "testing", "index.ts"),
      },
      dir: join(dist, "sdk"),
      alias: join(sdk, "src", "index.ts"),
    },
  ]) {
    const bundle = await rolldown({
      input,
      platform: "node",
      external: outside,
      resolve: { alias: { "@bellhop/sdk": alias } },
      onLog: failOnUnresolved,
    });
    await bundle.write({
      dir,
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "[name]-[hash].js",
    });
    await bundle.close();
  }
}
