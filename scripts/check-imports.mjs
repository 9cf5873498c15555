/**
 * Holds the direction of imports in `packages/host/src` (CONTRIBUTING.md, Layout): a folder may import
 * from itself and from layers below its own. The middle is one layer: its folders are one job in parts.
 * The edges do not know each other.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** From the bottom up. Single files of `src` stand under their name without `.ts`. */
const LAYERS = [
  { names: ["core"] },
  { names: ["config", "log", "memory", "version"] },
  { names: ["home", "stop-switch"] },
  { names: ["store"] },
  {
    names: [
      "admission",
      "budgets",
      "dispatch",
      "turns",
      "tools",
      "outbox",
      "scheduler",
      "groups",
      "media",
      "policy",
    ],
    together: true,
  },
  { names: ["http", "channels", "plugins", "engines", "sandbox", "broker"] },
  { names: ["status"] },
  { names: ["assembly"] },
  { names: ["main"] },
  { names: ["cli"] },
  { names: ["testing"] },
];

const source = join(dirname(dirname(fileURLToPath(import.meta.url))), "packages", "host", "src");
const IMPORT =
  /(?:^|[\n;])\s*(?:import|export)\b[^;"']*?["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']\s*\)/g;

/** What is wrong with one import, or undefined. `from` and `to` are paths below `src`. */
export function problem(from, to) {
  const [a, b] = [partOf(from), partOf(to)];
  if (a === b || to.startsWith("..")) return undefined;
  const [mine, its] = [layerOf(a), layerOf(b)];
  if (mine === undefined || its === undefined) {
    return `${from}: ${mine === undefined ? a : b} has no layer; give it one in scripts/check-imports.mjs`;
  }
  if (its < mine || (its === mine && LAYERS[mine].together)) return undefined;
  return `${from} imports ${to}: ${a} must not know ${b}; let ${a} declare what it needs, and main.ts join them`;
}

function partOf(path) {
  return path.split(sep)[0].replace(/\.ts$/, "");
}

function layerOf(part) {
  const at = LAYERS.findIndex(({ names }) => names.includes(part));
  return at < 0 ? undefined : at;
}

function check() {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    // A test may build its part from whatever is real.
    (file) => file.endsWith(".ts") && !file.split(sep).includes("__tests__"),
  );
  const problems = files.flatMap((file) =>
    [...readFileSync(join(source, file), "utf8").matchAll(IMPORT)].flatMap(([, named, dynamic]) => {
      const target = relative(source, resolve(source, dirname(file), named ?? dynamic));
      return problem(file, target) ?? [];
    }),
  );
  for (const line of problems) process.stderr.write(`${line}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) check();
