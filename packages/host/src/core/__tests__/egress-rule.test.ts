import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Asked,
  covers,
  EgressRule,
  fits,
  hostOf,
  onWriteList,
  outlook,
  type PlacedRule,
  readPath,
  type RuleOrigin,
  ruleWords,
  targetOf,
  winner,
} from "../egress-rule.ts";

const rule = (host: string, more: Partial<EgressRule> = {}) => EgressRule.parse({ host, ...more });
const asked = (host: string, more: Partial<Asked> = {}): Asked => ({
  host,
  port: 443,
  method: "GET",
  path: "/",
  ...more,
});
const placed = (
  host: string,
  more: Partial<EgressRule> = {},
  origin: RuleOrigin = "install",
): PlacedRule => ({ rule: rule(host, more), origin, source: "a test" });

describe("a rule", () => {
  it.each([
    ["example.com", "example.com", true],
    ["example.com", "api.example.com", false],
    ["EXAMPLE.com.", "example.com", true],
    ["*.example.com", "api.example.com", true],
    ["*.example.com", "example.com", false],
    ["*.example.com", "a.b.example.com", false],
    ["*.example.com", "evilexample.com", false],
    ["**.example.com", "a.b.example.com", true],
    ["**.example.com", "example.com", false],
    ["api.*.example.com", "api.eu.example.com", true],
    ["api.*.example.com", "api.eu.evil.com", false],
    ["*.0.0.1", "127.0.0.1", false],
    ["1.2.3.4", "1.2.3.4", true],
    ["::1", "::1", true],
    ["[::1]", "::1", true],
  ])("for %s and the host %s: %s", (pattern, host, expected) => {
    expect(covers(rule(pattern), { host, port: 443 })).toBe(expected);
  });

  it("is for the two usual ports unless it names one", () => {
    const ports = [80, 443, 22, 8443];

    expect(ports.filter((port) => covers(rule("a.com"), { host: "a.com", port }))).toEqual([80, 443]);
    expect(ports.filter((port) => covers(rule("a.com", { port: 8443 }), { host: "a.com", port }))).toEqual([
      8443,
    ]);
  });

  it.each([
    ["/docs", "/docs", true],
    ["/docs", "/docs/a", true],
    ["/docs", "/documents", false],
    ["/docs/", "/docs/a", true],
    ["/docs/", "/docs", false],
    ["/", "/anything", true],
    ["/docs", "/Docs", false],
    ["/docs", "/d%6fcs/a", true],
    ["/docs", "/docs/..%2fadmin", false],
    ["/docs", "/docs/%2e%2e/admin", false],
    ["/docs", "/docs//x", false],
    ["/docs", "/docs%00", false],
    ["/docs", "/docs/%ff", false],
  ])("that allows the path %s fits %s: %s", (path, is, expected) => {
    expect(fits(rule("a.com", { path }), asked("a.com", { path: is }))).toBe(expected);
  });

  it.each(["/admin", "/ADMIN/x", "/%61dmin", "/x%2fadmin", "//admin", "/%ff"])(
    "that denies /admin also fits what could be read as it: %s",
    (path) => {
      expect(fits(rule("a.com", { path: "/admin", action: "deny" }), asked("a.com", { path }))).toBe(true);
    },
  );

  it("cannot allow every host there is, but deny it", () => {
    expect(() => rule("**")).toThrow(/every host/);
    expect(() => rule("*.*")).toThrow(/every host/);
    expect(covers(rule("**", { action: "deny" }), { host: "1.2.3.4", port: 443 })).toBe(true);
  });

  it.each(["http://a.com", "a.com/x", "a b", "a..b", "-", "a.com:80", "", "ex*mple.com", "a.**.com"])(
    "is not made of %s",
    (host) => {
      expect(EgressRule.safeParse({ host }).success).toBe(false);
    },
  );

  it("says in words what it is", () => {
    const words = ruleWords(rule("a.com", { methods: ["GET", "HEAD"], port: 8443, path: "/x", write: true }));

    expect(words).toBe("allow GET,HEAD a.com:8443/x (write)");
  });
});

