import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plain } from "../plain.ts";

describe("text on its way to a terminal", () => {
  it("keeps what people read: letters, lines, tabs, emoji, other scripts", () => {
    const text = "Grüße\n\t日本語 👩‍👩‍👧 שלום é";

    expect(plain(text)).toBe(text);
  });

  it("loses everything that makes a terminal act", () => {
    expect(plain("\u001b[2J\u001b]0;title\u0007red\r\u0008\u009b31m\u007f\u202eyb")).toBe(
      "[2J]0;titlered31myb",
    );
  });

  it("holds nothing dangerous wherever it was cut into pieces", () => {
    const acting = fc.constantFrom("\u001b[31m", "\u001b]52;c;", "\u0007", "\u009b", "\r", "plain");
    fc.assert(
      fc.property(fc.array(acting), fc.nat(60), (parts, cut) => {
        const text = parts.join("");

        const shown = plain(text.slice(0, cut)) + plain(text.slice(cut));

        expect(shown).toBe(plain(text));
        expect(shown).not.toMatch(/[\p{Cc}]/u);
      }),
    );
  });
});
