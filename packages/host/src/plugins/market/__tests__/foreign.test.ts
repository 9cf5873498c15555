import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readManifest } from "../../manifest-file.ts";
import { readClaudePlugin } from "../claude-plugin.ts";
import { answersOf, convert } from "../foreign.ts";
import { readNanoclaw } from "../nanoclaw.ts";
import { SKILL, temporaryFolder, weather, writeFiles } from "./plugin-folders.ts";

const HOME = {
  "plugin.json": JSON.stringify({
    name: "homeassistant",
    description: "Lights and doors",
    containerEnvVars: ["HA_URL", "HA_TOKEN"],
    publicEnvVars: ["HA_URL"],
    hooks: ["onStartup"],
    containerHooks: ["hooks/after.js"],
    containerMounts: [{ hostPath: "/srv/home", containerPath: "/data/home" }],
    channels: ["*"],
    groups: ["family"],
  }),
  "container-skills/SKILL.md": `${SKILL}curl https://ha.home.net/api, not https://api.example.com`,
  "mcp.json": JSON.stringify({
    mcpServers: {
      "Home Assistant": {
        type: "http",
        url: "${HA_URL}/mcp",
        headers: { Authorization: "Bearer ${HA_TOKEN}" },
      },
    },
  }),
  "Dockerfile.partial": "RUN apt-get install -y jq\n",
  "hooks/after.js": `
    export function register(ctx) {
      return {
        PostToolUse: [
          { matcher: "Bash|Read", hooks: [async (input) => ({ systemMessage: ctx.env.HA_URL + " saw " + input.tool_name })] },
        ],
      };
    }`,
};

describe("a NanoClaw plugin", () => {
  it("is taken over with its skills, servers, variables, layer, mounts, hooks and scope", async () => {
    const folder = await writeFiles(await temporaryFolder(), HOME);
    const plugin = await readNanoclaw(folder);
    if (!plugin) throw new Error("it was not seen as one");

    expect(plugin.variables).toEqual([
      { name: "HA_URL", secret: false },
      { name: "HA_TOKEN", secret: true },
    ]);
    expect(plugin.hosts).toEqual(["ha.home.net"]);
    expect(plugin.lost).toEqual([expect.stringContaining("onStartup")]);
    await convert(folder, plugin, {
      hosts: ["ha.home.net"],
      variables: { HA_URL: { secret: false, hosts: [] }, HA_TOKEN: { secret: true, hosts: ["ha.home.net"] } },
    });

    expect(await readManifest(folder)).toMatchObject({
      name: "homeassistant",
      version: "0.0.0",
      skills: ["skills/homeassistant", "skills/bellhop-files"],
      imageLayer: "Dockerfile.partial",
      mcpServers: { "home-assistant": { type: "http", url: "${HA_URL}/mcp" } },
      variables: [
        { name: "HA_URL", secret: false },
        { name: "HA_TOKEN", secret: true },
      ],
      credentials: [{ secret: "HA_TOKEN", bindings: [{ host: "ha.home.net", as: "bearer" }] }],
      egress: [{ host: "ha.home.net" }],
      mounts: [{ source: "/srv/home", target: "/data/home", allowAbsoluteContainerPath: true }],
      engineHooks: { PostToolUse: [{ hooks: [{ type: "command" }] }] },
      scope: { channels: "all", groups: ["family"] },
    });
    expect(await readdir(join(folder, "skills/homeassistant"))).toEqual(["SKILL.md"]);
    expect(await readNanoclaw(folder)).toBeUndefined();
  });

  it("has its hooks called for the events and tools that they are for", async () => {
    const folder = await writeFiles(await temporaryFolder(), HOME);
    const plugin = await readNanoclaw(folder);
    if (!plugin) throw new Error("it was not seen as one");
    await convert(folder, plugin, answersOf(plugin, undefined));
    const call = (tool_name: string): unknown =>
      JSON.parse(
        execFileSync(
          process.execPath,
          [join(folder, "skills/bellhop-files/bellhop-hooks.mjs"), "hooks/after.js", "PostToolUse"],
          {
            input: JSON.stringify({ hook_event_name: "PostToolUse", tool_name }),
            env: { HA_URL: "home" },
          },
        ).toString(),
      );

    expect(call("Bash")).toEqual({ systemMessage: "home saw Bash" });
    expect(call("Write")).toEqual({});
  });

  it("keeps at an update what was answered before", async () => {
    const folder = await writeFiles(await temporaryFolder(), HOME);
    const plugin = await readNanoclaw(folder);
    if (!plugin) throw new Error("it was not seen as one");
    const answers = {
      hosts: ["ha.home.net"],
      variables: { HA_URL: { secret: true, hosts: ["ha.home.net"] }, HA_TOKEN: { secret: true, hosts: [] } },
    };
    await convert(folder, plugin, answers);

    expect(answersOf(plugin, await readManifest(folder))).toEqual(answers);
  });

  it.each([
    [{ name: "telegram", channelPlugin: true, hooks: ["onChannel"] }, {}, /is a channel/],
    [
      { name: "webhook", containerEnvVars: [], hooks: ["onStartup"] },
      {},
      /nothing that works here.*onStartup/,
    ],
    [{ name: "x", containerHooks: ["../outside.js"] }, {}, /is not there/],
    [
      { name: "cal", containerEnvVars: [] },
      { "Dockerfile.partial": "COPY plugins/cal /opt\n" },
      /nothing that works here.*copies files/,
    ],
  ])("is refused where nothing of it works here: %j", async (manifest, files, why) => {
    const folder = await writeFiles(await temporaryFolder(), {
      "plugin.json": JSON.stringify(manifest),
      ...files,
    });

    await expect(readNanoclaw(folder)).rejects.toThrow(why);
  });

  it("is not what one of ours is taken for", async () => {
    const ours = { name: "weather", version: "1.0.0", skills: ["skills/weather"], hooks: [] };
    const folder = await writeFiles(await temporaryFolder(), {
      ...weather(),
      "plugin.json": JSON.stringify(ours),
      "mcp.json": "{}",
    });

    expect(await readNanoclaw(folder)).toBeUndefined();
  });
});

