import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Manifest } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import type { z } from "zod";
import { GroupFolder, MAIN } from "../../../core/ids.ts";
import type { Installed } from "../../../core/plugin.ts";
import { silentLog } from "../../../log.ts";
import { fakePlugin, fakePlugins } from "../../__tests__/fake-plugins.ts";
import { asksOf } from "../../asks.ts";
import type { ArchiveState } from "../archives.ts";
import { createGifts } from "../gifts.ts";
import type { SecretOf } from "../variables.ts";

const KIDS = GroupFolder.parse("kids");
const SKILL = { "skills/outlook/SKILL.md": "Look ahead.", "skills/outlook/deep/run": "#!/bin/sh\n" };

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-gift-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content, { mode: path.endsWith("run") ? 0o700 : 0o600 });
  }
  return folder;
}

interface Weather {
  readonly files?: Readonly<Record<string, string>>;
  readonly manifest?: Partial<z.input<typeof Manifest>>;
  readonly installed?: Partial<z.input<typeof Installed>>;
}

async function weather({ files = SKILL, manifest = {}, installed = {} }: Weather = {}) {
  return fakePlugin({
    folder: await folderWith(files),
    manifest: { name: "weather", version: "1.0.0", skills: ["skills/outlook"], ...manifest },
    installed,
  });
}

async function given(
  plugin: ReturnType<typeof fakePlugin>,
  { archives = [], secretOf = () => undefined }: { archives?: ArchiveState[]; secretOf?: SecretOf } = {},
) {
  const folder = await folderWith({});
  const plugins = fakePlugins(plugin);
  const gifts = createGifts({
    plugins,
    folder,
    archives: { of: async () => archives },
    secretOf,
    log: silentLog,
  });
  await gifts.prepare();
  return { gifts, plugins, folder };
}

