import { describe, expect, it } from "vitest";
import { automatic } from "../automatic.ts";

function why(headers: Record<string, string>, from = "ann@example.org") {
  return automatic({
    header: (name) => headers[name],
    names: Object.keys(headers),
    from,
    ours: "bell@example.net",
  });
}

describe("a mail that no person wrote", () => {
  it.each([
    [{ "auto-submitted": "auto-replied" }],
    [{ "auto-submitted": "Auto-Generated (vacation)" }],
    [{ "auto-submitted": "normal" }],
    [{ precedence: "bulk" }],
    [{ precedence: " List" }],
    [{ precedence: "junk" }],
    [{ "list-id": "<kitchen.example.org>" }],
    [{ "list-unsubscribe": "<mailto:off@example.org>" }],
    [{ "x-auto-response-suppress": "All" }],
    [{ "x-autoreply": "yes" }],
    [{ "x-auto-respond": "1" }],
    [{ "return-path": "<>" }],
    [{ "content-type": "multipart/report; report-type=delivery-status" }],
  ])("is known by %o", (headers) => {
    expect(why(headers)).toEqual(expect.any(String));
  });

  it.each([
    "MAILER-DAEMON@example.org",
    "postmaster@example.org",
    "no-reply@example.org",
    "noreply+7@example.org",
    "bell@example.net",
  ])("is one from %s", (from) => {
    expect(why({}, from.toLowerCase())).toEqual(expect.any(String));
  });

  it.each([
    [{}],
    [{ "auto-submitted": "no" }],
    [{ "auto-submitted": "no (by hand)" }],
    [{ precedence: "first-class" }],
    [{ "return-path": "<ann@example.org>", "content-type": "text/plain" }],
    [{ "x-auto-response-suppress": "None" }],
    [{ "listed-in": "the book" }],
  ])("is none with %o", (headers) => {
    expect(why(headers)).toBeUndefined();
  });
});