describe("the rule that wins", () => {
  const arbitrary = fc.record({
    host: fc.constantFrom("a.com", "*.com", "**.com", "b.com"),
    port: fc.constantFrom(undefined, 443, 80),
    methods: fc.constantFrom<string[] | undefined>(undefined, ["GET"], ["POST"]),
    path: fc.constantFrom(undefined, "/", "/docs"),
    action: fc.constantFrom("allow" as const, "deny" as const),
    write: fc.boolean(),
    origin: fc.constantFrom("group" as const, "install" as const, "plugin" as const),
  });
  const rules = fc.array(
    arbitrary.map(({ origin, host, port, methods, path, ...more }): PlacedRule =>
      placed(
        host,
        { ...more, ...(port && { port }), ...(methods && { methods }), ...(path && { path }) },
        origin,
      ),
    ),
    { maxLength: 8 },
  );
  const request = fc.record({
    host: fc.constantFrom("a.com", "b.com", "x.y.com", "c.org"),
    port: fc.constantFrom(443, 80, 22),
    method: fc.constantFrom("GET", "POST"),
    path: fc.constantFrom("/", "/docs/1", "/other", "/docs%2fx"),
  });

  it("fits, is a deny wherever one fits, and does not depend on the order", () => {
    fc.assert(
      fc.property(rules, request, (all, one) => {
        const won = winner(all, one);
        const fitting = all.filter((placed) => fits(placed.rule, one));

        expect(won !== undefined).toBe(fitting.length > 0);
        if (!won) return;
        expect(fitting).toContain(won);
        expect(won.rule.action).toBe(fitting.some((a) => a.rule.action === "deny") ? "deny" : "allow");
        const reversed = winner(all.toReversed(), one);
        expect([reversed?.origin, reversed?.rule.action]).toEqual([won.origin, won.rule.action]);
      }),
    );
  });

  it("is never an allow for a host that was called denied, whatever is asked of it", () => {
    fc.assert(
      fc.property(rules, request, (all, one) => {
        const seen = outlook(all, one);

        const action = winner(all, one)?.rule.action;
        const expected = { denied: "deny", allowed: "allow", unknown: undefined, depends: action }[seen.kind];
        expect(action).toBe(expected);
      }),
    );
  });

  it("is the group's before the install's before a plugin's, and the narrower one first", () => {
    const all = [
      placed("a.com", {}, "plugin"),
      placed("*.com", {}, "install"),
      placed("a.com", {}, "install"),
      placed("**.com", {}, "group"),
    ];

    expect(winner(all, asked("a.com"))).toBe(all[3]);
    expect(winner(all.slice(0, 3), asked("a.com"))).toBe(all[2]);
    expect(winner(all.slice(0, 2), asked("a.com"))).toBe(all[1]);
  });

  it("lets tainted answers write only where an allow says so", () => {
    const all = [placed("a.com"), placed("b.com", { write: true, path: "/hooks" })];

    expect(onWriteList(all, asked("a.com"))).toBe(false);
    expect(onWriteList(all, asked("b.com"))).toBe(false);
    expect(onWriteList(all, asked("b.com", { path: "/hooks/1" }))).toBe(true);
  });
});

describe("a host", () => {
  it.each([
    ["EXAMPLE.com.", "example.com"],
    ["0x7f.1", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
    ["017700000001", "127.0.0.1"],
    ["[::1]", "::1"],
    ["::FFFF:7f00:1", "::ffff:7f00:1"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["a b", undefined],
    ["user@host", undefined],
    ["a/b", undefined],
    ["a%2eb", undefined],
    ["", undefined],
  ])("%s is %s", (text, expected) => {
    expect(hostOf(text)).toBe(expected);
  });

  it("stands before a port in what a proxy is asked for", () => {
    expect(targetOf("a.com:443")).toEqual({ host: "a.com", port: 443 });
    expect(targetOf("[::1]:8080")).toEqual({ host: "::1", port: 8080 });
    expect(targetOf("a.com", 80)).toEqual({ host: "a.com", port: 80 });
    for (const text of ["a.com", "a.com:0", "a.com:70000", ":443", "a.com:443:1", "http://a.com:80"]) {
      expect(targetOf(text)).toBeUndefined();
    }
  });

  it("of whatever text is a name or an address that reads back as itself", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const host = hostOf(text);
        expect(host === undefined ? undefined : hostOf(host)).toBe(host);
      }),
    );
  });
});

describe("a path", () => {
  it("is read as servers read it", () => {
    expect(readPath("/a/../b?c=/../d")).toEqual({ path: "/b", search: "?c=/../d" });
    expect(readPath("/a/%2e%2e/b")).toEqual({ path: "/b", search: "" });
    expect(readPath("\\a")).toBeUndefined();
    expect(readPath("*")).toBeUndefined();
  });
});
