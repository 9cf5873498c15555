import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../log.ts";
import { handOver, lookAtSources, openSources } from "../sources.ts";

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

const ways = [
  { way: "by descriptor", open: openSources },
  { way: "by name alone", open: lookAtSources },
];

describe.each(ways)("a source that is held $way", ({ open }) => {
  /** What `name` is now, or what it was when it was judged. */
  const source = (name: string, foreign?: { dev: string; ino: string }) => {
    const mount = { source: join(base, name), target: "/workspace/x", mode: "ro" as const };
    return { ...mount, ...(foreign && { foreign }) };
  };
  const numbers = (name: string) => {
    const { dev, ino } = lstatSync(join(base, name), { bigint: true });
    return { dev: String(dev), ino: String(ino) };
  };
  async function opened(mount: ReturnType<typeof source>) {
    const sources = await open([mount], { given: base, real: base });
    for (const one of sources) await one.close();
    return sources[0];
  }

  it("is the very one that was judged", async () => {
    mkdirSync(join(base, "photos"));
    const judged = numbers("photos");

    expect(await opened(source("photos", judged))).toMatchObject({ ...judged, directory: true });
  });

  it.each([
    ["gone", () => undefined],
    ["another", () => mkdirSync(join(base, "photos"))],
    ["a link to another", () => symlinkSync(join(base, "secret"), join(base, "photos"))],
    ["a link to itself", () => symlinkSync(join(base, "away"), join(base, "photos"))],
  ])("is judged anew when it is %s since (F30)", async (_, swap) => {
    mkdirSync(join(base, "secret"));
    mkdirSync(join(base, "photos"));
    const judged = numbers("photos");
    renameSync(join(base, "photos"), join(base, "away"));
    swap();

    await expect(opened(source("photos", judged))).rejects.toThrow(TemporaryError);
  });

  it("is no link and lies behind none, though its home may", async () => {
    mkdirSync(join(base, "home", "ours"), { recursive: true });
    symlinkSync(join(base, "home"), join(base, "alias"));
    const behind = source("alias/ours");

    await expect(opened(behind)).rejects.toThrow(RejectedError);
    await expect(opened(source("alias"))).rejects.toThrow(RejectedError);
    const [inHome] = await open([behind], { given: join(base, "alias"), real: join(base, "home") });
    await inHome?.close();
    expect(inHome?.path).toBe(join(base, "home", "ours"));
  });
});
