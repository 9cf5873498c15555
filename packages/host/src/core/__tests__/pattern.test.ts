import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { compilePattern } from "../pattern.ts";

const MiB = 1024 * 1024;

describe("a group's own pattern", () => {
  it("is found anywhere in the text, in any case", () => {
    const fits = compilePattern("\\bhey,? (alfred|bell)\\b");

    expect(["well, Hey Alfred!", "HEY, BELL"].map(fits)).toEqual([true, true]);
    expect(["they bell", "hey alfredo"].map(fits)).toEqual([false, false]);
  });

  it.each(["(", "*", "a{2000}", "((a{100}){100}){100}", "(?=x)", "(?<!a)b", "(a)\\1"])(
    "cannot be %j",
    (pattern) => {
      expect(() => compilePattern(pattern)).toThrow(/error parsing regexp/);
    },
  );

  it.each([
    ["(a+)+$", `${"a".repeat(MiB)}!`],
    ["(a|a)*b", "a".repeat(MiB)],
    ["(.*)(.*)(.*)(.*)x", "y".repeat(MiB)],
    ["^(\\w+\\s?)*$", `${"word ".repeat(MiB / 5)}!`],
    ["(?:a{0,100}){0,10}b", "a".repeat(MiB)],
  ])("is done with a MiB of text in a moment: %s", (pattern, text) => {
    const fits = compilePattern(pattern);

    expect(cpuMs(() => fits(text))).toBeLessThan(1_000);
  });

  it("is done in a moment, whatever it is", () => {
    const atom = fc.constantFrom("a", "b", ".", "\\w", "[ab]", "(?:a|ab)", "(?:a*)", "\\b", "^", "$", "é");
    const times = fc.constantFrom("", "*", "+", "?", "{0,20}", "+?");
    const piece = fc.tuple(atom, times).map((two) => two.join(""));
    const nested = fc
      .tuple(fc.array(piece, { minLength: 1, maxLength: 4 }), times)
      .map(([pieces, how]) => `(${pieces.join("")})${how}`);
    const text = fc.constantFrom("a", "ab", "aé", "b ").map((unit) => unit.repeat(32 * 1024));

    fc.assert(
      fc.property(fc.array(nested, { minLength: 1, maxLength: 3 }), text, (pieces, words) => {
        const fits = compile(pieces.join(""));
        expect(cpuMs(() => fits?.(words))).toBeLessThan(1_000);
      }),
      { numRuns: 200 },
    );
  });
});

/** Undefined for what is no pattern: the generator does not know the grammar. */
function compile(pattern: string): ((text: string) => boolean) | undefined {
  try {
    return compilePattern(pattern);
  } catch {
    return undefined;
  }
}
