import { describe, expect, it } from "vitest";
import { failureOf, streamFailure, type ErrorAnswer } from "../failure.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const answer = (status: number, more: Partial<ErrorAnswer> = {}): ErrorAnswer => ({
  status,
  retryAfter: undefined,
  body: JSON.stringify({ type: "error", error: { type: "x_error", message: "why" } }),
  now: NOW,
  ...more,
});
const saying = (message: string) => JSON.stringify({ error: { type: "invalid_request_error", message } });

describe("a failure of the model API", () => {
  it.each([
    [429, "rate_limited"],
    [529, "rate_limited"],
    [401, "auth"],
    [402, "auth"],
    [403, "auth"],
    [400, "permanent"],
    [404, "permanent"],
    [413, "permanent"],
    [408, "transient"],
    [409, "transient"],
    [500, "transient"],
    [502, "transient"],
    [503, "transient"],
  ] as const)("with status %i is %s", (status, expected) => {
    expect(failureOf(answer(status))).toMatchObject({
      class: expected,
      detail: `the model API answered ${status}: why`,
    });
  });

  it.each([
    ["prompt is too long: 204867 tokens > 200000 maximum", "overflow"],
    ["input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000", "overflow"],
    ["Your credit balance is too low to access the Anthropic API.", "auth"],
    ["messages: at least one message is required", "permanent"],
  ] as const)("with status 400 and %j is %s", (message, expected) => {
    expect(failureOf(answer(400, { body: saying(message) })).class).toBe(expected);
  });

  it("waits as long as the provider says, in seconds or until a date", () => {
    const after = (retryAfter: string) => failureOf(answer(429, { retryAfter })).retryAfterMs;

    expect(after("3")).toBe(3000);
    expect(after("0")).toBe(0);
    expect(after("-1")).toBe(0);
    expect(after(new Date(NOW + 90_000).toUTCString())).toBe(90_000);
    expect(after(new Date(NOW - 90_000).toUTCString())).toBe(0);
    expect(after("soon")).toBeUndefined();
    expect(failureOf(answer(429)).retryAfterMs).toBeUndefined();
  });

  it("shows the beginning of a body that is not the API's", () => {
    expect(
      failureOf(answer(502, { body: `<html>Bad gateway</html>${"x".repeat(500)}` })).detail,
    ).toHaveLength("the model API answered 502: ".length + 200);
    expect(failureOf(answer(502, { body: "" })).detail).toBe("the model API answered 502");
  });

  it.each([
    ["overloaded_error", "rate_limited"],
    ["rate_limit_error", "rate_limited"],
    ["authentication_error", "auth"],
    ["invalid_request_error", "permanent"],
    ["api_error", "transient"],
    ["unheard_of", "transient"],
    ["constructor", "transient"],
  ] as const)("in the middle of a stream, %s, is %s", (type, expected) => {
    expect(streamFailure(type, "").class).toBe(expected);
  });
});
