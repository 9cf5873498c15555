import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { linkInPlace, linkOf, mendPlaced, openStage, putInPlace, takeAway } from "../place.ts";
import { temporaryFolder, writeFiles } from "./plugin-folders.ts";

async function given(version: string) {
  const plugins = join(await temporaryFolder(), "plugins");
  const paths = { plugins };
  await put(paths, version);
  const now = async () => await readFile(join(plugins, "weather", "version"), "utf8");
  const left = async () => await readdir(join(plugins, ".staged"));
  return { paths, now, left };
}

async function put(paths: { plugins: string }, version: string): Promise<void> {
  await using stage = await openStage(paths);
  await writeFiles(stage.folder, { version });
  await putInPlace(paths, "weather", stage.folder);
}

/** The id of a process that has ended. */
function deadProcess(): number {
  return spawnSync("true").pid;
}

describe("a plugin's place", () => {
  it("holds the new one after the old one, and nothing is left beside", async () => {
    const { paths, now, left } = await given("1");

    await put(paths, "2");

    expect(await now()).toBe("2");
    expect(await left()).toEqual([]);
  });

  it("holds the old one again after a crash between the two renames", async () => {
    const { paths, now, left } = await given("1");
    await rename(
      join(paths.plugins, "weather"),
      join(paths.plugins, ".staged", `${deadProcess()}-weather.old`),
    );

    await mendPlaced(paths);

    expect(await now()).toBe("1");
    expect(await left()).toEqual([]);
  });

  it("holds the new one after a crash behind them", async () => {
    const { paths, now, left } = await given("2");
    await writeFiles(join(paths.plugins, ".staged", `${deadProcess()}-weather.old`), { version: "1" });

    await mendPlaced(paths);

    expect(await now()).toBe("2");
    expect(await left()).toEqual([]);
  });

  it("keeps the old one where the new one cannot be put there", async () => {
    const { paths, now } = await given("1");

    await expect(putInPlace(paths, "weather", join(paths.plugins, "nowhere"))).rejects.toThrow(
      /is there still/,
    );

    expect(await now()).toBe("1");
  });

  it("leaves alone what others are at work on, and takes away what a dead process staged", async () => {
    const { paths, left } = await given("1");
    await using mine = await openStage(paths);
    await mkdir(join(paths.plugins, ".staged", `${deadProcess()}-forgotten`));

    await mendPlaced(paths);

    expect(await left()).toEqual([basename(dirname(mine.folder))]);
  });

  it("may be a link, of which taking away leaves the author's folder", async () => {
    const { paths } = await given("1");
    const folder = await writeFiles(await temporaryFolder(), { version: "mine" });

    await linkInPlace(paths, "weather", folder);
    expect(await linkOf(paths, "weather")).toBe(folder);
    await takeAway(paths, "weather");

    expect(await readdir(folder)).toEqual(["version"]);
    expect(await readdir(paths.plugins)).toEqual([".staged"]);
  });
});
