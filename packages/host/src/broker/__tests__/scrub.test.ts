import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createScrubber } from "../scrub.ts";

function scrubbed(chunks: readonly string[], secrets: readonly string[]): string {
  const scrubber = createScrubber(secrets);
  const out = chunks.map((chunk) => scrubber.push(Buffer.from(chunk, "latin1")));
  return Buffer.concat([...out, scrubber.end()]).toString("latin1");
}

describe("the scrubber", () => {
  it("takes a secret out wherever the chunks are cut", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 40 });
    const secret = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), secret, (chunks, secret) => {
        const whole = chunks.join("");

        const result = scrubbed(chunks, [secret]);

        expect(result).toHaveLength(whole.length);
        expect(result).not.toContain(secret);
        expect(Array.from(result).every((letter, index) => letter === "*" || letter === whole[index])).toBe(
          true,
        );
      }),
    );
  });

  it("leaves everything else as it is, bytes that are no text included", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }), (chunks) => {
        const scrubber = createScrubber(["never-in-there-0123456789"]);

        const out = [...chunks.map((chunk) => scrubber.push(Buffer.from(chunk))), scrubber.end()];

        expect(Buffer.concat(out)).toEqual(Buffer.concat(chunks));
      }),
    );
  });

  it("holds back nothing but what may be the beginning of a secret", () => {
    const scrubber = createScrubber(["sk-secret"]);

    expect(scrubber.push(Buffer.from("data: hello\n\n")).toString()).toBe("data: hello\n\n");
    expect(scrubber.push(Buffer.from("data: sk-s")).toString()).toBe("data: ");
    expect(scrubber.push(Buffer.from("ki")).toString()).toBe("sk-ski");
  });

  it("does without secrets", () => {
    expect(scrubbed(["a", "b"], [])).toBe("ab");
    expect(scrubbed(["a", "b"], [""])).toBe("ab");
  });
});
