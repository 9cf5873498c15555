import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openApiDocument } from "../openapi.ts";
import { HOST, openHouse, TCP } from "./house.ts";

const COMMITTED = new URL("../../../../../docs/openapi.json", import.meta.url);
const PACKAGE = new URL("../../../package.json", import.meta.url);

describe("the OpenAPI document", () => {
  it("is the one in docs/openapi.json; BELLHOP_WRITE_OPENAPI=1 writes it anew", async () => {
    const { version } = JSON.parse(await readFile(PACKAGE, "utf8"));
    const text = `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
    if (process.env["BELLHOP_WRITE_OPENAPI"] === "1") await writeFile(COMMITTED, text);

    expect(await readFile(COMMITTED, "utf8")).toBe(text);
  });

  it("describes every route of the API, and none that is not there", async () => {
    const { app, deps } = await openHouse();
    const served = app.routes
      .filter(({ method, path }) => method !== "ALL" && (path.startsWith("/api/") || path === "/healthz"))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);

    const described = Object.entries(openApiDocument(deps.version).paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );

    expect([...new Set(served)].sort()).toEqual(described.sort());
  });

  it("points nowhere that it does not define", () => {
    const document = openApiDocument("1.0.0");
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];

    expect(references.length).toBeGreaterThan(20);
    for (const [, name = ""] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it("is served without a token", async () => {
    const { app } = await openHouse();

    const response = await app.request("/api/v1/openapi.json", { headers: HOST }, TCP);

    expect(await response.json()).toMatchObject({ openapi: "3.1.0" });
  });
});
