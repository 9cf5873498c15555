import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { safeFileName } from "../file-name.ts";

describe("the name of a file", () => {
  it.each([
    ["photo.png", "photo.png"],
    ["../../etc/passwd", "passwd"],
    ["C:\\Users\\ann\\taxes 2026.pdf", "taxes 2026.pdf"],
    [".bashrc", "bashrc"],
    ["a\u0000b\n.txt", "ab.txt"],
    ["gpj.\u202Eexe", "gpj.exe"],
    ["  Grüße  aus   Köln.jpg ", "Grüße aus Köln.jpg"],
    ["", "file"],
    ["..", "file"],
    ["/", "file"],
  ])("given as %j is %j", (given, safe) => {
    expect(safeFileName(given)).toBe(safe);
  });

  it("is one short component without anything that acts, whatever was given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (given) => {
        const name = safeFileName(given);

        expect(name).not.toMatch(/[/\\\p{Cc}\p{Cf}]|^\./u);
        expect(name).not.toBe("");
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
        expect(safeFileName(name)).toBe(name);
      }),
    );
  });

  it("keeps its extension when it is cut", () => {
    const name = safeFileName(`${"é".repeat(300)}.jpeg`);

    expect(name).toMatch(/^é+\.jpeg$/);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
  });
});
