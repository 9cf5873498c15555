import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { type Size, splitText } from "../split.ts";

const utf16 = (limit: number): Size => ({ limit, unit: "utf16" });

/** Measured by the book, not by the code under test. */
function lengthOf(text: string, unit: Size["unit"]): number {
  if (unit === "utf16") return text.length;
  return unit === "bytes" ? new TextEncoder().encode(text).length : Array.from(text).length;
}

const isFenceLine = (line: string) => /^\s*(`{3,}|~{3,})/.test(line);

/** The text without the lines that are fences, and without white space. */
function content(...texts: readonly string[]): string {
  return texts
    .flatMap((text) => text.split("\n").filter((line) => !isFenceLine(line)))
    .join("")
    .replaceAll(/\s/g, "");
}

/** Whether a fence is open at the end, as a reader of Markdown sees it. */
function endsOpen(text: string): boolean {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const [, marks, info = ""] = /^\s*(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (marks === undefined) continue;
    if (open === undefined) open = info.includes("`") && marks.startsWith("`") ? undefined : marks;
    else if (info.trim() === "" && marks.startsWith(open)) open = undefined;
  }
  return open !== undefined;
}

describe("splitting a text", () => {
  it("prefers paragraphs, then lines, then sentences, then words", () => {
    expect(splitText("one two\n\nthree", utf16(10))).toEqual(["one two", "three"]);
    expect(splitText("one two\nthree", utf16(10))).toEqual(["one two", "three"]);
    expect(splitText("Yes, it is. But why so?", utf16(18))).toEqual(["Yes, it is.", "But why so?"]);
    expect(splitText("one two three", utf16(10))).toEqual(["one two", "three"]);
  });

  it("makes nothing of nothing", () => {
    expect(splitText(" \n ", utf16(10))).toEqual([]);
  });

  it("leaves alone what fits, to the last character", () => {
    expect(splitText("```js\nopen for ever", utf16(20))).toEqual(["```js\nopen for ever"]);
  });

  it("keeps the indentation of the line that a part begins with", () => {
    expect(splitText("- one thing\n  - another", utf16(14))).toEqual(["- one thing", "  - another"]);
  });

  it("closes a code fence at the cut and opens it again with its info string", () => {
    const code = ["```ts", "const one = 1;", "const two = 2;", "const three = 3;", "```"].join("\n");

    expect(splitText(`Look:\n${code}\nDone.`, utf16(44))).toEqual([
      "Look:\n```ts\nconst one = 1;\n```",
      "```ts\nconst two = 2;\nconst three = 3;\n```",
      "Done.",
    ]);
  });

  it("makes no empty block of a fence that begins or ends at the cut", () => {
    const parts = splitText("Some words before it\n```\none\ntwo\n```\nand after it", utf16(24));

    expect(parts).toEqual(["Some words before it", "```\none\ntwo\n```", "and after it"]);
  });

  it("does not cut a link, and moves it to the next part instead", () => {
    const link = "https://example.org/a/long/path?x=1";
    const named = "[the long page](https://example.org/a_(b))";

    expect(splitText(`see it all here ${link} now`, utf16(40))).toEqual(["see it all here", `${link} now`]);
    expect(splitText(`see it in ${named} now`, utf16(46))).toEqual(["see it in", `${named} now`]);
  });

  it("cuts a link that is longer than a part", () => {
    expect(splitText(`https://e.org/${"x".repeat(40)}`, utf16(20))).toHaveLength(3);
  });

  it("does not cut what people see as one character, unless it alone is longer than a part", () => {
    const family = "👨‍👩‍👧‍👦";
    expect(family).toHaveLength(11);

    expect(splitText(family.repeat(3), utf16(25))).toEqual([family.repeat(2), family]);
    expect(splitText(family, utf16(5)).join("")).toBe(family);
  });

  it("counts as the platform does", () => {
    const text = "ä".repeat(10);

    expect(splitText(text, { limit: 10, unit: "utf16" })).toHaveLength(1);
    expect(splitText(text, { limit: 10, unit: "bytes" })).toHaveLength(2);
    expect(splitText("😀".repeat(10), { limit: 10, unit: "codepoints" })).toHaveLength(1);
  });

  it("takes a moment for a very long text", () => {
    const text = "One more sentence of many, with `code` and https://example.org/x. ".repeat(4_000);

    const took = cpuMs(() => {
      for (const unit of ["utf16", "codepoints", "bytes"] as const) splitText(text, { limit: 2_000, unit });
    });

    expect(took).toBeLessThan(5_000);
  });
});

