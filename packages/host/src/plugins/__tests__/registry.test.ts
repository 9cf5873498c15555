import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findPlugins, judge } from "../registry.ts";
import { installedOf } from "./a-room.ts";

async function givenPlaces() {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-registry-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const places = {
    home: join(folder, "home"),
    shipped: join(folder, "shipped"),
    modules: [join(folder, "node_modules")],
  };
  const put = async (at: string, content: unknown) => {
    const place = join(folder, at);
    await mkdir(place, { recursive: true });
    await writeFile(
      join(place, "package.json"),
      typeof content === "string" ? content : JSON.stringify(content),
    );
  };
  return { folder, places, put };
}

const plugin = (name: string) => ({
  name: `bellhop-plugin-${name}`,
  version: "1.0.0",
  keywords: ["bellhop-plugin"],
  bellhop: {},
});

describe("the plugins that are found", () => {
  it("are those of the home, those that ship, and packages with the keyword, each once", async () => {
    const { folder, places, put } = await givenPlaces();
    await put("home/a", plugin("a"));
    await put("home/.staged", plugin("staged"));
    await put("shipped/b", plugin("b"));
    await put("node_modules/bellhop-plugin-c", plugin("c"));
    await put("node_modules/@ann/bellhop-plugin-d", { ...plugin("d"), name: "@ann/bellhop-plugin-d" });
    await put("node_modules/other", { name: "other", version: "1.0.0", bellhop: {} });
    await put("node_modules/broken", '{"keywords": ["bellhop-plugin"');
    await symlink(join(folder, "shipped", "b"), join(folder, "node_modules", "linked"));

    const found = await findPlugins(places);

    expect(found.map(({ name, place }) => `${name} ${place}`)).toEqual([
      "a home",
      "b shipped",
      "c modules",
      "d modules",
    ]);
  });

  it("are looked for among npm's packages only where an owner decided about one that is not elsewhere", async () => {
    const { places, put } = await givenPlaces();
    await put("home/a", plugin("a"));
    await put("node_modules/bellhop-plugin-c", plugin("c"));
    const names = async (...decided: readonly string[]) =>
      (
        await findPlugins(places, Object.fromEntries(decided.map((name) => [name, installedOf({ name })])))
      ).map(({ name }) => name);

    expect(await names()).toEqual(["a"]);
    expect(await names("a")).toEqual(["a"]);
    expect(await names("a", "c")).toEqual(["a", "c"]);
  });

  it("of one name are none, until an owner has said which is meant", async () => {
    const { places, put } = await givenPlaces();
    await put("home/a", plugin("a"));
    await put("shipped/a", plugin("a"));
    const found = await findPlugins(places);
    const installed = installedOf({ name: "a" });

    const [undecided] = judge(found, {});
    const [added] = judge(found, { a: installed });
    const [ours] = judge(found, { a: { ...installed, source: { from: "bellhop" } } });

    expect(undecided).toMatchObject({
      state: "refused",
      why: expect.stringContaining("take all but one away"),
    });
    expect(added).toMatchObject({ state: "usable", plugin: { folder: expect.stringMatching(/home\/a$/) } });
    expect(ours).toMatchObject({ state: "usable", plugin: { folder: expect.stringMatching(/shipped\/a$/) } });
  });
});
