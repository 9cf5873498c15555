import type { ChannelAbilities, Formatting } from "@bellhop/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { abilityWords, reactionTaken } from "../abilities.ts";
import { estimateTokens } from "../tokens.ts";

const USUAL: ChannelAbilities = {
  maxTextLength: 4_096,
  lengthUnit: "utf16",
  resend: { how: "twice" },
  reactions: true,
  quotes: true,
  edits: true,
  maxFileBytes: 1_000_000,
};
const ALL: readonly Formatting[] = [
  "bold",
  "italic",
  "strikethrough",
  "code",
  "code-block",
  "link",
  "quote",
  "list",
  "heading",
  "table",
];

describe("what an agent is told of a chat", () => {
  it.each<[string, Partial<ChannelAbilities>, string | undefined]>([
    ["nothing where it is as usual", {}, undefined],
    ["nothing where all formatting is shown", { formatting: ALL }, undefined],
    [
      "what is missing where that is less",
      { formatting: ALL.slice(0, 8), reactionsOf: Array.from({ length: 70 }, () => "👍") },
      "This chat: Not shown: headings, tables. Only some reactions.",
    ],
    [
      "what is there where that is less",
      { formatting: ["bold", "link"], reactionsOf: ["👍", "👎"] },
      "This chat: Shown: bold, links; else plain text. Reactions: 👍 👎",
    ],
    [
      "all that a poor one lacks",
      { formatting: [], maxTextLength: 400, lengthUnit: "bytes", maxFileBytes: undefined, reactions: false },
      "This chat: Plain text only. 400 bytes a message. No files. No reactions.",
    ],
  ])("is %s", (_what, abilities, words) => {
    expect(abilityWords({ ...USUAL, ...abilities }, false)).toBe(words);
  });

  it("says that it is a thread", () => {
    expect(abilityWords(USUAL, true)).toBe("This chat: a thread.");
  });

  it("adds what the channel says of itself, on one line, whatever else there is to say", () => {
    const note = "Each answer is a mail:\n  write it whole.";

    expect(abilityWords({ ...USUAL, note }, false)).toBe("This chat: Each answer is a mail: write it whole.");
    expect(abilityWords({ ...USUAL, note, maxFileBytes: undefined }, false)).toBe(
      "This chat: No files. Each answer is a mail: write it whole.",
    );
    expect(abilityWords({ ...USUAL, note: " \n" }, false)).toBeUndefined();
  });

  it("cuts what a channel says of itself to 120 characters and 40 tokens", () => {
    const long = abilityWords({ ...USUAL, note: "x".repeat(1_000) }, false);
    const wide = abilityWords({ ...USUAL, note: "🦄".repeat(120) }, false);

    expect(long).toBe(`This chat: ${"x".repeat(120)}`);
    expect(wide).toBe(`This chat: ${"🦄".repeat(40)}`);
  });

  it("never takes more than 40 tokens", () => {
    fc.assert(
      fc.property(
        fc.subarray([...ALL]),
        fc.integer({ min: 1, max: 100_000 }),
        fc.constantFrom("utf16" as const, "codepoints" as const, "bytes" as const),
        fc.boolean(),
        fc.array(fc.constantFrom("👍", "❤️", "🎉"), { maxLength: 12 }),
        (formatting, maxTextLength, lengthUnit, reactions, reactionsOf) => {
          const abilities = { ...USUAL, formatting, maxTextLength, lengthUnit, reactions, reactionsOf };
          const words = abilityWords({ ...abilities, maxFileBytes: undefined }, true) ?? "";
          expect(estimateTokens(words)).toBeLessThanOrEqual(40);
        },
      ),
    );
  });
});

describe("a reaction", () => {
  it.each<[string, Partial<ChannelAbilities>, readonly string[], string | undefined]>([
    ["any where the platform takes any", {}, ["🦄"], "🦄"],
    ["the platform's own form of it", { reactionsOf: ["❤", "👍"] }, ["❤️"], "❤"],
    ["the first that the platform takes", { reactionsOf: ["👎", "🤔"] }, ["❌", "🤔", "👎"], "🤔"],
    ["none where it takes none of them", { reactionsOf: ["👎"] }, ["🦄"], undefined],
    ["none where there are no reactions", { reactions: false, reactionsOf: ["🦄"] }, ["🦄"], undefined],
  ])("is %s", (_what, abilities, wanted, taken) => {
    expect(reactionTaken({ ...USUAL, ...abilities }, ...wanted)).toBe(taken);
  });
});
