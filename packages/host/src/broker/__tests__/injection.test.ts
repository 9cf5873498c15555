import fc from "fast-check";
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, it } from "vitest";
import { RejectedError } from "@bellhop/sdk";
import { GroupFolder } from "../../core/ids.ts";
import { createInjection, type HeldSecret, type InjectionRequest } from "../injection.ts";
import { scrubText } from "../scrub.ts";
import { Binding } from "../secrets/binding.ts";
import { SecretName } from "../secrets/file.ts";

const VALUE = "v4lue/of+it=&u?";
const family = GroupFolder.parse("family");
const PLACEHOLDER = "bellhop-secret-WIKI_TOKEN";
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

function held(name: string, value: string | undefined, ...bind: object[]): HeldSecret {
  return {
    name: SecretName.parse(name),
    value,
    why: value === undefined ? "the vault is locked" : undefined,
    bind: bind.map((one) => Binding.parse(one)),
  };
}

function given(...secrets: HeldSecret[]) {
  const uses: string[] = [];
  const missing: string[] = [];
  const injection = createInjection({
    secretsOf: (group) => (group === family ? secrets : []),
    onMissing: (name) => void missing.push(name),
    onUse: ({ name, group, host, method }) => void uses.push(`${name} ${group} ${method} ${host}`),
  });
  const apply = (request: Partial<InjectionRequest> = {}) =>
    injection.apply({
      group: family,
      host: "wiki.example",
      port: 443,
      method: "GET",
      path: "/page",
      headers: {},
      ...request,
    });
  return { injection, apply, uses, missing };
}

const bearer = { host: "wiki.example", as: "bearer" };

