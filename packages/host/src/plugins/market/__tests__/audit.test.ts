import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditFolder } from "../audit.ts";
import { differences } from "../differences.ts";
import { manifestOf } from "../prepare.ts";
import { temporaryFolder, weather, writeFiles } from "./plugin-folders.ts";

async function audited(manifest: object, files: Readonly<Record<string, string>> = {}) {
  const folder = await writeFiles(await temporaryFolder(), weather(manifest, files));
  return await auditFolder(folder, await manifestOf(folder));
}

describe("the audit of a plugin", () => {
  it("shows what it asks for, scripts, dependencies, servers, hooks, layer, skill texts and files", async () => {
    const sections = await audited(
      {
        mcpServers: { sky: { type: "stdio", command: "sky" } },
        engineHooks: { Stop: [] },
        imageLayer: "layer",
      },
      {
        layer: "RUN true\n",
        "node_modules/a/package.json": JSON.stringify({
          name: "a",
          version: "1.2.3",
          scripts: { postinstall: "make" },
        }),
        "node_modules/@b/c/package.json": JSON.stringify({ name: "@b/c", version: "2.0.0" }),
        "node_modules/@b/c/node_modules/d/package.json": JSON.stringify({ name: "d", version: "3.0.0" }),
        "node_modules/@b/c/node_modules/d/binding.gyp": "",
      },
    );
    const lines = (title: string) => sections.find((one) => one.title.startsWith(title))?.lines;

    expect(lines("What it asks for")).toContain("skill skills/weather: agents read and follow it");
    expect(lines("Scripts")).toEqual([
      "a: postinstall: make",
      "d: is compiled (binding.gyp), so it may not work",
    ]);
    expect(lines("Dependencies")).toEqual(["@b/c 2.0.0", "a 1.2.3", "d 3.0.0"]);
    expect(lines("MCP servers")?.join("")).toContain('"command": "sky"');
    expect(lines("Hooks of the agents' engine")?.join("")).toContain("Stop");
    expect(lines("Lines for the agents' image")).toEqual(["RUN true"]);
    expect(lines("Skill skills/weather/SKILL.md")).toContain("Ask the sky.");
    expect(lines("Its files")?.map((line) => line.split(" ")[0])).toEqual([
      "layer",
      "package.json",
      "skills/weather/SKILL.md",
    ]);
  });

  it("against another version has what differs alone", async () => {
    const skill = "skills/weather/SKILL.md";
    const before = await audited({}, { [skill]: "---\nname: weather\n---\nAsk the sky.\nSay it kindly.\n" });
    const after = await audited(
      { version: "1.1.0", egress: [{ host: "sky.example" }] },
      { [skill]: "---\nname: weather\n---\nAsk sky.example.\nSay it kindly.\n" },
    );

    expect(differences(before, after)).toEqual([
      { title: "What it asks for", lines: ['+ agents reach out at sky.example: {"host":"sky.example"}'] },
      { title: `Skill ${skill}`, lines: ["- Ask the sky.", "+ Ask sky.example."] },
      { title: "Its files", lines: expect.arrayContaining([expect.stringMatching(/^\+ package\.json/)]) },
    ]);
  });

  it("loses no line: what is taken away and put in leads from one to the other", () => {
    const texts = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const [{ lines } = { lines: [] }] = differences(
          [{ title: "t", lines: before }],
          [{ title: "t", lines: after }],
        );
        const count = (list: readonly string[], line: string) => list.filter((one) => one === line).length;
        for (const line of ["a", "b", "c"]) {
          const change = count(lines, `+ ${line}`) - count(lines, `- ${line}`);
          expect(count(before, line) + change).toBe(count(after, line));
        }
        expect(lines.length === 0).toBe(isDeepStrictEqual(before, after));
      }),
    );
  });
});
