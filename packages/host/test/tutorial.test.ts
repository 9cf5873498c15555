/** docs/tutorial-channel.md, done as it says: its code is put in a folder of its own, tested and used. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const page = readFileSync(join(root, "docs", "tutorial-channel.md"), "utf8");
const files = new Map(
  [...page.matchAll(/```\w+ title="([^"]+)"\n(.*?)```/gs)].map(([, name = "", code = ""]) => [name, code]),
);

/** The reader's folder, with the sdk where npm would have put it. */
function followed(): string {
  const folder = mkdtempSync(join(tmpdir(), "bellhop-pigeon-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, code] of files) writeFileSync(join(folder, name), code);
  mkdirSync(join(folder, "node_modules", "@bellhop"), { recursive: true });
  symlinkSync(join(root, "packages", "sdk"), join(folder, "node_modules", "@bellhop", "sdk"));
  symlinkSync(join(root, "node_modules", "zod"), join(folder, "node_modules", "zod"));
  return folder;
}

describe("the tutorial", () => {
  it("builds a channel in 100 lines", () => {
    expect([...files.keys()]).toEqual([
      "package.json",
      "pigeon.ts",
      "index.ts",
      "fake-pigeon.ts",
      "pigeon.test.ts",
    ]);
    expect(files.get("pigeon.ts")?.trimEnd().split("\n").length).toBeLessThanOrEqual(100);
  });

  it("builds a channel that passes the contract suite", async () => {
    const folder = followed();

    const child = spawn(process.execPath, ["--test", "--test-reporter=tap"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);

    expect(output).toMatch(/^# fail 0$/m);
    const [, passed = "0"] = /^# pass (\d+)$/m.exec(output) ?? [];
    expect(Number(passed)).toBeGreaterThanOrEqual(40);
    expect(code).toBe(0);
  });
});
