/** docs/security.md promises nothing without a test: each of its links leads somewhere, and each row has one. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const page = fileURLToPath(new URL("../../../docs/security.md", import.meta.url));
const text = readFileSync(page, "utf8");

describe("the page on security", () => {
  it("links to nothing that is not there", () => {
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, link = ""]) => link);

    expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
    expect(links.length).toBeGreaterThan(40);
  });

  it("names a test for each promise", () => {
    const promised = text.split("## What is promised")[1]?.split("\n## Incidents")[0] ?? "";
    const rows = promised.split("\n").filter((line) => line.startsWith("- "));

    expect(rows.filter((row) => !/\]\([^)]+\.test\.ts\)/.test(row))).toEqual([]);
    expect(rows.length).toBeGreaterThan(15);
  });
});
