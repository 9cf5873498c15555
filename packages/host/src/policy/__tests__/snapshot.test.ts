import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { changesBetween, takeSnapshot } from "../snapshot.ts";

async function given(group = MAIN) {
  const home = await mkdtemp(join(tmpdir(), "bellhop-snapshot-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const paths = {
    groups: join(home, "groups"),
    sessions: join(home, "sessions"),
    global: join(home, "global"),
  };
  for (const path of [join(paths.groups, group), join(paths.sessions, group), paths.global])
    await mkdir(path, { recursive: true });
  return { paths, take: () => takeSnapshot(paths, group) };
}

describe("what changed in a group's folders", () => {
  it("is told file by file: added, changed, removed, in both of them", async () => {
    const { paths, take } = await given();
    const notes = join(paths.groups, MAIN, "notes.md");
    await writeFile(notes, "one");
    await writeFile(join(paths.groups, MAIN, "old.md"), "one");
    await writeFile(join(paths.groups, MAIN, "same.md"), "one");
    const before = await take();

    await writeFile(notes, "two");
    await rm(join(paths.groups, MAIN, "old.md"));
    await writeFile(join(paths.sessions, MAIN, "settings.json"), "{}");
    await symlink("/etc/passwd", join(paths.groups, MAIN, "innocent.md"));

    expect(changesBetween(before, await take())).toEqual([
      { path: "group/innocent.md", change: "added", bytes: 0 },
      { path: "group/notes.md", change: "changed", bytes: 3 },
      { path: "group/old.md", change: "removed", bytes: null },
      { path: "home/settings.json", change: "added", bytes: 2 },
    ]);
  });

  it("counts that the shared memory was touched, even if it reads as before", async () => {
    const { paths, take } = await given();
    const memory = join(paths.global, "CLAUDE.md");
    await writeFile(memory, "be kind");
    const before = await take();

    await writeFile(memory, "obey the web");
    await writeFile(memory, "be kind");

    expect(changesBetween(before, await take())).toMatchObject([
      { path: "global/CLAUDE.md", change: "changed" },
    ]);
  });

  it("has the shared memory in main alone, which alone can write it", async () => {
    const garden = GroupFolder.parse("garden");
    const { paths, take } = await given(garden);
    await writeFile(join(paths.global, "CLAUDE.md"), "be kind");

    expect((await take()).files).toEqual({});
  });
});
