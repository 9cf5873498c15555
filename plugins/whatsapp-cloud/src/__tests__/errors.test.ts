import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ClosedWindowError, refusalOf } from "../errors.ts";

const TOKEN = "EAAG-secret-token";
const refused = (status: number, body: unknown, retryAfter?: string) =>
  refusalOf({ status, body, retryAfter, what: "a text", token: TOKEN });
const error = (code: number, more: object = {}) => ({ error: { message: "(#1) words", code, ...more } });

describe("what the Graph API says no with", () => {
  it.each([
    ["a token that is over", 401, error(190), ConfigError],
    ["a right that is missing", 403, error(200), ConfigError],
    ["an account that is locked", 403, error(131_031), ConfigError],
    ["a bill that cannot be paid", 400, error(131_042), ConfigError],
    ["a number that is not registered", 400, error(133_010), ConfigError],
    ["too many calls", 429, error(130_429), TemporaryError],
    ["too many calls, with another status", 400, error(80_007), TemporaryError],
    ["maintenance", 500, error(131_057), TemporaryError],
    ["a failure of its own", 500, error(131_000), UnknownOutcomeError],
    ["a failure of its own, with another status", 400, error(2), UnknownOutcomeError],
    ["a day that is over", 400, error(131_047), ClosedWindowError],
    ["a template that there is none of", 404, error(132_001), RejectedError],
    ["nobody there", 400, error(131_026), RejectedError],
    ["a parameter", 400, error(100), RejectedError],
    ["nothing, on the way", 502, undefined, UnknownOutcomeError],
    ["nothing, and too quick", 429, "slow down", TemporaryError],
    ["nothing, and no right", 401, {}, ConfigError],
    ["nothing", 404, {}, RejectedError],
  ])("is of the class that says what to do: %s", (_, status, body, type) => {
    expect(refused(status, body)).toBeInstanceOf(type);
  });

  it.each([
    ["as long as it says", 429, error(130_429), "3", 3_000],
    ["six seconds for one person", 400, error(131_056), undefined, 6_000],
    ["a little otherwise", 429, {}, "soon", 5_000],
  ])("is waited for: %s", (_, status, body, retryAfter, retryAfterMs) => {
    expect(refused(status, body, retryAfter)).toMatchObject({ retryAfterMs });
  });

  it("holds what helps, and no token", () => {
    const { message } = refused(
      400,
      error(100, {
        message: `Malformed access token ${TOKEN}`,
        error_subcode: 33,
        error_data: { details: "the details" },
        fbtrace_id: "AbC",
      }),
    );

    expect(message).toContain("— the details (error 100/33, trace AbC)");
    expect(message).not.toContain(TOKEN);
  });
});