describe("what a plugin gives", () => {
  it("is a folder in the form of the engine's, with places for what is mounted into it", async () => {
    const hooks = { Stop: [{ hooks: [{ type: "command", command: "true" }] }] };
    const plugin = await weather({
      manifest: {
        description: "Weather.",
        engineHooks: hooks,
        mcpServers: { sky: { type: "stdio", command: "sky" } },
      },
    });
    const { gifts } = await given(plugin, {
      archives: [
        { as: "hi", source: "/tools/1", kind: "program", program: "" },
        { as: "suite", source: "/tools/2", kind: "folder", program: "bin/suite" },
        { as: "data", source: "/tools/3", kind: "folder", program: undefined },
        { as: "late", missing: "it is being fetched" },
      ],
    });

    const [whole, skills, ...tools] = await gifts.mounts(MAIN);
    const place = whole?.source ?? "";
    const json = async (path: string): Promise<unknown> =>
      JSON.parse(await readFile(join(place, path), "utf8"));

    expect(whole).toMatchObject({ target: "/workspace/plugins/weather", mode: "ro" });
    expect(await json(".claude-plugin/plugin.json")).toEqual({
      name: "weather",
      version: "1.0.0",
      description: "Weather.",
    });
    expect(await json("hooks/hooks.json")).toEqual({ hooks });
    expect(await json(".mcp.json")).toEqual({
      mcpServers: { sky: { type: "stdio", command: "sky", args: [], env: {} } },
    });
    expect(await readdir(join(place, "skills"))).toEqual([]);
    expect((await lstat(join(place, "tools/hi"))).isFile()).toBe(true);
    expect((await lstat(join(place, "tools/data"))).isDirectory()).toBe(true);
    expect((await readdir(join(place, "bin"))).toSorted()).toEqual(["hi", "suite"]);
    expect(await readlink(join(place, "bin/suite"))).toBe("../tools/suite/bin/suite");
    expect(skills).toMatchObject({ target: "/workspace/plugins/weather/skills", mode: "ro" });
    expect(await readFile(join(skills?.source ?? "", "outlook/SKILL.md"), "utf8")).toBe("Look ahead.");
    expect((await lstat(join(skills?.source ?? "", "outlook/deep/run"))).mode & 0o777).toBe(0o755);
    expect((await lstat(join(skills?.source ?? "", "outlook/SKILL.md"))).mode & 0o777).toBe(0o644);
    expect(tools.map(({ source, target }) => [source, target])).toEqual([
      ["/tools/1", "/workspace/plugins/weather/tools/hi"],
      ["/tools/2", "/workspace/plugins/weather/tools/suite"],
      ["/tools/3", "/workspace/plugins/weather/tools/data"],
    ]);
    expect(gifts.describe(plugin, [MAIN])).toEqual({
      gives: [
        "skill outlook",
        "MCP server sky",
        "engine hook Stop",
        "programs hi",
        "programs suite",
        "programs data",
      ],
      problems: ["it is being fetched"],
    });
  });

  it("is for the groups in its scope alone, and only while it is enabled and as it was made ready", async () => {
    const plugin = await weather({
      manifest: {
        egress: [{ host: "api.test" }],
        variables: [{ name: "UNITS", description: "Units", default: "metric" }],
        mounts: [{ source: "~/maps" }],
      },
      installed: { scope: { channels: "all", groups: [KIDS] } },
    });
    const { gifts, plugins } = await given(plugin);
    const all = async (group: GroupFolder) => [
      (await gifts.mounts(group)).length,
      Object.keys(gifts.environment(group)).length,
      gifts.rules(group).length,
      gifts.wantedMounts(group).length,
    ];

    expect(await all(KIDS)).toEqual([2, 1, 1, 1]);
    expect(await all(MAIN)).toEqual([0, 0, 0, 0]);
    expect(gifts.rules(KIDS)[0]).toMatchObject({ origin: "plugin", source: "weather" });

    plugins.become([{ ...plugin, manifest: { ...plugin.manifest, egress: [{ host: "evil.test" }] } }]);
    expect(await all(KIDS)).toEqual([0, 0, 0, 0]);
    plugins.become([]);
    expect(await all(KIDS)).toEqual([0, 0, 0, 0]);
  });

  it("has a mark for each group, which changes exactly when a new sandbox would see something else", async () => {
    let value = "first-value";
    const plugin = await weather({
      manifest: { variables: [{ name: "KEY", description: "Key", secret: true }] },
      installed: { revealed: [{ variable: "KEY", groups: [MAIN] }] },
    });
    const { gifts, plugins } = await given(plugin, { secretOf: () => ({ placeholder: "p", value }) });
    const first = [gifts.markOf(MAIN), gifts.markOf(KIDS)];

    await gifts.prepare();
    expect([gifts.markOf(MAIN), gifts.markOf(KIDS)]).toEqual(first);

    value = "other-value";
    expect(gifts.markOf(MAIN)).not.toBe(first[0]);
    expect(gifts.markOf(KIDS)).toBe(first[1]);

    await writeFile(join(plugin.folder, "skills/outlook/SKILL.md"), "Look back.");
    expect(gifts.markOf(KIDS)).toBe(first[1]);
    await gifts.prepare();
    expect(gifts.markOf(KIDS)).not.toBe(first[1]);

    plugins.become([]);
    expect(gifts.markOf(MAIN)).toBe(gifts.markOf(KIDS));
  });

  it("shares one folder between groups that see the same, and has another where they do not", async () => {
    const plugin = await weather({
      manifest: {
        variables: [{ name: "UNITS", description: "Units", default: "metric" }],
        mcpServers: { sky: { type: "stdio", command: "sky", env: { UNITS: "${UNITS}" } } },
      },
      installed: { variables: { kids: { UNITS: "furlongs" } } },
    });
    const { gifts } = await given(plugin);
    const placeOf = async (group: string) => (await gifts.mounts(GroupFolder.parse(group)))[0]?.source;

    expect(await placeOf("family")).toBe(await placeOf("main"));
    expect(await placeOf("kids")).not.toBe(await placeOf("main"));
  });

  it.each<[string, Weather, RegExp]>([
    ["is not there", { files: {} }, /its skill skills\/outlook is left out: there is no folder/],
    ["has no SKILL.md", { files: { "skills/outlook/x": "" } }, /no SKILL\.md/],
    [
      "has the name of another",
      {
        files: { ...SKILL, "b/outlook/SKILL.md": "" },
        manifest: { skills: ["skills/outlook", "b/outlook"] },
      },
      /another one is called outlook/,
    ],
  ])("leaves out a skill that %s, and says so", async (_what, options, why) => {
    const plugin = await weather(options);
    const { gifts } = await given(plugin);

    expect(gifts.describe(plugin, [MAIN]).problems).toEqual([expect.stringMatching(why)]);
    expect((await gifts.mounts(MAIN)).length).toBeGreaterThan(0);
  });

  it("follows no link out of the plugin's folder", async () => {
    const plugin = await weather();
    await symlink("/etc/passwd", join(plugin.folder, "skills/outlook/passwd"));
    const { gifts } = await given(plugin);

    expect(gifts.describe(plugin, [MAIN]).problems).toEqual([
      expect.stringMatching(/passwd in .* is a link/),
    ]);
    expect(await gifts.mounts(MAIN)).toHaveLength(1);
  });

  it("wants mounts read-only, and a place of its own inside only where that was approved", async () => {
    const mounts = [{ source: "/srv/maps", target: "/maps", allowAbsoluteContainerPath: true }];
    const approved = await weather({ manifest: { mounts } });
    const lines = asksOf(approved.manifest).filter((line) => !line.includes("anywhere in the sandbox"));
    const not = { ...approved, installed: { ...approved.installed, approved: lines } };
    const { gifts, plugins } = await given(approved);

    expect(gifts.wantedMounts(MAIN)).toEqual([
      {
        source: "/srv/maps",
        target: "/maps",
        mode: "ro",
        origin: { kind: "plugin", name: "weather", allowAbsoluteContainerPath: true },
      },
    ]);
    plugins.become([not]);
    expect(gifts.wantedMounts(MAIN)[0]?.origin).toMatchObject({ allowAbsoluteContainerPath: false });
  });

  it("sets a variable that two plugins set as the first of them by name does, and a secret over both", async () => {
    const one = (name: string, value: string) =>
      fakePlugin({
        manifest: {
          name,
          version: "1.0.0",
          variables: [{ name: "UNITS", description: "Units", default: value }],
        },
      });
    const { gifts, plugins } = await given(one("b", "of b"), {
      secretOf: () => ({ placeholder: "p", value: "v" }),
    });
    plugins.become([one("b", "of b"), one("a", "of a")]);
    await gifts.prepare();
    expect(gifts.environment(MAIN)).toEqual({ UNITS: "of a" });

    const secret = fakePlugin({
      manifest: {
        name: "c",
        version: "1.0.0",
        variables: [{ name: "UNITS", description: "Units", secret: true }],
      },
    });
    plugins.become([one("b", "of b"), one("a", "of a"), secret]);
    await gifts.prepare();
    expect(gifts.environment(MAIN)).toEqual({ UNITS: "p" });
  });
});
