/** The host in a box, as an author of a plugin uses it: a folder in, questions and answers out. */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type BoxOptions, openBox } from "../src/testing.ts";

async function givenPlugin(code: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-shout-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const bellhop = {
    name: "shout",
    entry: "index.mjs",
    tools: [
      {
        name: "loud",
        description: "Says it loud.",
        input: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
        effect: "read",
        taints: false,
      },
    ],
    environment: [{ name: "SHOUT_END", description: "what it ends with" }],
    settings: { type: "object", required: ["times"], properties: { times: { type: "number" } } },
  };
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "shout", version: "1.0.0", bellhop }));
  await writeFile(join(folder, "index.mjs"), code);
  return folder;
}

async function given(options: BoxOptions) {
  const box = await openBox(options);
  onTestFinished(box.close);
  return box;
}

const SHOUT = `
  import { definePlugin } from "@bellhop/sdk";
  export default definePlugin(({ settings, environment }) => ({
    tools: { loud: ({ text }) => text.toUpperCase().repeat(settings.times) + environment.SHOUT_END },
  }));
`;

describe("a host in a box", () => {
  it(
    "runs a plugin with its settings and its variables, again after a restart, and leaves nothing behind",
    { timeout: 120_000 },
    async () => {
      const plugin = await givenPlugin(SHOUT);
      const box = await given({ plugin, settings: { times: 2 }, environment: { SHOUT_END: "!" } });

      const answer = await box.ask('tool: shout_loud {"text": "hello"}');
      await box.restart();
      const { plugins } = await box.status();
      await box.close();

      expect(answer).toBe("HELLOHELLO!");
      expect(plugins.list).toContainEqual(expect.objectContaining({ name: "shout", state: "running" }));
      await expect(stat(box.home)).rejects.toThrow("ENOENT");
    },
  );

  it("says why a plugin cannot be used", { timeout: 120_000 }, async () => {
    const plugin = await givenPlugin(SHOUT);

    await expect(openBox({ plugin, settings: { times: "often" } })).rejects.toThrow(
      /shout is refused: .*times/,
    );
    await expect(openBox({ plugin: tmpdir() })).rejects.toThrow("holds no plugin");
  });
});
