import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCommand, withoutAddress } from "../command-text.ts";

describe("a chat command", () => {
  it.each([
    ["/stop", { name: "stop", at: undefined, argument: "" }],
    ["/Stop", { name: "stop", at: undefined, argument: "" }],
    ["/why #12 ", { name: "why", at: undefined, argument: "#12" }],
    ["/queue\nsteer", { name: "queue", at: undefined, argument: "steer" }],
    ["/weather:outlook Kiel", { name: "weather:outlook", at: undefined, argument: "Kiel" }],
    ["/status@Bell now", { name: "status", at: "Bell", argument: "now" }],
  ])("is %j", (text, command) => {
    expect(parseCommand(text)).toEqual(command);
  });

  it.each([
    "/etc/passwd is odd",
    "/ foo",
    "/",
    " /stop",
    "please /stop",
    "/2 of them",
    "/STOP",
    "/stop!",
    "/stop@ now",
    `/${"a".repeat(33)}`,
    "//stop",
    "/weather:",
    "/a:b:c",
    "",
  ])("is not %j", (text) => {
    expect(parseCommand(text)).toBeUndefined();
  });

  it("is read as it was written, whatever it is called and given", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,31}$/);
    const at = fc.option(fc.stringMatching(/^[A-Za-z0-9_]{1,64}$/), { nil: undefined });
    const argument = fc.string({ unit: "grapheme" }).map((text) => text.trim());
    const gap = fc.constantFrom(" ", "\n", "\t ", "\u00a0");

    fc.assert(
      fc.property(name, at, gap, argument, (called, whose, between, given) => {
        const address = whose === undefined ? "" : `@${whose}`;
        const text = `/${called}${address}${given === "" ? "" : between}${given}`;

        expect(parseCommand(text)).toEqual({ name: called, at: whose, argument: given });
        expect(parseCommand(withoutAddress(text))).toEqual({ name: called, at: undefined, argument: given });
      }),
    );
  });

  it("is a slash and a word that ends where white space or the text does, or it is text", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[/@ab1_\- \n.é]*$/), (text) => {
        const word = /^\/[a-z][a-z0-9_-]{0,31}(@\S{1,64})?(\s|$)/.test(text);

        expect(parseCommand(text) !== undefined).toBe(word);
        expect(word || withoutAddress(text) === text).toBe(true);
      }),
    );
  });
});
