import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { listedOrigin, matching, readCatalogue } from "../catalogue.ts";
import { temporaryFolder, weather, writeFiles } from "./plugin-folders.ts";

const read = async (place: string) => await readCatalogue(place, { fetch: globalThis.fetch });

const INDEX = {
  bellhopPlugins: 1,
  plugins: [
    {
      name: "weather",
      version: "1.0.0",
      description: "What the sky does",
      keywords: ["rain"],
      add: "./weather",
    },
    { name: "mail", description: "Reads mail, whatever the weather", add: "bellhop-plugin-mail" },
  ],
};

async function served(body: string): Promise<string> {
  const server = createServer((_request, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/index.json`;
}

describe("an index of plugins", () => {
  it("is searched by all words, and those in a name come first", async () => {
    const folder = await writeFiles(await temporaryFolder(), { "index.json": JSON.stringify(INDEX) });
    const listed = await read(join(folder, "index.json"));

    expect(matching(listed, ["weather"]).map(({ name }) => name)).toEqual(["weather", "mail"]);
    expect(matching(listed, ["Rain", "sky"]).map(({ name }) => name)).toEqual(["weather"]);
    expect(matching(listed, ["weather", "snow"])).toEqual([]);
  });

  it("says where each is to be had: beside itself, or elsewhere", async () => {
    const folder = await writeFiles(await temporaryFolder(), { "index.json": JSON.stringify(INDEX) });
    await writeFiles(join(folder, "weather"), weather());
    const [first, second] = await read(join(folder, "index.json"));

    expect(first && listedOrigin(first)).toEqual({ kind: "folder", path: join(folder, "weather") });
    expect(second && listedOrigin(second)).toEqual({
      kind: "npm",
      name: "bellhop-plugin-mail",
      wanted: "latest",
    });
  });

  it("from elsewhere names nothing on this machine", async () => {
    const evil = ["/etc", "file:///srv/secret.git", "git+file:///srv/secret.git", "./here"].map((add) => ({
      name: "evil",
      add,
    }));
    const listed = await read(await served(JSON.stringify({ bellhopPlugins: 1, plugins: evil })));

    expect(listed).toHaveLength(4);
    for (const one of listed) expect(() => listedOrigin(one)).toThrow(/not for it to say|does not say/);
  });

  it.each([
    ["not JSON", /cannot be read/],
    ['{"plugins":"all"}', /cannot be read/],
    [" ".repeat(9 * 1024 * 1024), /more than 8 MB/],
  ])("that is none is refused", async (body, why) => {
    await expect(read(await served(body))).rejects.toThrow(why);
  });

  it("is read over https, or from this machine", async () => {
    await expect(read("http://example.com/index.json")).rejects.toThrow(/https/);
    await expect(read("/nowhere/index.json")).rejects.toThrow(/There is no catalogue/);
  });
});

describe("a marketplace of Claude Code", () => {
  it("is read with all the places that it can name", async () => {
    const sources = [
      "./plugins/review",
      { source: "github", repo: "ann/tests", ref: "v1" },
      { source: "url", url: "https://git.example.com/docs.git", sha: "abc123" },
      { source: "git-subdir", url: "https://git.example.com/all.git", path: "tools/lint" },
      { source: "npm", package: "@ann/format", version: "2.0.0" },
      { source: "somewhere-new" },
      "../../outside",
    ];
    const folder = await writeFiles(await temporaryFolder(), {
      ".claude-plugin/marketplace.json": JSON.stringify({
        name: "tools",
        owner: { name: "Ann" },
        plugins: sources.map((source, index) => ({ name: `p${index}`, source, category: "code" })),
      }),
    });

    const listed = await read(join(folder, ".claude-plugin/marketplace.json"));

    expect(listed.map(({ add }) => add)).toEqual([
      join(folder, "plugins/review"),
      "https://github.com/ann/tests.git#v1",
      "https://git.example.com/docs.git#abc123",
      "https://git.example.com/all.git#:tools/lint",
      "@ann/format@2.0.0",
      undefined,
      undefined,
    ]);
    expect(matching(listed, ["code"])).toHaveLength(7);
  });
});
