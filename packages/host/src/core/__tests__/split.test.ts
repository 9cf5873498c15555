import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitText } from "../split.ts";

describe("splitting a text", () => {
  it("prefers paragraphs, then lines, then words", () => {
    expect(splitText("one two\n\nthree", 10)).toEqual(["one two", "three"]);
    expect(splitText("one two\nthree", 10)).toEqual(["one two", "three"]);
    expect(splitText("one two three", 10)).toEqual(["one two", "three"]);
  });

  it("makes nothing of nothing", () => {
    expect(splitText(" \n ", 10)).toEqual([]);
  });

  it("keeps every part within the limit, loses only white space, and never cuts a surrogate pair", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 200 }),
        fc.integer({ min: 2, max: 40 }),
        (text, limit) => {
          const parts = splitText(text, limit);
          expect(parts.every(({ length }) => length > 0 && length <= limit)).toBe(true);
          expect(parts.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
          expect(parts.every((part) => part.isWellFormed())).toBe(true);
        },
      ),
    );
  });
});
