import { describe, expect, it } from "vitest";
import { ConfigError, TemporaryError } from "@bellhop/sdk";
import { readMessage } from "../claude/events.ts";
import { resultFailure } from "../claude/failures.ts";
import { startFailure } from "../start-failure.ts";

describe("a failure of the claude engine", () => {
  it.each([
    ["nothing, when it is no error", { is_error: false }, undefined, undefined],
    [
      "stale, by the exact words",
      { errors: ["No message found with message.uuid of: x"] },
      undefined,
      "stale_position",
    ],
    [
      "stale, by the exact words",
      { errors: ["No conversation found with session ID: x"] },
      undefined,
      "stale_session",
    ],
    [
      "not stale for words of the model's",
      { result: "No conversation found with session ID: x" },
      undefined,
      "transient",
    ],
    [
      "not stale for words inside others",
      { errors: ["I said: No conversation found with session ID: x"] },
      undefined,
      "transient",
    ],
    [
      "overloaded, which is told as a server error",
      { api_error_status: 529 },
      "server_error",
      "rate_limited",
    ],
    ["limited", { api_error_status: 429 }, "rate_limit", "rate_limited"],
    ["the account's", { api_error_status: 402 }, "billing_error", "auth"],
    ["the server's", { api_error_status: 500 }, "server_error", "transient"],
    ["a connection's", { terminal_reason: "api_error" }, "unknown", "transient"],
    ["ours", { api_error_status: 400 }, "unknown", "permanent"],
    [
      "the model's refusal",
      { stop_reason: "refusal", terminal_reason: "api_error" },
      "invalid_request",
      "refused",
    ],
    ["a conversation too long", { terminal_reason: "prompt_too_long" }, "invalid_request", "overflow"],
    [
      "a stop",
      { terminal_reason: "aborted_tools", subtype: "error_during_execution" },
      undefined,
      "cancelled",
    ],
    ["a start that cannot be", { startup_failure_reason: "config_file_invalid" }, undefined, "permanent"],
    ["a full disk", { startup_failure_reason: "temp_dir_unusable" }, undefined, "resource"],
  ])("is %s", (_what, fields, error, expected) => {
    const { frames } = readMessage({ type: "result", subtype: "success", is_error: true, ...fields });
    const [frame] = frames;
    if (frame?.type !== "result") throw new Error("not a result");

    const failure = resultFailure(
      frame,
      error === undefined ? undefined : { type: "api-error", error, status: undefined },
    );

    expect(failure?.class).toBe(expected);
  });

  it("to start is the operator's where only the operator can mend it", () => {
    expect(startFailure(new ConfigError("install bubblewrap")).class).toBe("permanent");
    expect(startFailure(new TemporaryError("later")).class).toBe("transient");
  });

  it("blames nobody who was not asked", () => {
    expect(startFailure(new TemporaryError("no room")).words).toContain("sandbox");
  });
});
