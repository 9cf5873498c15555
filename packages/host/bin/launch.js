/**
 * From whatever Node started us to the one Bellhop needs.
 *
 * - The Node we are in is used where it is good enough, in this very process; else the one of the
 *   platform package that was installed with Bellhop; else one sentence says what to do.
 * - A process in between changes nothing that anybody can see: stdio is inherited, signals are handed
 *   on, and it ends as its child ended.
 *
 * Plain JavaScript for Node 18 and up; it must not import anything that needs more.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Node 24 runs our TypeScript from source; SQLite before 3.51.3 may lose data in WAL mode (G28). */
const NEEDED = { node: "24.0.0", sqlite: "3.51.3" };
const HANDED_ON = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
const host = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whether a Node with these `process.versions` can run Bellhop. */
export function fits({ node, sqlite = "0" }) {
  return !older(node, NEEDED.node) && !older(sqlite, NEEDED.sqlite);
}

/** The program of the platform package, or undefined where none was installed. */
export function broughtAlong(from = import.meta.url, { platform, arch } = process) {
  try {
    const manifest = createRequire(from).resolve(`node-${platform}-${arch}/package.json`);
    const program = join(dirname(manifest), "bin", "node");
    return existsSync(program) ? program : undefined;
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** A Node that fits: our own if it does, else the one brought along. */
export function findNode() {
  return fits(process.versions) ? process.execPath : broughtAlong();
}

/** Runs the command line `args` of Bellhop and ends as it ends. */
export async function launch(args) {
  const source = join(host, "src", "cli", "bellhop.ts");
  const built = join(host, "dist", "bellhop.js");
  const entry = existsSync(source) ? source : built;
  if (!existsSync(entry))
    return refuse(`Bellhop is not built: ${built} is missing. Build it with: npm run build`);

  if (fits(process.versions)) {
    // Halves the time a command takes to begin. Where it cannot be written, Node goes on without.
    module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "bellhop"));
    process.argv.splice(1, process.argv.length, entry, ...args);
    await import(pathToFileURL(entry).href);
    return undefined;
  }
  const node = broughtAlong();
  if (!node) {
    return refuse(
      `Bellhop needs Node 24 and this is ${process.version}; the package node-${process.platform}-${process.arch}, ` +
        "which brings it along, is not installed. Install Bellhop again without --omit=optional, or install Node 24.",
    );
  }
  return run(node, [join(host, "bin", "bellhop.js"), ...args]);
}

/** Runs a program in our place: stdio, signals and the way it ends pass through. */
export async function run(program, args) {
  const child = spawn(program, args, { stdio: "inherit" });
  // A key press in a terminal reaches the child by itself, and then once more from here. It takes
  // signals that arrive together for one; a signal that only we got must not be lost.
  const handOn = (signal) => child.kill(signal);
  for (const signal of HANDED_ON) process.on(signal, handOn);
  const end = await new Promise((resolve) => {
    child.on("error", (error) => resolve({ error }));
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  for (const signal of HANDED_ON) process.off(signal, handOn);
  if (end.error) return refuse(`${program} cannot be started: ${end.error.message}.`);
  if (end.signal) process.kill(process.pid, end.signal);
  else process.exitCode = end.code;
  return undefined;
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}

function older(version, than) {
  const [a, b] = [version, than].map((text) => text.split(".").map((part) => Number.parseInt(part, 10)));
  for (const [at, needed] of b.entries()) {
    if ((a[at] ?? 0) !== needed) return (a[at] ?? 0) < needed;
  }
  return false;
}
