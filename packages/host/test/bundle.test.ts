/** How plugins that ship are bundled: what a process that waits has no use for is left out, or loaded when it is used. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { expect, it, onTestFinished } from "vitest";
import { bundlePlugin } from "../../../scripts/bundle-plugin.mjs";

/** A plugin with one library, which imports two others; each of those says on `globalThis` that it was loaded. */
const FILES = {
  "package.json": JSON.stringify({
    name: "sample",
    type: "module",
    bellhop: { name: "sample", entry: "index.js" },
    bundle: { never: ["logs"], late: { library: { tables: ["default", "Table"] } } },
  }),
  "index.js": `export { log, rowOf, sizeOf } from "library"; export const words = "“Grüße” 🦀"; export const face = /^[😀-🙏]$/u;`,
  "node_modules/library/package.json": `{"name": "library", "type": "module", "main": "library.js"}`,
  "node_modules/library/library.js": `
    import logs from "logs";
    import tables, { Table } from "tables";
    export const log = () => logs({ level: "info" });
    export const sizeOf = (name) => tables.sizes[name];
    export const rowOf = (name) => new Table(name);
  `,
  "node_modules/logs/package.json": `{"name": "logs", "main": "logs.js"}`,
  "node_modules/logs/logs.js": `globalThis.loaded.push("logs"); module.exports = () => "logged";`,
  "node_modules/tables/package.json": `{"name": "tables", "main": "tables.js"}`,
  "node_modules/tables/tables.js": `
    globalThis.loaded.push("tables");
    exports.sizes = { small: 1 };
    exports.Table = class Table { constructor(name) { this.name = name; } };
  `,
};

interface Bundled {
  readonly log: () => string;
  readonly sizeOf: (name: string) => number;
  readonly rowOf: (name: string) => { readonly name: string };
  readonly words: string;
  readonly face: RegExp;
}

async function givenBundle(): Promise<{ readonly loaded: readonly string[]; readonly plugin: Bundled }> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-bundle-"));
  const loaded: string[] = [];
  const shared = globalThis as { loaded?: string[] };
  shared.loaded = loaded;
  onTestFinished(async () => {
    delete shared.loaded;
    await rm(folder, { recursive: true });
  });
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, "source", name)), { recursive: true });
    await writeFile(join(folder, "source", name), text);
  }
  await bundlePlugin(rolldown, join(folder, "source"), join(folder, "bundle"));
  const { href } = pathToFileURL(join(folder, "bundle", "index.js"));
  return { loaded, plugin: (await import(/* @vite-ignore */ href)) as Bundled };
}

it("loads what is late with its first use, once, and it is what it was", async () => {
  const { loaded, plugin } = await givenBundle();
  expect(loaded).toEqual([]);

  expect(plugin.sizeOf("small")).toBe(1);
  const row = plugin.rowOf("first");

  expect([row.name, row.constructor.name]).toEqual(["first", "Table"]);
  expect(loaded).toEqual(["tables"]);
});

it("leaves out what is never used, and says so when it is", async () => {
  const { loaded, plugin } = await givenBundle();

  expect(() => plugin.log()).toThrow(/logs was left out.*take it out of "never"/);
  expect(loaded).toEqual([]);
});

it("writes each character beyond ASCII as an escape that means the same", async () => {
  const { plugin } = await givenBundle();

  expect(plugin.words).toBe("“Grüße” 🦀");
  expect(["😅", "🦀"].map((one) => plugin.face.test(one))).toEqual([true, false]);
});