describe("a secret", () => {
  it("takes the place of its placeholder as it is bound: bearer, header, query, basic", () => {
    const { apply, uses } = given(
      held("WIKI_TOKEN", VALUE, bearer, { host: "git.example", as: "basic", user: "git" }),
      held("API_KEY", "the key of it", { host: "wiki.example", as: "header", name: "X-Key" }),
      held("MAP_KEY", VALUE, { host: "maps.example", as: "query", name: "key" }),
      held("LOGIN", "ann:pass word", { host: "mail.example", as: "basic" }),
    );

    expect(apply({ headers: { authorization: `Bearer ${PLACEHOLDER}`, accept: "*/*" } })).toMatchObject({
      headers: { authorization: `Bearer ${VALUE}`, accept: "*/*" },
      used: ["WIKI_TOKEN"],
    });
    expect(apply({ headers: { "x-key": "bellhop-secret-API_KEY" } }).headers["x-key"]).toBe("the key of it");
    expect(apply({ host: "maps.example", path: `/t?a=%20b&key=bellhop-secret-MAP_KEY&c` }).path).toBe(
      `/t?a=%20b&key=${encodeURIComponent(VALUE)}&c`,
    );
    expect(
      apply({ host: "GIT.example.", headers: { authorization: basic(`me:${PLACEHOLDER}`) } }).headers,
    ).toEqual({
      authorization: basic(`git:${VALUE}`),
    });
    expect(
      apply({ host: "mail.example", headers: { authorization: basic("bellhop-secret-LOGIN:") } }).headers,
    ).toEqual({
      authorization: basic("ann:pass word"),
    });
    expect(uses).toHaveLength(5);
    expect(uses[0]).toBe("WIKI_TOKEN family GET wiki.example");
  });

  it("is put in unasked only where its binding says so and nothing stands there", () => {
    const asked = given(held("WIKI_TOKEN", VALUE, bearer));
    const unasked = given(held("WIKI_TOKEN", VALUE, { ...bearer, always: true }));

    expect(asked.apply()).toMatchObject({ headers: {}, used: [] });
    expect(unasked.apply()).toMatchObject({
      headers: { authorization: `Bearer ${VALUE}` },
      used: ["WIKI_TOKEN"],
    });
    expect(unasked.apply({ headers: { authorization: "Bearer mine" } }).headers).toEqual({
      authorization: "Bearer mine",
    });
  });

  it.each<[string, Partial<InjectionRequest>]>([
    ["to another host, such as one that a redirect leads to", { host: "other.example" }],
    ["to a name below its host", { host: "a.wiki.example" }],
    ["to another port", { port: 8443 }],
    ["by another method", { method: "DELETE" }],
    ["by a method that hides behind another", { headers: { "x-http-method-override": "DELETE" } }],
    ["to a path beside its own", { path: "/api/../admin" }],
    ["to a path that hides behind another", { headers: { "x-original-url": "/admin" } }],
    ["by TRACE, which only sends it back", { method: "TRACE" }],
  ])("is not sent %s", (_what, { headers, ...request }) => {
    const { apply, uses } = given(
      held("WIKI_TOKEN", VALUE, { ...bearer, methods: ["GET", "POST"], path: "/api" }),
    );
    const credential = { authorization: `Bearer ${PLACEHOLDER}` };
    expect(apply({ path: "/api/x", headers: credential }).used).toEqual(["WIKI_TOKEN"]);

    expect(() => apply({ path: "/api/x", ...request, headers: { ...credential, ...headers } })).toThrow(
      /WIKI_TOKEN is not bound to .*It is bound to: wiki\.example, GET POST, below \/api, as bearer/,
    );
    expect(uses).toHaveLength(1);
  });

  it("goes into no other place of a request to its own host", () => {
    const { apply } = given(held("WIKI_TOKEN", VALUE, bearer));

    for (const odd of [
      { path: `/page?q=${PLACEHOLDER}` },
      { path: "/page?q=bellhop%2Dsecret-WIKI_TOKEN" },
      { path: `/${PLACEHOLDER}` },
      { headers: { "user-agent": PLACEHOLDER } },
      { headers: { authorization: `Bearer x${PLACEHOLDER}` } },
      { headers: { authorization: `Bearer ${PLACEHOLDER}, ${PLACEHOLDER}` } },
      { headers: { authorization: basic(`me:${PLACEHOLDER}`) } },
      { headers: { "set-cookie": [PLACEHOLDER] } },
    ]) {
      expect(() => apply(odd)).toThrow(/goes to wiki\.example as .* and nowhere else of a request/);
    }
  });

  it("is not that of a longer name, nor another group's", () => {
    const { apply, injection } = given(
      held("WIKI", "short value", { host: "wiki.example", as: "header", name: "x-key" }),
    );

    expect(() => apply({ headers: { "x-key": "bellhop-secret-WIKI_TOKEN" } })).toThrow(
      "There is no secret WIKI_TOKEN in this group.",
    );
    expect(() =>
      apply({ group: GroupFolder.parse("kids"), headers: { "x-key": "bellhop-secret-WIKI" } }),
    ).toThrow(/no secret WIKI in this group/);
    expect(injection.binds(GroupFolder.parse("kids"), "wiki.example", 443)).toBe(false);
  });

  it("without a value says why, and is wanted again", () => {
    const { apply, injection, missing } = given(held("WIKI_TOKEN", undefined, bearer));

    expect(injection.binds(family, "wiki.example", 443)).toBe(true);
    expect(() => apply({ headers: { authorization: `Bearer ${PLACEHOLDER}` } })).toThrow(
      /the vault is locked/,
    );
    expect(missing).toEqual(["WIKI_TOKEN"]);
  });

  it("is known in what comes back, in every form that a server may repeat it in", () => {
    const { apply } = given(
      held(
        "WIKI_TOKEN",
        VALUE,
        { ...bearer, always: true },
        { host: "wiki.example", as: "basic", user: "git" },
      ),
    );
    const { scrub } = apply();
    const pair = `git:${VALUE}`;

    for (const text of [VALUE, pair]) {
      for (const echo of [
        text,
        encodeURIComponent(text),
        new URLSearchParams({ q: text }).toString(),
        JSON.stringify({ text }),
        Buffer.from(text).toString("base64"),
        Buffer.from(text).toString("base64url"),
      ]) {
        const left = scrubText(`before ${echo} after`, scrub);
        expect(left).not.toContain(VALUE);
        expect(left).toContain("***");
      }
    }
  });
});

