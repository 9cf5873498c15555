import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError, WireError } from "@bellhop/sdk";
import { GrammyError, HttpError } from "grammy/web";
import { describe, expect, it } from "vitest";
import { mapped, MovedError, UnparsedError, WebhookSetError } from "../errors.ts";

const said = (error_code: number, description: string, parameters = {}) =>
  new GrammyError("no", { ok: false, error_code, description, parameters }, "sendMessage", {});
const wire = (written: boolean, status?: number) =>
  new HttpError("no", new WireError("broken", { written, status }));

describe("what went wrong with a call", () => {
  it.each([
    ["no connection", wire(false), TemporaryError],
    ["no answer", wire(true), UnknownOutcomeError],
    ["half an answer", wire(true, 200), UnknownOutcomeError],
    ["a bad gateway", wire(true, 502), UnknownOutcomeError],
    ["a proxy that refuses", wire(true, 413), RejectedError],
    ["something unforeseen", new HttpError("no", new Error("what?")), UnknownOutcomeError],
    ["429", said(429, "Too Many Requests: retry after 7", { retry_after: 7 }), TemporaryError],
    ["500", said(500, "Internal Server Error"), UnknownOutcomeError],
    ["401", said(401, "Unauthorized"), ConfigError],
    ["a token that is none", said(404, "Not Found"), ConfigError],
    ["a second poller", said(409, "Conflict: terminated by other getUpdates request"), ConfigError],
    [
      "a webhook",
      said(409, "Conflict: can't use getUpdates method while webhook is active"),
      WebhookSetError,
    ],
    ["no such chat", said(400, "Bad Request: chat not found"), RejectedError],
    ["a bot that was blocked", said(403, "Forbidden: bot was blocked by the user"), RejectedError],
    ["a group that moved", said(400, "Bad Request: upgraded", { migrate_to_chat_id: -100 }), MovedError],
    ["markup that it cannot read", said(400, "Bad Request: can't parse entities: x"), UnparsedError],
  ])("is told of %s by the class that says what to do next", (_, error, wanted) => {
    const told = mapped("sendMessage", error);

    expect(told.constructor).toBe(wanted);
    expect(told.cause).toBeDefined();
  });

  it("says how long Telegram asks to wait", () => {
    const told = mapped("sendMessage", said(429, "Too Many Requests", { retry_after: 7 }));

    expect(told).toMatchObject({ retryAfterMs: 7_000 });
  });
});
