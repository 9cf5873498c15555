import { describe, expect, it } from "vitest";
import { characterOf, nameOf } from "../emoji.ts";

describe("an emoji", () => {
  it.each([
    ["👍", "+1"],
    ["👀", "eyes"],
    ["❤️", "heart"],
    ["👋🏽", "wave::skin-tone-4"],
    ["👩‍👩‍👧‍👦", "woman-woman-girl-boy"],
  ])("%s has a name at Slack, both ways", async (character, name) => {
    expect(await nameOf(character)).toBe(name);
    expect(await characterOf(name)).toBe(character);
  });

  it("is known by each of its names", async () => {
    expect([await characterOf("thumbsup"), await characterOf("flag-de")]).toEqual(["👍", "🇩🇪"]);
  });

  it("has none where a workspace made it itself, and where it is no emoji", async () => {
    expect([await characterOf("our-logo"), await nameOf("a")]).toEqual([undefined, undefined]);
  });
});
