/**
 * Freezes the migrations of a release: writes the hash of each file that has none yet into
 * `manifest.json`. Run it when a version is released, and commit the result:
 *
 *     node packages/host/src/store/migrations/freeze.ts --release
 *
 * It never changes a hash that is there. Bellhop itself does not use this file; a test does.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const MANIFEST = join(import.meta.dirname, "manifest.json");

/** File name → SHA-256 of its text, of what was released. */
export function frozen(): Record<string, string> {
  return z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(MANIFEST, "utf8")));
}

/** File name → text of every migration that there is, in order. */
export function sources(): Map<string, string> {
  const files = readdirSync(import.meta.dirname).filter((name) => /^\d{4}-.*\.ts$/.test(name));
  return new Map(files.sort().map((name) => [name, readFileSync(join(import.meta.dirname, name), "utf8")]));
}

function freeze(): void {
  const manifest = frozen();
  for (const [name, text] of sources()) manifest[name] ??= createHash("sha256").update(text).digest("hex");
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
}

if (import.meta.main) {
  if (!process.argv.includes("--release")) {
    process.stderr.write(
      "This freezes every migration for good. If a release is being made, say --release.\n",
    );
    process.exitCode = 1;
  } else {
    freeze();
  }
}
