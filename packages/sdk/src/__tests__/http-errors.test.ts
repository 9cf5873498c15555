import { describe, expect, it } from "vitest";
import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "../errors.ts";
import { refusal, repeatable, unanswered } from "../http-errors.ts";
import { WireError } from "../wire.ts";

const failed = (code: string) =>
  new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) });

describe("a request without an answer", () => {
  it.each(["ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "CERT_HAS_EXPIRED"])(
    "was never written where it is %s",
    (code) => {
      expect(unanswered(failed(code), "it")).toBeInstanceOf(TemporaryError);
    },
  );

  it.each(["ECONNRESET", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "EPIPE"])(
    "may have been taken where it is %s",
    (code) => {
      expect(unanswered(failed(code), "it")).toBeInstanceOf(UnknownOutcomeError);
    },
  );

  it.each([
    [false, "TemporaryError", "it was not given a text: the connection failed"],
    [true, "UnknownOutcomeError", "it did not say whether it took a text"],
  ])(
    "is judged by how far it came, where that is known (all of it written: %s)",
    (written, name, message) => {
      const cause = new WireError("the connection failed", { written });

      expect(unanswered(cause, "it", "a text")).toMatchObject({ name, message, cause });
    },
  );

  it("can be made again where it only asked, whatever became of it", () => {
    const unknown = unanswered(failed("ECONNRESET"), "it");
    const refused = new RejectedError("no");

    expect(repeatable(unknown)).toMatchObject({ name: "TemporaryError", cause: unknown });
    expect(repeatable(refused)).toBe(refused);
  });

  it("may have been taken where nothing is known, and keeps its cause", () => {
    const cause = new Error("terminated");

    expect(unanswered(cause, "it")).toMatchObject({ name: "UnknownOutcomeError", cause });
  });
});

describe("a refusal", () => {
  it.each([
    [400, RejectedError],
    [302, RejectedError],
    [401, ConfigError],
    [403, ConfigError],
    [429, TemporaryError],
    [500, UnknownOutcomeError],
    [503, UnknownOutcomeError],
  ] as const)("of %i says what to do next", (status, kind) => {
    expect(refusal(status, "it")).toBeInstanceOf(kind);
  });

  it("says how long to wait, where it is told", () => {
    expect(refusal(429, "it", "3")).toMatchObject({ retryAfterMs: 3_000 });
    expect(refusal(429, "it", "0")).toMatchObject({ retryAfterMs: 0 });
    for (const said of [null, undefined, "Wed, 21 Oct 2026 07:28:00 GMT"]) {
      expect(refusal(429, "it", said)).toMatchObject({ retryAfterMs: undefined });
    }
  });
});
