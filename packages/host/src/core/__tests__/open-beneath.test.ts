import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RejectedError } from "@bellhop/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MissingFileError, openBeneath, readBeneath } from "../open-beneath.ts";

let base: string;
let root: string;
const limits = { maxBytes: 100 };

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "bellhop-beneath-"));
  root = join(base, "group");
  mkdirSync(join(root, "notes"), { recursive: true });
  writeFileSync(join(base, "secret"), "the host's own");
});
afterEach(() => rmSync(base, { recursive: true }));

describe("a file that an agent can write", () => {
  it("is read when it is a plain one", async () => {
    writeFileSync(join(root, "notes", "a.md"), "milk");

    expect(String(await readBeneath(root, "notes/a.md", limits))).toBe("milk");
  });

  it("is told from one that does not exist", async () => {
    await expect(readBeneath(root, "notes/b.md", limits)).rejects.toThrow(MissingFileError);
  });

  it("is refused when it is a link, or lies behind one", async () => {
    symlinkSync(join(base, "secret"), join(root, "link"));
    symlinkSync(base, join(root, "door"));

    await expect(readBeneath(root, "link", limits)).rejects.toThrow(/link/);
    await expect(readBeneath(root, "door/secret", limits)).rejects.toThrow(/link/);
  });

  it("is refused when it has a second name", async () => {
    linkSync(join(base, "secret"), join(root, "hard"));

    await expect(readBeneath(root, "hard", limits)).rejects.toThrow(/2 names/);
  });

  it.each(["../secret", "/etc/passwd", "notes/../../secret", "", ".", "a//b", "a\0b"])(
    "is refused by the path %j",
    async (path) => {
      await expect(readBeneath(root, path, limits)).rejects.toThrow(RejectedError);
    },
  );

  it("never makes the host wait for a FIFO", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);

    await expect(readBeneath(root, "pipe", limits)).rejects.toThrow(/not a plain file/);
  });

  it("is refused when it is a folder or too large, also when it only claims to be", async () => {
    writeFileSync(join(root, "sparse"), "");
    truncateSync(join(root, "sparse"), 2 ** 40);

    await expect(readBeneath(root, "notes", limits)).rejects.toThrow(/not a plain file/);
    await expect(readBeneath(root, "sparse", limits)).rejects.toThrow(/larger than the 100 bytes/);
  });

  it("is refused when it outgrows the limit between opening and reading", async () => {
    writeFileSync(join(root, "growing"), "x".repeat(100));
    await using file = await openBeneath(root, "growing", limits);
    writeFileSync(join(root, "growing"), "x".repeat(1000));

    await expect(file.read()).rejects.toThrow(/larger/);
  });

  it("never shows the host's own while its parent is being swapped", async () => {
    writeFileSync(join(base, "a.md"), "the host's own");
    writeFileSync(join(root, "notes", "a.md"), "milk");
    // Swaps notes/ between the real folder and a link to the host's, as fast as it can.
    const racer = await swapping(root, base);
    try {
      const seen = new Set<string>();
      for (let turn = 0; turn < 2000; turn++) {
        seen.add(await readBeneath(root, "notes/a.md", limits).then(String, () => "refused"));
      }

      expect(seen).not.toContain("the host's own");
      expect(seen).toContain("refused");
    } finally {
      racer.kill();
    }
  });
});

async function swapping(root: string, target: string) {
  const program = `
    const fs = require("node:fs");
    const [root, target] = process.argv.slice(1);
    for (let turn = 0; ; turn++) {
      if (turn === 1) console.log("swapping");
      fs.renameSync(root + "/notes", root + "/aside");
      fs.symlinkSync(target, root + "/notes");
      fs.unlinkSync(root + "/notes");
      fs.renameSync(root + "/aside", root + "/notes");
    }`;
  const child = spawn(process.execPath, ["-e", program, root, target], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return { kill: () => child.kill("SIGKILL") };
}
