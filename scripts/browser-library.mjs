/**
 * What the browser skill of plugins/agent-browser runs with, put beside it: a sandbox sees the skill's folder, and
 * nothing of node_modules. Without the parts that show traces and describe types. Plain JavaScript, as setup.mjs is.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const LEFT_OUT = new Set([
  "types",
  "bin",
  "cli.js",
  join("lib", "vite"),
  join("lib", "tools"),
  join("lib", "xdg-open"),
]);

/** Does nothing where the same version is there already. */
export function placeBrowserLibrary(root) {
  const source = join(root, "node_modules", "playwright-core");
  const target = join(root, "plugins", "agent-browser", "skills", "browser", "lib", "playwright-core");
  if (versionIn(target) === versionIn(source)) return;
  const partial = `${target}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, partial, {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(relative(source, path)),
  });
  rmSync(target, { recursive: true, force: true });
  renameSync(partial, target);
}

function versionIn(folder) {
  const file = join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
}
