import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError, WireError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { closed, failed, refused, SessionOverError } from "../errors.ts";

const wire = (written: boolean, status?: number) => new WireError("broken", { written, status });

describe("what went wrong with a call", () => {
  it.each([
    ["no connection", failed("it", wire(false)), TemporaryError],
    ["no answer", failed("it", wire(true)), UnknownOutcomeError],
    ["half an answer", failed("it", wire(true, 200)), UnknownOutcomeError],
    ["a bad gateway", failed("it", wire(true, 502)), UnknownOutcomeError],
    ["401", refused("it", 401, { message: "401: Unauthorized", code: 0 }), ConfigError],
    ["403", refused("it", 403, { message: "Missing Access", code: 50001 }), RejectedError],
    ["404", refused("it", 404, { message: "Unknown Channel", code: 10003 }), RejectedError],
    ["413", refused("it", 413, undefined), RejectedError],
    ["429", refused("it", 429, { message: "slow", retry_after: 7 }), TemporaryError],
    ["500", refused("it", 500, { message: "500" }), UnknownOutcomeError],
  ])("is told of %s by the class that says what to do next", (_, told, wanted) => {
    expect(told.constructor).toBe(wanted);
    expect(told.cause).toBeDefined();
  });

  it.each([
    ["in the answer", { retry_after: 0.25 }, undefined, 250],
    ["by a server before it", undefined, "7", 7_000],
    ["not at all", undefined, undefined, 1_000],
  ])("says how long Discord asks to wait: %s", (_, body, retryAfter, ms) => {
    expect(refused("it", 429, body, { retryAfter })).toMatchObject({ retryAfterMs: ms });
  });

  it("says which part of a body is wrong, and which permission is missing", () => {
    const tree = {
      content: { _errors: [{ code: "BASE_TYPE_MAX_LENGTH", message: "Must be 2000 or fewer" }] },
    };

    expect(String(refused("it", 400, { message: "Invalid Form Body", code: 50035, errors: tree }))).toContain(
      "Must be 2000 or fewer",
    );
    expect(String(refused("it", 403, { message: "Missing Permissions", code: 50013 }))).toContain(
      "Send Messages",
    );
  });
});

describe("the code with which the gateway closes", () => {
  it.each([
    [4004, "channels connect discord"],
    [4010, "4010"],
    [4011, "several connections"],
    [4012, "update Bellhop"],
    [4013, "update Bellhop"],
    [4014, "Message Content Intent"],
  ])("%i is for its operator, with a sentence", (code, words) => {
    expect(closed(code)).toBeInstanceOf(ConfigError);
    expect(closed(code).message).toContain(words);
  });

  it.each([4007, 4009])("%i ends the session", (code) => {
    expect(closed(code)).toBeInstanceOf(SessionOverError);
  });

  it.each([1000, 1006, 4000, 4008])("%i is over by itself", (code) => {
    expect(closed(code).constructor).toBe(TemporaryError);
  });
});
