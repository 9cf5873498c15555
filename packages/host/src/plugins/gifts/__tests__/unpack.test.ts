import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { RejectedError } from "@bellhop/sdk";
import { packTar, type TarEntry } from "modern-tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unpack } from "../unpack.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "bellhop-unpack-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let number = 0;
async function archiveOf(entries: readonly TarEntry[]): Promise<{ file: string; place: string }> {
  number += 1;
  const file = join(root, `${number}.tar.gz`);
  await writeFile(file, gzipSync(await packTar(entries)));
  return { file, place: join(root, `place-${number}`) };
}
const file = (name: string, body = "x", mode = 0o644): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), mode },
  body,
});

describe("an archive of programs", () => {
  it("is unpacked with what its programs may do, readable by every user, without the folder around it", async () => {
    const long = `tool-1.0/share/${"long".repeat(40)}/${"name".repeat(20)}`;
    const { file: archive, place } = await archiveOf([
      { header: { name: "tool-1.0/", size: 0, type: "directory", mode: 0o700 } },
      file("./tool-1.0/bin/tool", "#!/bin/sh\n", 0o700),
      file("tool-1.0/README", "read me", 0o600),
      file(long),
    ]);
    const before = process.umask(0o077);
    try {
      await unpack(archive, place);
    } finally {
      process.umask(before);
    }

    expect((await readdir(place)).toSorted()).toEqual(["README", "bin", "share"]);
    expect(await readFile(join(place, "README"), "utf8")).toBe("read me");
    expect(await readFile(join(place, long.replace("tool-1.0/", "")), "utf8")).toBe("x");
    const modeOf = async (path: string) => (await stat(join(place, path))).mode & 0o777;
    expect(await modeOf("bin")).toBe(0o755);
    expect(await modeOf("bin/tool")).toBe(0o755);
    expect(await modeOf("README")).toBe(0o644);
  });

  it.each<[string, readonly TarEntry[], RegExp]>([
    ["a way out", [file("../outside")], /no path below/],
    ["a way out further in", [file("a/../../outside")], /no path below/],
    ["an absolute path", [file("/etc/outside")], /no path below/],
    ["a link", [{ header: { name: "a", size: 0, type: "symlink", linkname: "/etc" } }], /is a symlink/],
    ["a hard link", [{ header: { name: "a", size: 0, type: "link", linkname: "b" } }], /is a link/],
    ["a name twice", [file("a"), file("a")], /same name/],
    ["nothing", [], /nothing in it/],
    ["too much", [file("a", "x".repeat(2_000))], /grows to more/],
    ["too many", Array.from({ length: 12 }, (_, index) => file(`a${index}`)), /more than 10 entries/],
  ])("with %s in it is refused, and nothing of it stays", async (_what, entries, why) => {
    const { file: archive, place } = await archiveOf(entries);

    await expect(unpack(archive, place, { entries: 10, bytes: 1_000 })).rejects.toThrow(why);

    const names = await readdir(root);
    expect(names.filter((name) => name.startsWith(`place-${number}`) || name === "outside")).toEqual([]);
  });

  it("that is none, or was cut, is refused", async () => {
    const { file: archive, place } = await archiveOf([file("a", "x".repeat(100_000))]);
    const whole = await readFile(archive);
    const cut = join(root, "cut.tgz");

    for (const bytes of [
      Buffer.from("no archive"),
      whole.subarray(0, whole.length - 20),
      gzipSync("no tar at all"),
    ]) {
      await writeFile(cut, bytes);
      await expect(unpack(cut, place)).rejects.toThrow(RejectedError);
    }
  });
});
