import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@bellhop/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../log.ts";
import { handOver, openSources } from "../sources.ts";

const AGENT = 1_900_000_042;
let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "bellhop-sources-"));
});
afterEach(() => rmSync(base, { recursive: true }));

async function given(name: string, mode: "ro" | "rw"): Promise<void> {
  const mount = { source: join(base, name), target: "/workspace/x", mode };
  const sources = await openSources([mount], { given: base, real: base });
  try {
    await handOver(sources, AGENT, silentLog);
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

describe.skipIf(process.getuid?.() !== 0)(
  "a folder that a root host gives to a group (SKIPPED unless root)",
  () => {
    const owner = (name: string) => lstatSync(join(base, name)).uid;

    it("becomes the group's with all that is in it, but nothing that links lead to", async () => {
      mkdirSync(join(base, "ours", "deep"), { recursive: true });
      writeFileSync(join(base, "ours", "deep", "note"), "");
      writeFileSync(join(base, "secret"), "");
      symlinkSync(join(base, "secret"), join(base, "ours", "link"));
      symlinkSync(base, join(base, "ours", "deep", "up"));
      writeFileSync(join(base, "twice"), "");
      linkSync(join(base, "twice"), join(base, "ours", "also"));

      await given("ours", "rw");

      expect(["ours", "ours/deep", "ours/deep/note", "ours/link"].map(owner)).toEqual(Array(4).fill(AGENT));
      expect([".", "secret", "twice"].map(owner)).toEqual([0, 0, 0]);
    });

    it("is not walked again once it is the group's", async () => {
      mkdirSync(join(base, "ours"));
      await given("ours", "rw");
      writeFileSync(join(base, "ours", "by-the-host"), "");

      await given("ours", "rw");

      expect(owner("ours/by-the-host")).toBe(0);
    });

    it("is told of when the group could not read it", async () => {
      mkdirSync(join(base, "media"));
      chmodSync(join(base, "media"), 0o700);

      await expect(given("media", "ro")).rejects.toThrow(ConfigError);
      await expect(given("media", "ro")).rejects.toThrow(/chmod -R go\+rX/);
    });
  },
);
