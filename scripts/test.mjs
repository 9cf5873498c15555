/**
 * `npm test`: the whole suite, or what follows `--` (files, names, any option of Vitest's). Its last
 * line is always `N passed, N failed, N skipped`, from Vitest's own counts, for whoever reads only that.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findNode } from "../packages/host/bin/launch.js";
import { SetupError, runScript, setUp } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

await runScript(async () => {
  setUp(root);
  const node = findNode();
  if (!node)
    throw new SetupError(
      "The tests need Node 24, and npm ci did not bring it along. Run npm ci without --omit=optional.",
    );

  const folder = mkdtempSync(join(tmpdir(), "bellhop-test-"));
  try {
    const counts = join(folder, "counts.json");
    const code = await vitest(node, counts, process.argv.slice(2));
    process.exitCode = code;
    process.stdout.write(`${lastLine(counts, code)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Resolves with the exit code. The Node brought along goes first on PATH: tests start `node` by name. */
function vitest(node, counts, args) {
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", `--reporter=${join(root, "scripts", "counting-reporter.mjs")}`];
  const child = spawn(node, [program, "run", ...reporters, ...args], {
    cwd: root,
    stdio: "inherit",
    env: {
      ...process.env,
      BELLHOP_TEST_COUNTS: counts,
      PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`,
    },
  });
  // Vitest shows what it stopped in the middle of; going first would hide that.
  const handOn = (signal) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, handOn);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

function lastLine(counts, code) {
  let text;
  try {
    text = readFileSync(counts, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return `Vitest ended with exit code ${code} before it had counted anything.`;
  }
  const { passed, failed, skipped, errors } = JSON.parse(text);
  // An error outside of any test fails the run as well; it must not read as "0 failed".
  return `${passed} passed, ${failed + errors} failed, ${skipped} skipped`;
}
