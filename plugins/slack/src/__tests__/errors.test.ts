import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError, WireError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { failed, refused, ScopeError } from "../errors.ts";

const wire = (written: boolean, status?: number) =>
  new WireError("the connection failed", { cause: new Error("ECONNRESET"), written, status });

describe("what Slack says no with", () => {
  it.each([
    ["invalid_auth", ConfigError, "bellhop channels connect slack"],
    ["account_inactive", ConfigError, "taken out of its workspace"],
    ["token_revoked", ConfigError, "revoked"],
    ["not_allowed_token_type", ConfigError, "mixed up"],
    ["missing_scope", ScopeError, "files:write"],
    ["ratelimited", TemporaryError, "asks to wait"],
    ["fatal_error", UnknownOutcomeError, "fatal_error"],
    ["is_archived", RejectedError, "the channel is archived"],
    ["something_new", RejectedError, "something_new"],
  ])("%s has the class that says what to do next, and a sentence", (error, kind, sentence) => {
    const thrown = refused("chat.postMessage", { error, needed: "files:write" }, 3_000);

    expect(thrown).toBeInstanceOf(kind);
    expect(thrown.message).toContain(sentence);
  });

  it("says for how long to wait", () => {
    expect(refused("x", { error: "ratelimited" }, 3_000)).toMatchObject({ retryAfterMs: 3_000 });
  });
});

describe("a call without an answer", () => {
  it.each([
    ["no connection", wire(false), TemporaryError],
    ["no answer", wire(true), UnknownOutcomeError],
    ["a page in the place of an answer", wire(true, 200), UnknownOutcomeError],
    ["a proxy that refuses", wire(true, 407), RejectedError],
    ["what nobody foresaw", new TypeError("x"), UnknownOutcomeError],
  ])("is %s", (_, cause, kind) => {
    expect(failed("chat.postMessage", cause)).toBeInstanceOf(kind);
  });
});
