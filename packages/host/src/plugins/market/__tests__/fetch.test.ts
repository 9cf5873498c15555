import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkFolder } from "../check-folder.ts";
import { installDependencies } from "../dependencies.ts";
import { fetchPlugin } from "../fetch.ts";
import { registryWith, SKILL, tarballOf, temporaryFolder, weather, writeFiles } from "./plugin-folders.ts";

const PATH = { PATH: process.env["PATH"] };
const skillIn = async (folder: string) => await readFile(join(folder, "skills/weather/SKILL.md"), "utf8");

async function emptyFolder(): Promise<string> {
  const folder = join(await temporaryFolder(), "plugin");
  await mkdir(folder);
  return folder;
}

describe("a package of a registry", () => {
  const SLOW = 120_000;
  const withScript = { name: "sky", version: "1.0.0", scripts: { postinstall: "touch ran" } };
  const sky = {
    name: "sky",
    version: "1.0.0",
    files: { "package.json": JSON.stringify(withScript), "index.js": "" },
  };
  const about = JSON.stringify({
    name: "bellhop-plugin-weather",
    version: "1.0.0",
    dependencies: { sky: "^1.0.0", "@bellhop/sdk": "*" },
    scripts: { preinstall: "touch ran" },
    bellhop: { skills: ["skills/weather"] },
  });
  const plugin = {
    name: "bellhop-plugin-weather",
    version: "1.0.0",
    files: weather({}, { "package.json": about, ".npmrc": "script-shell=/bin/evil" }),
  };

  it("comes with what it depends on, and no script of either is run", { timeout: SLOW }, async () => {
    const env = await registryWith([sky, plugin]);
    const folder = await emptyFolder();

    const source = await fetchPlugin({ kind: "npm", name: plugin.name, wanted: "latest" }, folder, { env });
    await installDependencies(folder, { env });

    expect(source).toMatchObject({
      from: "npm",
      version: "1.0.0",
      integrity: expect.stringMatching(/^sha512-/),
    });
    expect(await skillIn(folder)).toBe(SKILL);
    expect(await readdir(join(folder, "node_modules", "sky"))).toEqual(["index.js", "package.json"]);
    expect(await readdir(folder)).not.toContain("ran");
    expect(await readdir(folder)).not.toContain(".npmrc");
    expect(await readFile(join(folder, "package.json"), "utf8")).toBe(about);
    await checkFolder(folder);
  });

  it("is refused when it is not what the registry promised", { timeout: SLOW }, async () => {
    const env = await registryWith([{ ...plugin, tampered: true }]);
    const folder = await emptyFolder();

    const fetching = fetchPlugin({ kind: "npm", name: plugin.name, wanted: "1.0.0" }, folder, { env });

    await expect(fetching).rejects.toThrow(/integrity/i);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(["git+https://example.com/sky.git", "ann/sky", "file:../sky", "https://example.com/sky.tgz"])(
    "may not depend on %s",
    async (range) => {
      const text = JSON.stringify({ name: "a", dependencies: { sky: range } });
      const folder = await writeFiles(await temporaryFolder(), { "package.json": text });

      await expect(installDependencies(folder, { env: PATH })).rejects.toThrow(/no registry/);
    },
  );

  it("may not have anything else in its lock file either", async () => {
    const lock = { packages: { "node_modules/sky": { resolved: "git+ssh://git@example.com/sky.git#abc" } } };
    const folder = await writeFiles(await temporaryFolder(), {
      "package.json": JSON.stringify({ name: "a", dependencies: { sky: "^1.0.0" } }),
      "package-lock.json": JSON.stringify(lock),
    });

    await expect(installDependencies(folder, { env: PATH })).rejects.toThrow(/no registry's file/);
  });
});

describe("a tarball", () => {
  it("is unpacked, and known by its content", async () => {
    const folder = await emptyFolder();
    const path = await tarballOf(weather());

    const source = await fetchPlugin({ kind: "tarball", path }, folder, { env: PATH });

    expect(source).toEqual({ from: "tarball", place: path, integrity: expect.stringMatching(/^sha512-/) });
    expect(await skillIn(folder)).toBe(SKILL);
  });

  it.each([
    [
      { header: { name: "package/notes", size: 0, type: "symlink", linkname: "/etc/passwd" } },
      /is a symlink/,
    ],
    [{ header: { name: "package/../../outside", size: 0 } }, /no path below/],
  ] as const)("with a link or a way out in it is refused", async (entry, why) => {
    const folder = await emptyFolder();
    const path = await tarballOf(weather(), [entry]);

    await expect(fetchPlugin({ kind: "tarball", path }, folder, { env: PATH })).rejects.toThrow(why);

    expect(await readdir(folder)).toEqual([]);
  });
});

describe("a repository", () => {
  it("is taken at one commit, one of its folders on demand, and none of its hooks is run", async () => {
    const repository = await writeFiles(await temporaryFolder(), {});
    await writeFiles(join(repository, "plugins/weather"), weather());
    const git = (...args: readonly string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
        cwd: repository,
      });
    git("init", "--quiet", "--initial-branch=main");
    git("add", ".");
    git("commit", "--quiet", "-m", "first");
    const commit = git("rev-parse", "HEAD").toString().trim();
    const folder = await emptyFolder();

    const source = await fetchPlugin(
      { kind: "git", url: `file://${repository}`, ref: "main", path: "plugins/weather" },
      folder,
      { env: PATH },
    );

    expect(source).toEqual({ from: "git", url: `file://${repository}#main:plugins/weather`, commit });
    expect((await readdir(folder)).toSorted()).toEqual(["package.json", "skills"]);
  });

  it("cannot be had by a transport that runs programs", async () => {
    const origin = { kind: "git", url: "ext::sh -c touch% /tmp/evil" } as const;

    await expect(fetchPlugin(origin, await emptyFolder(), { env: PATH })).rejects.toThrow(/not allowed/);
  });
});

describe("a folder", () => {
  it("is copied without its history, its modules and its secrets", async () => {
    const path = await writeFiles(
      await temporaryFolder(),
      weather({}, { ".git/config": "", "node_modules/sky/index.js": "", ".env": "KEY=1" }),
    );
    const folder = await emptyFolder();

    await fetchPlugin({ kind: "folder", path }, folder, { env: PATH });

    expect((await readdir(folder)).toSorted()).toEqual(["package.json", "skills"]);
  });

  it("with a link in it becomes no plugin", async () => {
    const path = await writeFiles(await temporaryFolder(), weather());
    await symlink("/etc", join(path, "skills", "more"));

    await expect(checkFolder(path)).rejects.toThrow(/link out of the folder/);
  });
});