describe("whatever an agent sends", () => {
  const text = fc.oneof(
    fc.constantFrom(
      PLACEHOLDER,
      `Bearer ${PLACEHOLDER}`,
      basic(`x:${PLACEHOLDER}`),
      "bellhop-secret-",
      "%2e",
    ),
    fc.string({ maxLength: 20 }),
  );
  const headers: fc.Arbitrary<IncomingHttpHeaders> = fc.dictionary(
    fc.constantFrom("authorization", "x-key", "user-agent", "cookie", "referer", "x-http-method-override"),
    text,
  );

  it("a secret leaves only for its host, by its methods, and in its one place", () => {
    const { apply } = given(
      held("WIKI_TOKEN", "a-value-like-no-other", { ...bearer, methods: ["GET"], path: "/api" }),
    );
    let left = 0;

    fc.assert(
      fc.property(
        fc.constantFrom(
          "wiki.example",
          "WIKI.example",
          "wiki.example.",
          "evil.example",
          "wiki.example.evil.example",
        ),
        fc.constantFrom(443, 80),
        fc.constantFrom("GET", "HEAD", "POST", "get"),
        fc.array(text, { maxLength: 3 }).map((parts) => `/api/${parts.join("/")}`),
        // Often enough as it should be, so that some of them do leave with it.
        fc.oneof(headers, fc.constant({ authorization: `Bearer ${PLACEHOLDER}` })),
        (host, port, method, path, given) => {
          const sent = outcome(() => apply({ host, port, method, path, headers: given }));
          if (sent instanceof RejectedError) return !sent.message.includes("a-value-like-no-other");
          if (!JSON.stringify([sent.path, sent.headers]).includes("a-value-like-no-other")) return true;
          left += 1;
          expect(host.toLowerCase().replace(/\.$/, "")).toBe("wiki.example");
          expect([port, ["GET", "HEAD"].includes(method)]).toEqual([443, true]);
          expect(sent.path).toBe(path);
          expect({ ...sent.headers, authorization: given.authorization }).toEqual(given);
          expect(sent.headers["authorization"]).toBe("Bearer a-value-like-no-other");
          expect(sent.scrub).toContain("a-value-like-no-other");
          return true;
        },
      ),
      { numRuns: 5_000 },
    );

    expect(left).toBeGreaterThan(0);
  });
});

describe("a binding", () => {
  it.each([
    "*",
    "*.com",
    "a.*.com",
    "wiki..example",
    "-a.example",
    "wiki.example/x",
    "a b.example",
    "https://wiki.example",
  ])("takes no host such as %s", (host) => {
    expect(Binding.safeParse({ host, as: "bearer" }).success).toBe(false);
  });

  it.each([
    { path: "api" },
    { path: "/a/../b" },
    { path: "/a//b" },
    { path: "/%61" },
    { methods: ["TRACE"] },
    { methods: [] },
    { as: "header", name: "Host" },
    { as: "header", name: "Content-Length" },
    { as: "header", name: "x y" },
    { as: "query", name: "a=b" },
    { as: "basic", user: "a:b" },
    { paht: "/x" },
  ])("takes nothing that would break or widen a request: %o", (odd) => {
    expect(Binding.safeParse({ host: "wiki.example", as: "bearer", ...odd }).success).toBe(false);
  });

  it("takes a star for one label each", () => {
    const { injection } = given(held("WIKI_TOKEN", VALUE, { host: "*.wiki.example", as: "bearer" }));
    const binds = (host: string) => injection.binds(family, host, 443);

    expect([
      binds("a.wiki.example"),
      binds("wiki.example"),
      binds("a.b.wiki.example"),
      binds(".wiki.example"),
    ]).toEqual([true, false, false, false]);
  });
});

/** What it returns, or the refusal. */
function outcome<T>(act: () => T): T | RejectedError {
  try {
    return act();
  } catch (error) {
    if (error instanceof RejectedError) return error;
    throw error;
  }
}
