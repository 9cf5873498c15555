/** Plugins that are added, updated and removed from the command line while the host runs. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runAt } from "../src/cli/__tests__/fake-terminal.ts";
import { temporaryFolder, writeFiles } from "../src/plugins/market/__tests__/plugin-folders.ts";
import { givenHost } from "./journey.ts";

const NANOCLAW = {
  "plugin.json": JSON.stringify({ name: "news", containerEnvVars: [], hooks: [] }),
  "container-skills/SKILL.md": "---\nname: news\ndescription: Reads the news of the day.\n---\nRead it.\n",
};

async function pluginAt(folder: string, version: string, more: object = {}): Promise<string> {
  const about = {
    name: "bellhop-plugin-dice",
    version,
    type: "module",
    bellhop: { entry: "index.js", ...more },
  };
  return await writeFiles(folder, {
    "package.json": JSON.stringify(about),
    "index.js": "export default () => ({ hooks: { onTurnEnd() {} } });",
  });
}

describe("a host that runs", () => {
  it("follows what is added, updated, refused and removed", { timeout: 120_000 }, async () => {
    const { home, client } = await givenHost();
    const env = { PATH: process.env["PATH"], BELLHOP_HOME: home };
    const run = async (...args: readonly string[]) => await runAt(["plugins", ...args], env);
    async function stands(state: object): Promise<void> {
      await expect
        .poll(async () => (await client.status()).plugins.list, { timeout: 30_000 })
        .toContainEqual(expect.objectContaining(state));
    }
    const folder = await pluginAt(await temporaryFolder(), "1.0.0");

    await run("add", folder, "--yes");
    await stands({ name: "dice", version: "1.0.0", state: "running" });

    await pluginAt(folder, "1.1.0", { hooks: ["onTurnEnd"] });
    const alone = await run("update", "dice");
    expect(alone.told).toMatch(/\+ hook onTurnEnd/);
    await stands({ name: "dice", version: "1.0.0", state: "running" });

    await run("update", "dice", "--yes");
    await stands({ name: "dice", version: "1.1.0", state: "running" });

    await run("add", await writeFiles(join(await temporaryFolder(), "news"), NANOCLAW), "--yes");
    await stands({ name: "news", state: "in use" });

    await run("disable", "dice");
    await stands({ name: "dice", state: "disabled" });
    await run("remove", "dice", "--yes");
    await expect
      .poll(async () => (await client.status()).plugins.list.map(({ name }) => name), { timeout: 30_000 })
      .not.toContain("dice");
  });
});
