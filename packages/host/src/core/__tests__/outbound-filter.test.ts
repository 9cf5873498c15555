import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { createKnownSecrets, HIDDEN, type KnownSecrets } from "../known-secrets.ts";
import { createOutboundFilter, filterOutbound } from "../outbound-filter.ts";

const KEY = "sk-ant-0123456789";
const LONGER = `${KEY}-and-more`;
const NONE = createKnownSecrets();
const ONE = knowing(KEY);
const TWO = knowing(KEY, LONGER);

function knowing(...values: readonly string[]): KnownSecrets {
  return createKnownSecrets(values.map((value) => ({ name: "A_KEY", value })));
}

function inChunks(text: string, cuts: readonly number[], secrets: KnownSecrets): string {
  const filter = createOutboundFilter(secrets);
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const chunks = [0, ...places].map((start, index) => text.slice(start, places[index] ?? text.length));
  return chunks.map((chunk) => filter.push(chunk)).join("") + filter.end();
}

describe("the outbound filter", () => {
  it("hides a secret wherever it stands", () => {
    expect(filterOutbound(`the key is ${KEY}, keep it`, ONE)).toBe(`the key is ${HIDDEN}, keep it`);
  });

  it("hides the longer of two secrets that begin alike, to its end", () => {
    expect(filterOutbound(`${LONGER} ${KEY}`, TWO)).toBe(`${HIDDEN} ${HIDDEN}`);
  });

  it("removes internal text, closed or not, in any case", () => {
    expect(filterOutbound("a<internal>b</internal>c<INTERNAL>d</Internal>e<internal>f", NONE)).toBe("ace");
  });

  it("hides a secret whose halves only meet once internal text is gone", () => {
    expect(filterOutbound("sk-ant-<internal>x</internal>0123456789", ONE)).toBe(HIDDEN);
  });

  it("shows what merely begins like a tag or a secret as soon as it turns out to be neither", () => {
    const filter = createOutboundFilter(ONE);

    expect(filter.push("1 <in")).toBe("1 ");
    expect(filter.push("t> sk-a")).toBe("<int> ");
    expect(filter.push("b")).toBe("sk-ab");
    expect(filter.end()).toBe("");
  });

  it("holds nothing of a text that contains no beginning of either", () => {
    const filter = createOutboundFilter(ONE);

    expect(filter.push("plain text, <b>bold</b>")).toBe("plain text, <b>bold</b>");
  });

  it("removes internal text beside letters that are longer in lower case", () => {
    expect(filterOutbound("İİİİİİİİ<internal>İİİİ psst</internal>İ done", NONE)).toBe("İİİİİİİİİ done");
  });

  it("goes over a text once, however many tags an agent puts into it", () => {
    const took = cpuMs(() => {
      expect(filterOutbound("<internal></internal>".repeat(50_000), NONE)).toBe("");
    });

    expect(took).toBeLessThan(1_000); // 30 s and more when each tag reads the rest
  });

  it("ignores strings too short to be secrets", () => {
    expect(filterOutbound("a key: abc", knowing("abc", ""))).toBe("a key: abc");
  });

  it("gives the same text however it is cut into chunks", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "<internal>",
        "</internal>",
        "<int",
        "ernal>",
        KEY,
        LONGER,
        "sk-ant-",
        "0123456789",
        "s",
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.nat(200), { maxLength: 8 }),
        (pieces, cuts) => {
          const text = pieces.join("");
          const whole = filterOutbound(text, TWO);
          expect(inChunks(text, cuts, TWO)).toBe(whole);
          expect(whole).not.toContain(KEY);
        },
      ),
      { numRuns: 500 },
    );
  });
});
