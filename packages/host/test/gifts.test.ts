/** What plugins give agents, in real sandboxes and with the real engine: skills, servers, hooks, programs, variables, tools. */
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { Manifest } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { openInternet } from "../src/broker/egress/__tests__/internet.ts";
import { homePaths } from "../src/config.ts";
import { MAIN } from "../src/core/ids.ts";
import { Installed } from "../src/core/plugin.ts";
import { asksOf } from "../src/plugins/asks.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { run } from "./command.ts";
import { fakePlugin, fakePlugins } from "../src/plugins/__tests__/fake-plugins.ts";
import { givenHost } from "./journey.ts";

const MINUTES = 10 * 60_000;

/** An MCP server on stdio: one JSON object a line. Its one tool says what it is told of the weather. */
const SERVER = `#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  const results = {
    initialize: { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "sky", version: "1" } },
    "tools/list": { tools: [{ name: "forecast", description: "The weather.", inputSchema: { type: "object", properties: { town: { type: "string" } } } }] },
    "tools/call": { content: [{ type: "text", text: "sunny in " + params?.arguments?.town + ", " + process.env.UNITS }] },
  };
  if (method === "tools/list") writeFileSync("/tmp/listed", "");
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
}
`;

const SKILL = `---
name: outlook
description: Looks ahead at the weather of the coming days.
---
say: the outlook was read
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

/** A remote MCP server, as far as its client wants to know; `seen` are the headers that it got. */
function remoteServer(seen: string[]) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    if (request.method !== "POST") return void response.writeHead(405).end();
    const { id, method, params } = JSON.parse(await text(request));
    const results: Record<string, unknown> = {
      initialize: {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "far", version: "1" },
      },
      "tools/list": { tools: [{ name: "tides", description: "Tides.", inputSchema: { type: "object" } }] },
      "tools/call": { content: [{ type: "text", text: "high water at noon" }] },
    };
    if (id === undefined) return void response.writeHead(202).end();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
  };
}

/** The engine goes on while its servers come up. */
const LISTED = "until [ -e /tmp/listed ]; do sleep 0.05; done";
/** The module of a plugin. */
const MAIL = `let sent = 0;
export default () => ({
  tools: {
    read: (input, { group, chat }) => "Dear friend, said in " + chat + " of " + group + " of " + JSON.stringify(input) + ".",
    send: ({ to }) => "On its way to " + to + ", the " + (sent += 1) + ". of them.",
  },
});
`;

const FORECAST = 'tool: mcp__plugin_weather_sky__forecast {"town":"Kiel"}';
const TIDES = "tool: mcp__plugin_sea_far__tides {}";

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
              {
                matcher: "Bash",
                hooks: [{ type: "command", command: "echo hooked >> /workspace/group/hooked" }],
              },
            ],
          },
          archives: [{ from: "almanac", sha256: sha256(ALMANAC), as: "almanac" }],
        },
        installed: { variables: { kids: { UNITS: "furlongs" } } },
      });
      const plugins = fakePlugins(weather);
      const { ask, client } = await givenHost({
        config: "groups:\n  kids: { chats: [web:kids] }\n",
        plugins,
      });
      const inside = "/workspace/plugins/weather";

      const here = await ask(
        [
          `run: ${LISTED}; echo $UNITS; almanac; ${inside}/tools/almanac; touch ${inside}/x ${inside}/skills/x`,
          "run: cat hooked",
          FORECAST,
        ].join("\n"),
      );
      const skill = await ask("/weather:outlook");
      const { gifts } = await client.status();
      plugins.become([]);
      await expect.poll(async () => (await client.status()).rooms, { timeout: MINUTES }).toEqual([]);
      const gone = await ask(`run: ls ${inside}; echo "units $UNITS"`);
      plugins.become([weather]);
      await expect.poll(async () => (await client.status()).gifts, { timeout: MINUTES }).toEqual(gifts);
      const kids = await ask(`run: ${LISTED}; echo "for them $UNITS"\n${FORECAST}`, "web:kids");

      expect(here.answer).toContain("metric");
      expect(here.answer.match(/the almanac says rain/g)).toHaveLength(2);
      expect(here.answer.match(/Read-only file system/g)).toHaveLength(2);
      expect(here.answer).toContain("hooked");
      expect(here.answer).toContain("sunny in Kiel, metric");
      expect(skill.answer).toContain("the outlook was read");
      expect(kids.answer).toContain("for them furlongs");
      expect(kids.answer).toContain("sunny in Kiel, furlongs");
      expect(gone.answer).toContain("No such file or directory");
      expect(gone.answer).toMatch(/units$/);
      expect(gifts).toEqual([
        {
          plugin: "weather",
          groups: "all",
          gives: ["skill outlook", "MCP server sky", "engine hook PreToolUse", "programs almanac"],
          problems: [],
        },
      ]);
    },
    MINUTES,
  );

  it(
    "may be a server elsewhere, which gets the secret that its agents only have a placeholder of",
    async () => {
      const internet = await openInternet();
      onTestFinished(internet.close);
      const seen: string[] = [];
      const far = remoteServer(seen);
      await internet.site("sea.test", (request, response) => void far(request, response));
      const plugins = fakePlugins();
      const { ask, client, home } = await givenHost({
        config: "egress:\n  mode: deny\n",
        network: internet.network,
        plugins,
      });
      await writeFile(homePaths(home).env, "SEA_KEY=the-key-of-the-sea\nSHELL_KEY=the-key-of-the-shell\n");

      plugins.become([
        fakePlugin({
          manifest: {
            name: "sea",
            version: "1.0.0",
            variables: [{ name: "SHELL_KEY", description: "For a program of its own", secret: true }],
            credentials: [
              {
                secret: "SEA_KEY",
                description: "Of the sea",
                bindings: [{ host: "sea.test", as: "bearer" }],
              },
            ],
            mcpServers: {
              far: {
                type: "http",
                url: "https://sea.test/mcp",
                headers: { Authorization: "Bearer ${SEA_KEY}" },
              },
            },
          },
          installed: { revealed: [{ variable: "SHELL_KEY", groups: [MAIN] }] },
        }),
      ]);
      await expect
        .poll(async () => (await run(["secrets", "test", "SEA_KEY", "--home", home])).code, {
          timeout: 30_000,
        })
        .toBe(0);
      const seenInside = await ask(
        "run: echo $SEA_KEY; [ $SHELL_KEY = the-key-of-the-shell ] && echo revealed",
      );
      // A connection that idled on a busy machine may be closed just then, which the engine's client reports.
      const tides = async () => (await ask(TIDES)).answer;
      await expect.poll(tides, { timeout: MINUTES }).toContain("high water at noon");
      const elsewhere = await ask("run: curl -sS https://sea.test/other");

      expect(seenInside.answer).toContain("bellhop-secret-SEA_KEY");
      expect(seenInside.answer).toContain("revealed");
      expect(elsewhere.answer).toMatch(/rules for this host allow other requests/);
      expect(seen.length).toBeGreaterThan(2);
      expect(seen.every((one) => /^(GET|POST) \/mcp Bearer the-key-of-the-sea$/.test(one))).toBe(true);
      const { revealed } = await client.status();
      expect(revealed).toEqual([{ plugin: "sea", variable: "SHELL_KEY", groups: ["main"] }]);
    },
    MINUTES,
  );

  it(
    "may be a tool of its own process, whose answer taints whoever reads it",
    async () => {
      const { ask, client, home } = await givenHost();
      const paths = homePaths(home);
      const manifest = {
        name: "mail",
        version: "1.0.0",
        entry: "index.mjs",
        tools: [
          {
            name: "read",
            description: "Reads a mail.",
            input: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] },
            effect: "read",
          },
          {
            name: "send",
            description: "Sends a mail.",
            input: { type: "object", properties: { to: { type: "string" } }, required: ["to"] },
            effect: "send",
            taints: false,
          },
        ],
      };
      await mkdir(join(paths.plugins, "mail"));
      await writeFile(join(paths.plugins, "mail", "plugin.json"), JSON.stringify(manifest));
      await writeFile(join(paths.plugins, "mail", "index.mjs"), MAIL);
      await editInstalled(paths, (all) => ({
        ...all,
        mail: Installed.parse({
          version: "1.0.0",
          source: { from: "tarball", place: "here", integrity: "sha512-x" },
          enabled: true,
          scope: { channels: "all", groups: "all" },
          approved: asksOf(Manifest.parse(manifest)),
        }),
      }));
      await expect
        .poll(async () => (await client.status()).gifts.flatMap(({ gives }) => gives), { timeout: MINUTES })
        .toEqual(["tool read", "tool send"]);

      const free = await ask('tool: mcp__bellhop__mail_send {"to":"ann@example.org"}');
      const read = await ask('tool: mcp__bellhop__mail_read {"id":7}');
      const sending = ask('tool: mcp__bellhop__mail_send {"to":"eve@example.org"}');
      await expect.poll(() => client.trust.approvals(false), { timeout: MINUTES }).toHaveLength(1);
      const [card] = await client.trust.approvals(false);
      await client.trust.answer([card?.id ?? ""], "once");
      const sent = await sending;

      expect(free.answer).toContain("On its way to ann@example.org, the 1. of them.");
      expect(read.answer).toContain('Dear friend, said in web:journey of main of {"id":7}.');
      expect(card).toMatchObject({
        effect: "speak-elsewhere",
        target: "tool:mail/send",
        words: 'use send of the plugin mail: {"to":"eve@example.org"}',
      });
      expect(sent.answer).toContain("On its way to eve@example.org, the 2. of them.");
    },
    MINUTES,
  );
});
