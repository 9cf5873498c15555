import {
  chmodSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { groupConfig, loadConfig } from "../../config.ts";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { prepareHome } from "../../home.ts";
import { silentLog } from "../../log.ts";
import { createGroups } from "../groups.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-groups-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const FAMILY = GroupFolder.parse("family");

async function given({ yaml = "" } = {}) {
  const home = join(scratch(), "home");
  const { paths } = await prepareHome(home);
  writeFileSync(paths.config, yaml);
  const config = loadConfig({ home, env: {} });
  const groups = createGroups({ paths, settingsOf: (group) => groupConfig(config, group), log: silentLog });
  for (const folder of [MAIN, FAMILY]) await groups.ensure(folder);
  const write = (path: string, text: string) => writeFileSync(join(home, path), text);
  const told = async (folder: GroupFolder) => {
    const mount = (await groups.mounts(folder)).find(({ target }) => target === "/workspace/CLAUDE.md");
    return readFileSync(mount?.source ?? "", "utf8");
  };
  return { home, paths, groups, write, told };
}

describe("a group's folders", () => {
  it("are made with a seeded memory that begins with the group's persona", async () => {
    const { home } = await given();

    expect(readFileSync(join(home, "groups/main/CLAUDE.md"), "utf8")).toMatch(/^@IDENTITY\.md\n/);
    expect(readFileSync(join(home, "groups/main/CLAUDE.md"), "utf8")).toContain("global/IDENTITY.md");
    expect(readFileSync(join(home, "groups/family/CLAUDE.md"), "utf8")).not.toContain("owner's");
    expect(existsSync(join(home, "sessions/family"))).toBe(true);
  });

  it("are the agent's from then on: nothing in them is written again", async () => {
    const { home, groups, write } = await given();
    write("groups/main/CLAUDE.md", "all mine");

    await groups.ensure(MAIN);
    await groups.mounts(MAIN);

    expect(readFileSync(join(home, "groups/main/CLAUDE.md"), "utf8")).toBe("all mine");
  });

  it("are seeded even when a crash cut their making short", async () => {
    const { home, groups } = await given();
    mkdirSync(join(home, "groups/work.partial"));

    await groups.ensure(GroupFolder.parse("work"));

    expect(existsSync(join(home, "groups/work/CLAUDE.md"))).toBe(true);
    expect(existsSync(join(home, "groups/work.partial"))).toBe(false);
  });
});

describe("what a sandbox sees", () => {
  it("is the group's own, and for main the shared memory as files", async () => {
    const { home, groups } = await given();

    const seen = async (folder: GroupFolder) =>
      (await groups.mounts(folder)).map(
        ({ source, target, mode }) => `${source.slice(home.length + 1)} ${target} ${mode}`,
      );

    expect(await seen(FAMILY)).toEqual([
      "groups/family /workspace/group rw",
      "run/compose/family/CLAUDE.md /workspace/CLAUDE.md ro",
      "media/family /workspace/media ro",
      "sessions/family /home/agent/.claude rw",
      "run/compose/family/managed-settings.json /etc/claude-code/managed-settings.json ro",
    ]);
    expect(await seen(MAIN)).toContain("global /workspace/global rw");
  });

  it("has no settings of an engine that the group does not use", async () => {
    const acp = "groups:\n  family:\n    engine: acp\nacp:\n  command: [/a]\n";
    const { groups } = await given({ yaml: acp });

    expect((await groups.mounts(FAMILY)).map(({ target }) => target)).not.toContain(
      "/etc/claude-code/managed-settings.json",
    );
  });

  it("can be read by the sandbox's own user, whatever the host's umask", async () => {
    const before = process.umask(0o077);

    const { groups } = await given();
    const mounts = await groups.mounts(FAMILY);
    process.umask(before);

    const shown = mounts
      .filter(({ mode }) => mode === "ro")
      .map(({ source }) => statSync(source).mode & 0o777);
    expect(shown).toEqual([0o644, 0o755, 0o644]);
  });

  it("keeps what an earlier sandbox holds open, and costs no write when nothing changed", async () => {
    const { write, told, paths } = await given();
    write("global/CLAUDE.md", "one");
    await told(FAMILY);
    const composed = join(paths.run, "compose/family/CLAUDE.md");
    const held = openSync(composed, "r");

    await told(FAMILY);
    expect(statSync(composed).ino).toBe(fstatSync(held).ino);
    write("global/CLAUDE.md", "two");
    expect(await told(FAMILY)).toContain("two");

    const buffer = Buffer.alloc(1_000);
    expect(buffer.toString("utf8", 0, readSync(held, buffer))).toContain("one");
  });
});

describe("what every group is told", () => {
  it("is nothing, where nothing is shared", async () => {
    const { told } = await given();

    expect(await told(MAIN)).toBe(
      "<!-- Composed by Bellhop each time a sandbox opens; changes made here are lost. -->\n",
    );
  });

  it("is the shared persona and memory, with their contents", async () => {
    const { write, told } = await given();
    write("global/IDENTITY.md", "You are Jeeves.\n");
    write("global/CLAUDE.md", "The house has a blue door.\n");

    expect(await told(FAMILY)).toMatch(
      /# Who you are\n\nYou are Jeeves\.\n\n# What all groups share\n\nThe house has a blue door\.\n$/,
    );
  });

  it("leaves the shared persona out where the group has its own", async () => {
    const { write, told } = await given();
    write("global/IDENTITY.md", "You are Jeeves.");
    write("groups/family/IDENTITY.md", "You are Alfred.");

    expect(await told(FAMILY)).not.toMatch(/Jeeves|Alfred/); // Alfred comes by the group's CLAUDE.md
    expect(await told(MAIN)).toContain("Jeeves");
  });

  it("puts the group's persona in where its CLAUDE.md no longer does", async () => {
    const { write, told } = await given();
    write("groups/family/IDENTITY.md", "You are Alfred.");
    write("groups/family/CLAUDE.md", "# What I remember\n");

    expect(await told(FAMILY)).toContain("You are Alfred.");
  });

  it.each([
    ["a link out of the folder", (path: string) => symlinkSync("/etc/passwd", path)],
    ["a file that is far too long", (path: string) => writeFileSync(path, "x".repeat(100_000))],
  ])("says so instead of reading %s", async (_, plant) => {
    const { home, told, write } = await given();
    write("global/IDENTITY.md", "You are Jeeves.");
    plant(join(home, "global/CLAUDE.md"));

    const text = await told(FAMILY);

    expect(text).toContain("You are Jeeves.");
    expect(text).toMatch(/\(CLAUDE\.md could not be read: .*Mend it, and tell your people\.\)/);
    expect(text).not.toMatch(/root:|xxxx/);
  });
});

describe("the engine's home", () => {
  it.each([
    ["is not JSON", (path: string) => writeFileSync(path, "{ torn")],
    ["is a link", (path: string) => symlinkSync("/dev/zero", path)],
    ["is a folder", (path: string) => mkdirSync(path)],
  ])("is mended when its .claude.json %s", async (_, plant) => {
    const { home, groups } = await given();
    const file = join(home, "sessions/family/.claude.json");
    plant(file);

    await groups.mounts(FAMILY);

    expect(existsSync(file)).toBe(false);
  });

  it("is left alone when its .claude.json is sound", async () => {
    const { home, groups } = await given();
    const file = join(home, "sessions/family/.claude.json");
    writeFileSync(file, '{"a":1}');
    chmodSync(file, 0o600);

    await groups.mounts(FAMILY);

    expect(readFileSync(file, "utf8")).toBe('{"a":1}');
  });
});

describe("the instructions", () => {
  it("name the assistant and the zone of the group, and its powers", async () => {
    const { groups } = await given({
      yaml: "assistant: Jeeves\ntimezone: Europe/Berlin\ngroups:\n  family:\n    assistant: Alfred\n",
    });

    expect(groups.instructions(FAMILY)).toMatch(/You are Alfred,[^]*Europe\/Berlin/);
    expect(groups.instructions(FAMILY)).not.toContain("/workspace/global");
    expect(groups.instructions(MAIN)).toMatch(/You are Jeeves,[^]*\/workspace\/global\/IDENTITY\.md/);
    expect(groups.instructions(MAIN)).toBe(groups.instructions(MAIN)); // the prompt cache lives on that
  });
});
