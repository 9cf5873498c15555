import { ConfigError } from "@bellhop/sdk";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { homePaths } from "../../config.ts";
import type { Installed } from "../../core/plugin.ts";
import { editInstalled, installedFile, readInstalled } from "../installed.ts";

async function givenHome() {
  const home = await mkdtemp(join(tmpdir(), "bellhop-installed-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return homePaths(home);
}

function entry(version: string): Installed {
  return {
    version,
    source: { from: "bellhop" },
    enabled: true,
    scope: { channels: "all", groups: "all" },
    approved: [],
    settings: {},
    variables: {},
    revealed: [],
  };
}

describe("what owners decided about plugins", () => {
  it("is nothing at first, and what was written then", async () => {
    const paths = await givenHome();
    expect(await readInstalled(paths)).toEqual({});

    await editInstalled(paths, (all) => ({ ...all, weather: entry("1.0.0") }));

    expect(await readInstalled(paths)).toEqual({ weather: entry("1.0.0") });
    expect(await readdir(paths.plugins)).toEqual(["installed.json"]);
  });

  it("loses no change where several are made at once", async () => {
    const paths = await givenHome();
    const names = Array.from({ length: 12 }, (_, index) => `p${index}`);

    await Promise.all(
      names.map((name) => editInstalled(paths, (all) => ({ ...all, [name]: entry("1.0.0") }))),
    );

    expect(Object.keys(await readInstalled(paths)).toSorted()).toEqual(names.toSorted());
  });

  it("is not written over where it is broken", async () => {
    const paths = await givenHome();
    await editInstalled(paths, () => ({}));
    await writeFile(installedFile(paths), '{"weather": {"version": 1}}');

    const edited = editInstalled(paths, () => ({}));

    await expect(edited).rejects.toThrow(ConfigError);
    await expect(edited).rejects.toThrow(/does not hold together.*Mend it/);
    expect(await readFile(installedFile(paths), "utf8")).toBe('{"weather": {"version": 1}}');
  });
});
