import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asCode, codesIn, hashCode, newCode } from "../pairing-code.ts";

const anyCode = fc.infiniteStream(fc.nat(255)).map((bytes) => {
  const next = () => Number(bytes.next().value ?? 0);
  return newCode((length) => Uint8Array.from({ length }, next));
});

describe("a pairing code", () => {
  it("is eight characters that nobody mixes up, one of them a digit at least", () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        expect(code).toMatch(/^(?=.*\d)[2-9A-HJ-NP-Z]{8}$/);
      }),
    );
  });

  it("is found however it is typed, alone or in a sentence", () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const halves = [code.slice(0, 4), code.slice(4)];
        for (const typed of [
          code,
          code.toLowerCase(),
          ` ${code}\n`,
          halves.join(" "),
          halves.join("-"),
          `/start ${code}`,
        ])
          expect([asCode(typed), codesIn(typed)]).toEqual([code, expect.arrayContaining([code])]);
        for (const text of [
          `my code is ${code}.`,
          `(${halves.join("-")})`,
          `${code}, please`,
          `that ${code}`,
        ])
          expect([asCode(text), codesIn(text)]).toEqual([undefined, expect.arrayContaining([code])]);
      }),
    );
  });

  it.each(["THURSDAY", "birthday", "12345678", "hello you", "ABCDEFGH", "ABC2DEF", "ABC2DEFGH", ""])(
    "is not seen in %j",
    (text) => {
      expect([asCode(text), codesIn(text)]).toEqual([undefined, []]);
    },
  );

  it("is kept as a hash", () => {
    expect(hashCode("ABCDEFG2")).toMatch(/^[0-9a-f]{64}$/);
    expect(hashCode("ABCDEFG2")).not.toBe(hashCode("ABCDEFG3"));
  });
});
