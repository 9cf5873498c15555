/** What plugins give agents, in real sandboxes and with the real engine: skills, servers, hooks, programs, variables, tools. */
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { onTestFinished, describe, expect, it } from "vitest";
import { openInternet } from "../src/broker/egress/__tests__/internet.ts";
import { homePaths } from "../src/config.ts";
import { run } from "./command.ts";
import { fakePlugin, fakePlugins } from "./fake-plugins.ts";
import { givenHost } from "./journey.ts";

const MINUTES = 4 * 60_000;

/** An MCP server on stdio: one JSON object a line. Its one tool says what it is told of the weather. */
const SERVER = `#!/usr/bin/env node
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  const results = {
    initialize: { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "sky", version: "1" } },
    "tools/list": { tools: [{ name: "forecast", description: "The weather.", inputSchema: { type: "object", properties: { town: { type: "string" } } } }] },
    "tools/call": { content: [{ type: "text", text: "sunny in " + params?.arguments?.town + ", " + process.env.UNITS }] },
  };
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
}
`;

const SKILL = `---
name: outlook
description: Looks ahead at the weather of the coming days.
---
Run \`/workspace/plugins/weather/tools/almanac\` and say what it says.
`;

const ALMANAC = "#!/bin/sh\necho the almanac says rain\n";

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-gifts-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
    await chmod(join(folder, path), 0o700);
  }
  return folder;
}

const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");

describe("what a plugin gives an agent", () => {
  it(
    "is there in the sandboxes of its groups: a skill, a server, a hook, a program, its variables",
    async () => {
      const folder = await folderOf({
        "skills/outlook/SKILL.md": SKILL,
        "skills/outlook/server.mjs": SERVER,
        almanac: ALMANAC,
      });
      const weather = fakePlugin({
        folder,
        manifest: {
          name: "weather",
          version: "1.0.0",
          skills: ["skills/outlook"],
          variables: [{ name: "UNITS", description: "Of temperatures", default: "metric" }],
          mcpServers: {
            sky: {
              type: "stdio",
              command: "node",
              args: ["${CLAUDE_PLUGIN_ROOT}/skills/outlook/server.mjs"],
              env: { UNITS: "${UNITS}" },
            },
          },
          engineHooks: {
            PreToolUse: [
              { matcher: "Bash", hooks: [{ type: "command", command: "echo hooked >> /workspace/group/hooked" }] },
            ],
          },
          archives: [{ from: "almanac", sha256: sha256(ALMANAC), as: "almanac" }],
        },
        installed: { variables: { kids: { UNITS: "furlongs" } } },
      });
      const plugins = fakePlugins(weather);
      const { ask, client } = await givenHost({
        config: "groups:\n  kids: { chats: [web:kids], engine: claude }\n",
        plugins,
      });
      const forecast = 'tool: mcp__plugin_weather_sky__forecast {"town":"Kiel"}';

      const here = await ask(
        [
          "run: echo $UNITS; cat /workspace/plugins/weather/skills/outlook/SKILL.md; almanac; /workspace/plugins/weather/tools/almanac; touch /workspace/plugins/weather/x",
          "run: cat hooked",
          forecast,
        ].join("\n"),
      );
      const kids = await ask(forecast, "web:kids");
      const commands = await ask("/weather:outlook");

      expect(here.answer).toContain("metric");
      expect(here.answer).toContain("Looks ahead at the weather");
      expect(here.answer.match(/the almanac says rain/g)).toHaveLength(2);
      expect(here.answer).toContain("Read-only file system");
      expect(here.answer).toContain("hooked");
      expect(here.answer).toContain("sunny in Kiel, metric");
      expect(kids.answer).toContain("sunny in Kiel, furlongs");
      expect(commands.answer).toBe("x");
      expect((await client.status()).gifts).toEqual("y");
    },
    MINUTES,
  );
});