const unit = fc.constantFrom("utf16", "codepoints", "bytes");
const words = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => text.replaceAll(/[`~]/g, "'"));
const line = fc.oneof(
  words,
  fc.constant(""),
  fc.constant("A sentence. Another one! And a third?"),
  fc.webUrl().map((url) => `see ${url} there`),
  fc.constant("[a page](https://example.org/a_(b))"),
);
const block = fc
  .tuple(fc.constantFrom("```", "~~~", "````", "  ```"), fc.constantFrom("", "ts", "a b"), fc.array(words))
  .map(([marks, info, lines]) => [marks + info, ...lines, marks].join("\n"));
const text = fc.array(fc.oneof(line, line, block), { maxLength: 12 }).map((pieces) => pieces.join("\n"));

const anything = fc.oneof(text, fc.string({ unit: "binary", maxLength: 200 }));
const plain = anything.filter((whole) => !/`{3}|~{3}/.test(whole));

describe("any text, split to any size", () => {
  it("ends, stays within the limit, and leaves no half character", () => {
    fc.assert(
      fc.property(anything, unit, fc.integer({ min: 1, max: 300 }), (whole, in_, limit) => {
        const parts = splitText(whole, { limit, unit: in_ });

        expect(parts.filter((part) => !part.isWellFormed() || part.trim() === "")).toEqual([]);
        const long = parts.filter((part) => lengthOf(part, in_) > limit);
        expect(long.filter((part) => Array.from(part).length > 1)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("loses nothing but white space, and adds nothing but fences", () => {
    const bare = (given: string) => given.toWellFormed().replaceAll(/\s/g, "");
    fc.assert(
      fc.property(plain, unit, fc.integer({ min: 1, max: 300 }), (whole, in_, limit) => {
        expect(bare(splitText(whole, { limit, unit: in_ }).join(""))).toBe(bare(whole));
      }),
      { numRuns: 500 },
    );
  });

  it("keeps its code, and closes in each part what that part opens", () => {
    fc.assert(
      fc.property(text, unit, fc.integer({ min: 60, max: 300 }), (whole, in_, limit) => {
        const parts = splitText(whole, { limit, unit: in_ });

        expect(parts.filter(endsOpen)).toEqual([]);
        expect(content(...parts)).toBe(content(whole.toWellFormed()));
      }),
      { numRuns: 500 },
    );
  });

  it("is the same when its parts are split again", () => {
    fc.assert(
      fc.property(text, unit, fc.integer({ min: 60, max: 300 }), (whole, in_, limit) => {
        const parts = splitText(whole, { limit, unit: in_ });

        expect(parts.flatMap((part) => splitText(part, { limit, unit: in_ })).length).toBe(parts.length);
      }),
    );
  });

  it("cuts no link that fits into a part", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(words, fc.webUrl({ size: "small" }))),
        fc.integer({ min: 100, max: 300 }),
        (pieces, limit) => {
          const parts = splitText(pieces.join(" "), utf16(limit));

          const links = pieces.filter((piece) => /^https?:\S{1,90}$/.test(piece));
          expect(links.filter((link) => !parts.some((part) => part.includes(link)))).toEqual([]);
        },
      ),
    );
  });
});
