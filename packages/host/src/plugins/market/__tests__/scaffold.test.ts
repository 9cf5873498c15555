import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { checkPublishable } from "../publish.ts";
import { checkParts } from "../check-parts.ts";
import { manifestOf } from "../prepare.ts";
import { KINDS, scaffold } from "../scaffold/scaffold.ts";
import { temporaryFolder, weather, writeFiles } from "./plugin-folders.ts";

const sdk = new URL("../../../../../sdk/src/index.ts", import.meta.url).href;
const SLOW = 120_000;
const env = { PATH: process.env["PATH"] };

describe("a plugin that was just begun", () => {
  it.each(KINDS)(
    "as a %s has a manifest that holds, and tests that pass",
    { timeout: SLOW },
    async (kind) => {
      const folder = join(await temporaryFolder(), "mine");
      await scaffold(kind, "mine", { folder, sdk });
      const manifest = await manifestOf(folder);
      await checkParts(folder, manifest);

      const tests = spawn(process.execPath, ["--test", "--test-reporter=tap"], { cwd: folder, env });
      const [output] = await Promise.all([text(tests.stdout), once(tests, "close")]);

      expect(output).toMatch(/^# fail 0$/m);
      expect(output).not.toMatch(/^# pass 0$/m);
      expect(tests.exitCode).toBe(0);
    },
  );

  it("takes no folder that holds something, and no name that cannot be", async () => {
    const folder = await writeFiles(await temporaryFolder(), { mine: "" });

    await expect(scaffold("tool", "mine", { folder, sdk })).rejects.toThrow(/holds something/);
    await expect(scaffold("tool", "../mine", { folder, sdk })).rejects.toThrow(/lower-case/);
  });
});

describe("a plugin that is to be published", () => {
  it("is told everything that has to be mended", { timeout: SLOW }, async () => {
    const about = {
      name: "bellhop-plugin-weather",
      version: "1.0.0",
      private: true,
      files: [".env", "notes.md"],
      scripts: { postinstall: "make" },
      bellhop: { skills: ["skills/weather"] },
    };
    const files = { "package.json": JSON.stringify(about), ".env": "KEY=1", "notes.md": "" };
    const folder = await writeFiles(await temporaryFolder(), weather({}, files));

    const checking = checkPublishable(folder, env);

    await expect(checking).rejects.toThrow(
      /private[^]*keyword[^]*license[^]*skills\/weather\/SKILL\.md[^]*\.env would be[^]*postinstall/,
    );
  });
});
