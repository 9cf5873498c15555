import { describe, expect, it } from "vitest";
import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "../errors.ts";
import { refusal, unanswered } from "../http-errors.ts";

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