describe("a Claude Code plugin", () => {
  it("is taken over with its skills, hooks and servers, and says what is left out", async () => {
    const command = { type: "command", command: "${CLAUDE_PLUGIN_ROOT}/hooks/check.sh" };
    const folder = await writeFiles(await temporaryFolder(), {
      ".claude-plugin/plugin.json": JSON.stringify({
        name: "Reviewer",
        version: "2.0.1",
        author: { name: "Ann" },
      }),
      "skills/review/SKILL.md": SKILL,
      "commands/review.md": "Review it.",
      "hooks/check.sh": "#!/bin/sh",
      "hooks/hooks.json": JSON.stringify({ hooks: { PreToolUse: [{ matcher: "Bash", hooks: [command] }] } }),
      ".mcp.json": JSON.stringify({
        tracker: { command: "npx", args: ["tracker"], env: { TRACKER_TOKEN: "${TRACKER_TOKEN}" } },
      }),
    });
    const plugin = await readClaudePlugin(folder);
    if (!plugin) throw new Error("it was not seen as one");

    await convert(folder, plugin, answersOf(plugin, undefined));

    expect((await readdir(join(folder, "skills/bellhop-files"))).toSorted()).toEqual(["SKILL.md", "hooks"]);
    expect(plugin.lost).toEqual([expect.stringContaining("slash commands")]);
    expect(await readManifest(folder)).toMatchObject({
      name: "reviewer",
      version: "2.0.1",
      skills: ["skills/review", "skills/bellhop-files"],
      engineHooks: {
        PreToolUse: [{ hooks: [{ command: "${CLAUDE_PLUGIN_ROOT}/skills/bellhop-files/hooks/check.sh" }] }],
      },
      mcpServers: { tracker: { type: "stdio", command: "npx" } },
      variables: [{ name: "TRACKER_TOKEN", secret: true }],
    });
  });
});
