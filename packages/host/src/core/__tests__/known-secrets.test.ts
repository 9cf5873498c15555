import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { createKnownSecrets, HIDDEN, type KnownSecrets } from "../known-secrets.ts";

/** With all that the encodings care about: a quote, a slash, plus signs, a letter beyond ASCII. */
const KEY = 'sk-"/a+b?c&d=é~0123';

function knowing(...values: readonly string[]): KnownSecrets {
  return createKnownSecrets(values.map((value) => ({ name: "A_KEY", value })));
}

const inBase64 = (text: string) => Buffer.from(text).toString("base64");
const broken = (text: string, width: number) => text.replace(new RegExp(`.{${width}}`, "gsu"), "$&\n  ");

describe("the known secrets", () => {
  it.each([
    ["as it is", KEY],
    ["percent-encoded", encodeURIComponent(KEY)],
    ["percent-encoded in lower case", encodeURIComponent(KEY).replace(/%../g, (code) => code.toLowerCase())],
    [
      "percent-encoded to the last dash",
      encodeURIComponent(KEY).replaceAll("-", "%2D").replaceAll("~", "%7E"),
    ],
    ["as JSON within JSON", JSON.stringify(JSON.stringify(KEY).slice(1, -1)).slice(1, -1)],
    ["as a JSON string", JSON.stringify(KEY).slice(1, -1)],
    ["as a JSON string in ASCII", JSON.stringify(KEY).slice(1, -1).replace("é", "\\u00e9")],
    ["broken over lines", broken(KEY, 4)],
    ["broken by Windows' line ends", broken(KEY, 6).replaceAll("\n", "\r\n")],
    ["with invisible characters in it", Array.from(KEY).join("\u200b")],
    ["in broken base64", broken(inBase64(`${"x".repeat(50)}${KEY}${"y".repeat(50)}`), 76)],
  ])("hides one that is written %s", (_how, written) => {
    const shown = knowing(KEY).hide(`before ${written} after`);

    expect(shown).toContain(HIDDEN);
    expect(shown.replace(/\s/g, "")).not.toContain(written.replace(/\s/g, ""));
    expect(shown).toMatch(/^before .* after$/s);
  });

  it.each([0, 1, 2, 3, 4])("hides one in base64, also behind %i other bytes", (before) => {
    const encoded = inBase64(`${"é~".repeat(before).slice(0, before)}${KEY} and more`);

    for (const written of [encoded, encoded.replaceAll("+", "-").replaceAll("/", "_")]) {
      const left = knowing(KEY).hide(written).split(HIDDEN);

      expect(left).toHaveLength(2);
      for (const piece of left)
        expect(Buffer.from(piece, "base64").toString("latin1")).not.toMatch(/0123|sk-/);
    }
  });

  it("hides each of several that overlap, to their ends", () => {
    expect(knowing("abcdefgh", "efghijkl", "cdefghij").hide("-abcdefghijkl-")).toBe(`-${HIDDEN}-`);
  });

  it("leaves short values and settings that are none, but no credential of the model's", () => {
    const secrets = createKnownSecrets([
      { name: "A_KEY", value: "1234567" },
      { name: "LOG_LEVEL", value: "debugging" },
      { name: "PLUGIN_REGION", value: "eu-central-1", public: true },
      { name: "ANTHROPIC_API_KEY", value: "tiny", public: true },
    ]);

    expect(secrets.hide("1234567 debugging eu-central-1 tiny")).toBe(
      `1234567 debugging eu-central-1 ${HIDDEN}`,
    );
  });

  it("leaves a variable that a plugin says is public, unless another says that it is none", () => {
    const secrets = createKnownSecrets([
      { name: "REGION", value: "eu-central-1" },
      { name: "SAME", value: "eu-central-1" },
      { name: "SERVER", value: "house.example.org" },
      { name: "TOKEN", value: "token-0123456" },
      { name: "ANTHROPIC_API_KEY", value: "sk-ant-0123456" },
    ]);

    secrets.add(
      ["REGION", "SERVER", "ANTHROPIC_API_KEY"].map((name) => ({
        name,
        value: "unused-value",
        public: true,
      })),
    );
    secrets.add([
      { name: "TOKEN", value: "token-0123456", public: false },
      { name: "TOKEN", value: "token-0123456", public: true },
      { name: "SERVER", value: "other.example.org" },
    ]);

    expect(
      secrets.hide("eu-central-1 house.example.org other.example.org token-0123456 sk-ant-0123456"),
    ).toBe(`${HIDDEN} house.example.org other.example.org ${HIDDEN} ${HIDDEN}`);
    secrets.add([{ name: "SERVER", value: "house.example.org", public: false }]);
    expect(secrets.hide("house.example.org")).toBe(HIDDEN);
  });

  it("counts one that is added from then on, in a stream that has begun as well", () => {
    const secrets = createKnownSecrets();
    const stream = secrets.stream();
    const first = stream.push("the key is ");

    secrets.add([{ name: "A_KEY", value: "fresh-secret-1" }]);

    expect(first).toBe("the key is ");
    expect(stream.push("fresh-sec") + stream.push("ret-1.") + stream.end()).toBe(`${HIDDEN}.`);
  });

  it("holds back only what may become one", () => {
    const stream = knowing("sk-0123456789").stream();

    expect(stream.push("plain words, s")).toBe("plain words, ");
    expect(stream.push("o")).toBe("so");
    expect(stream.end()).toBe("");
  });

  it("gives the same text however it is cut, with nothing of a secret in it", () => {
    const [short, long] = ["canary-1-abc", "canary-1-abcdefgh"];
    const piece = fc.oneof(
      fc.constantFrom(
        short,
        long,
        "canary-1-",
        "abc",
        "c",
        "\n",
        " ",
        encodeURIComponent(long),
        inBase64(long),
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(200)), (pieces, cuts) => {
        const text = pieces.join("");
        const secrets = knowing(short, long);
        const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
        const chunks = [0, ...places].map((start, index) => text.slice(start, places[index] ?? text.length));
        const stream = secrets.stream();

        const whole = secrets.hide(text);

        expect(chunks.map((chunk) => stream.push(chunk)).join("") + stream.end()).toBe(whole);
        expect(whole.replace(/\s/g, "")).not.toContain(short);
      }),
      { numRuns: 500 },
    );
  });

  it("changes nothing of a text without one", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(knowing("canary-1-abc", "canary-1-abcdefgh").hide(text)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("goes over a text once, however many there are", () => {
    const many = createKnownSecrets(
      Array.from({ length: 2_000 }, (_, index) => ({ name: "A_KEY", value: `sk-secret-number-${index}-x` })),
    );
    const text = "sk-secret-number-1 ".repeat(20_000);

    const took = cpuMs(() => expect(many.hide(text)).toBe(text));

    expect(took).toBeLessThan(5_000); // minutes, if each of 14,000 forms read it all
  });
});
