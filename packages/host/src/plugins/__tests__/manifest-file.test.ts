import { Manifest } from "@bellhop/sdk";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { asksOf, unapproved } from "../asks.ts";
import { readManifest } from "../manifest-file.ts";

async function givenFolder(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-manifest-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  return folder;
}

describe("the manifest of a folder", () => {
  it("takes name, version and description from the package", async () => {
    const folder = await givenFolder({
      "package.json": {
        name: "@somebody/bellhop-plugin-weather",
        version: "1.2.3",
        description: "Tells the weather",
        bellhop: { skills: ["skills/weather"] },
      },
    });

    expect(await readManifest(folder)).toMatchObject({
      name: "weather",
      version: "1.2.3",
      description: "Tells the weather",
      skills: ["skills/weather"],
    });
  });

  it("may stand in a plugin.json instead", async () => {
    const folder = await givenFolder({
      "plugin.json": { $schema: "manifest.schema.json", name: "weather", version: "1.0.0" },
      "package.json": { name: "x", bellhop: { name: "other" } },
    });

    expect(await readManifest(folder)).toMatchObject({ name: "weather", version: "1.0.0" });
  });

  it("is none where a package says nothing of Bellhop, or nothing is there", async () => {
    expect(await readManifest(await givenFolder({ "package.json": { name: "left-pad" } }))).toBeUndefined();
    expect(await readManifest(await givenFolder({}))).toBeUndefined();
  });

  it.for([
    [{ name: "UPPER", version: "1.0.0" }, /name is lower-case letters, digits and dashes/],
    [{ name: "a", version: "one" }, /version is no version such as 1.2.3/],
    [{ name: "a", version: "1.0.0", channel: true }, /entry is missing/],
    [{ name: "a", version: "1.0.0", entry: "../out.js" }, /entry is a path inside/],
    [{ name: "a", version: "1.0.0", minCoreVersion: "99.0.0" }, /needs Bellhop 99.0.0 or newer/],
    ["{", /is not JSON/],
  ] as const)("says what is wrong with %j", async ([content, problem]) => {
    await expect(readManifest(await givenFolder({ "plugin.json": content }))).rejects.toThrow(problem);
  });
});

describe("what a manifest asks for", () => {
  const manifest = (fields: object) => Manifest.parse({ name: "mail", version: "1.0.0", ...fields });

  it("is nothing where it brings nothing", () => {
    expect(asksOf(manifest({}))).toEqual([]);
  });

  it("names each power in words, with the hosts that secrets go to", () => {
    const asks = asksOf(
      manifest({
        entry: "main.js",
        hooks: ["onInbound"],
        tools: [{ name: "read", description: "reads mail", input: {}, effect: "read" }],
        environment: [{ name: "IMAP_PASSWORD", description: "of the account" }],
        credentials: [
          {
            secret: "TOKEN",
            description: "for the API",
            bindings: [{ host: "api.example.com", as: "bearer" }],
          },
        ],
      }),
    );

    expect(asks).toEqual([
      "runs a program of its own on this machine",
      "hook onInbound: reads what people write; may change it, hold it back or drop it",
      "tool read: reads",
      "its program sees IMAP_PASSWORD, a secret",
      'agents use TOKEN at api.example.com: {"as":"bearer","host":"api.example.com"}',
    ]);
  });

  it("is the same however its author orders what stands in it", () => {
    const one = manifest({ egress: [{ host: "a.example", port: 443 }] });
    const other = manifest({ egress: [{ port: 443, host: "a.example" }] });

    expect(asksOf(one)).toEqual(asksOf(other));
  });

  it("is more where a tool is to do more", () => {
    const tool = { name: "mail", description: "mails", input: {} };
    const approved = asksOf(manifest({ entry: "main.js", tools: [{ ...tool, effect: "read" }] }));

    const grown = manifest({ entry: "main.js", tools: [{ ...tool, effect: "send" }] });

    expect(unapproved(grown, approved)).toEqual(["tool mail: reaches other people"]);
  });
});
