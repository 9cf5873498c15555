import { describe, expect, it } from "vitest";
import { keyOf, prove, sign } from "../keys.ts";

const NOW = Date.UTC(2026, 0, 1);
const body = Buffer.from('{"text":"the build broke"}');
const key = keyOf("s".repeat(32), "ci", 1);

describe("a hook's key", () => {
  it("is one hook's and one generation's alone", () => {
    const keys = [
      key,
      keyOf("s".repeat(32), "ci", 2),
      keyOf("s".repeat(32), "cd", 1),
      keyOf("t".repeat(32), "ci", 1),
    ];

    expect(new Set(keys).size).toBe(4);
    expect(key).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  it("signs as Standard Webhooks do", () => {
    // The example of the specification.
    const example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const payload = Buffer.from('{"test": 2432232314}');

    const signed = sign(example, "msg_p5jXN8AQM9LWM0D4loKWxJek", payload, 1_614_265_330_000);

    expect(signed["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });
});

describe("a request", () => {
  const at = (ms: number) => prove(key, { ...sign(key, "event-1", body, ms) }, body, NOW);

  it("is taken by its signature, within five minutes of its time, and says its id", () => {
    expect(at(NOW)).toEqual({ ok: true, id: "event-1" });
    expect(at(NOW - 299_000)).toMatchObject({ ok: true });
    expect(at(NOW - 301_000)).toMatchObject({ ok: false, why: expect.stringContaining("clock") });
    expect(at(NOW + 301_000)).toMatchObject({ ok: false });
  });

  it("is taken by the key as a token", () => {
    expect(prove(key, { authorization: `Bearer ${key}`, "idempotency-key": "7" }, body, NOW)).toEqual({
      ok: true,
      id: "7",
    });
  });

  it.each([
    ["nothing", {}],
    ["another hook's key", { authorization: `Bearer ${keyOf("s".repeat(32), "cd", 1)}` }],
    ["the beginning of the key", { authorization: `Bearer ${key.slice(0, -1)}` }],
    ["a signature of another body", { ...sign(key, "event-1", Buffer.from("other"), NOW) }],
    ["a signature of another id", { ...sign(key, "event-2", body, NOW), "webhook-id": "event-1" }],
    [
      "a signature without its id",
      { "webhook-signature": sign(key, "event-1", body, NOW)["webhook-signature"] },
    ],
    // A token beside it does not make a wrong signature right.
    [
      "a wrong signature beside the key",
      { ...sign(key, "event-1", Buffer.from("other"), NOW), authorization: `Bearer ${key}` },
    ],
  ])("is refused with %s", (_what, headers) => {
    expect(prove(key, headers, body, NOW)).toMatchObject({ ok: false, why: expect.stringMatching(/./) });
  });

  it("is taken while one of several signatures is ours", () => {
    const signed = sign(key, "event-1", body, NOW);
    const several = `v1,${Buffer.from("old").toString("base64")} ${signed["webhook-signature"]}`;

    expect(prove(key, { ...signed, "webhook-signature": several }, body, NOW)).toMatchObject({ ok: true });
  });
});
