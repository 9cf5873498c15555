import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { matches } from "../grants.ts";

describe("the pattern of a grant", () => {
  it.each([
    ["chat:telegram:7", "chat:telegram:7", true],
    ["chat:telegram:7", "chat:telegram:77", false],
    ["chat:telegram:*", "chat:telegram:-100", true],
    ["chat:telegram:*", "chat:discord:7", false],
    ["host:*.example.com:443", "host:api.example.com:443", true],
    ["host:*.example.com:443", "host:example.com:443", false],
    ["host:*.example.com:443", "host:evil.com/.example.com:443x", false],
    ["host:api.example.com:443", "host:apixexample.com:443", false],
    ["*", "anything", true],
    ["a*a", "a", false],
  ])("%s fits %s: %s", (pattern, target, fits) => {
    expect(matches(pattern, target)).toBe(fits);
  });

  it("means what a pattern of a shell means", () => {
    const letter = fc.constantFrom("a", "b", ":", ".");
    const pattern = fc.string({ unit: fc.oneof(letter, fc.constant("*")), maxLength: 12 });
    fc.assert(
      fc.property(pattern, fc.string({ unit: letter, maxLength: 12 }), (written, target) => {
        const oracle = new RegExp(`^${written.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "s");

        expect(matches(written, target)).toBe(oracle.test(target));
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes no longer for one that is written to take long", () => {
    const took = cpuMs(() => {
      expect(matches("*a".repeat(250), "a".repeat(512))).toBe(true);
      expect(matches(`${"*a".repeat(250)}b`, "a".repeat(512))).toBe(false);
    });

    expect(took).toBeLessThan(1_000);
  });
});
