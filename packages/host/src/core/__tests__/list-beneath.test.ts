import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { listBeneath, type ListingBounds } from "../list-beneath.ts";

const BOUNDS: ListingBounds = { entries: 100, depth: 5, fileBytes: 1_000, bytes: 10_000 };

async function given() {
  const root = await mkdtemp(join(tmpdir(), "bellhop-list-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const write = (name: string, text: string) => writeFile(join(root, name), text);
  const list = async (bounds: Partial<ListingBounds> = {}) =>
    await listBeneath(root, { ...BOUNDS, ...bounds });
  return { root, write, list };
}

describe("listing a folder of an agent's", () => {
  it("names what lies there, with its size and what tells a change", async () => {
    const { root, write, list } = await given();
    await mkdir(join(root, "notes"));
    await write("notes/a.md", "one");

    const before = await list();
    await write("notes/a.md", "two");
    const after = await list();

    expect(before).toMatchObject({
      whole: true,
      entries: [
        { path: "notes", kind: "folder" },
        { path: "notes/a.md", kind: "file", bytes: 3 },
      ],
    });
    expect(after.entries[1]?.mark).not.toBe(before.entries[1]?.mark);
  });

  it("follows no link out of it, and opens nothing that would make it wait (F29)", async () => {
    const { root, list } = await given();
    await symlink("/etc", join(root, "etc"));
    await symlink("/etc/passwd", join(root, "passwd"));
    execFileSync("mkfifo", [join(root, "pipe")]);

    expect((await list()).entries.map(({ path, kind }) => [path, kind])).toEqual([
      ["etc", "link"],
      ["passwd", "link"],
      ["pipe", "other"],
    ]);
  });

  it("does not read what is too large, and still tells when it changes", async () => {
    const { root, write, list } = await given();
    await write("large", "x".repeat(2_000));
    const before = await list();

    await link(join(root, "large"), join(root, "another name"));

    const after = await list();
    expect(before.entries[0]?.mark).toMatch(/^\d+:2000:/);
    expect(after.entries.find(({ path }) => path === "large")?.mark).not.toBe(before.entries[0]?.mark);
  });

  it("stops at its bounds, and says that it is not all", async () => {
    const { root, write, list } = await given();
    for (let i = 0; i < 20; i += 1) await write(`file-${i}`, "x");
    await mkdir(join(root, "a/b/c/d/e/f/g"), { recursive: true });

    expect(await list({ entries: 5 })).toMatchObject({ whole: false, entries: { length: 5 } });
    expect((await list()).whole).toBe(false);
  });
});
