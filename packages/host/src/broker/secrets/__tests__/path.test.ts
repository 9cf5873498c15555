import fc from "fast-check";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { liesBelow } from "../path.ts";

describe("a path below a prefix", () => {
  it.each([
    ["/repos", "/repos"],
    ["/repos/", "/repos"],
    ["/repos/a/b?x=/../..", "/repos"],
    ["/api/v4/projects/group%2Fproject", "/api/v4"],
    ["/repos/a..b/.hidden/v1.2", "/repos"],
    ["/repos//a", "/repos"],
    ["/repos/%C3%A4%20b", "/repos/"],
    ["/anything/../else", "/"],
  ])("is %s, below %s", (path, prefix) => {
    expect(liesBelow(path, prefix)).toBe(true);
  });

  it.each([
    ["/reposx", "it only begins alike"],
    ["/REPOS/a", "case counts"],
    ["//repos/a", "some servers begin anew at a //"],
    ["/repos/../admin", "it leads up"],
    ["/repos/..", "it leads up at the end"],
    ["/repos/%2e%2e/admin", "by encoded dots"],
    ["/repos/.%2E/admin", "by one of each"],
    ["/repos/a%2fb/%2e%2e/%2e%2e/admin", "for whoever decodes dots and no slashes"],
    ["/repos/..%2fadmin", "by an encoded slash"],
    ["/repos/..%5cadmin", "by an encoded backslash"],
    ["/repos/..\\admin", "by a backslash"],
    ["/repos/%252e%252e/admin", "decoded twice"],
    ["/repos/%25252e%25252e/admin", "decoded three times"],
    ["/repos/..;/admin", "by a parameter of a segment"],
    ["/repos/..;x=1/admin", "by a parameter with a value"],
    ["/repos/.. /admin".replace(" ", "%20"), "by a space that some systems drop"],
    ["/repos/%c0%ae%c0%ae/admin", "by an overlong dot"],
    ["/repos/%u002e%u002e/admin", "by another's encoding of a dot"],
    ["/repos/%00/admin", "by NUL"],
    ["/repos/a%0d%0aHost:b", "by a line break"],
    ["/repos#/../admin", "by a fragment"],
    ["/repos/..%3f/admin", "by a query that is none"],
    ["repos/a", "it is no path"],
    ["https://other.example/repos/a", "it is an address"],
    ["*", "it is everything"],
    ["/repos/ä", "it is not encoded"],
    ["", "it is empty"],
  ])("is not %s: %s", (path) => {
    expect(liesBelow(path, "/repos")).toBe(false);
  });

  it("is one that no way of reading it leads out of", () => {
    const piece = fc.constantFrom(
      ..."/ // \\ %2f %2F %5c . .. %2e %2E %252e %252f ; ;a=b ? %3f a repos admin %20 % %zz %c0%ae ..; x".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = `/repos/${pieces.join("")}`;
        if (!liesBelow(path, "/repos")) return;
        for (const read of readings(path)) expect(posix.normalize(`${read}/`)).toMatch(/^\/repos\//);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is any that plain programs ask for", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,10}$/);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), fc.string(), (names, query) => {
        const { pathname, search } = new URL(`https://x.example/repos/${names.join("/")}?${query}`);
        expect(liesBelow(pathname + search, "/repos")).toBe(true);
      }),
    );
  });
});

/** Ways of servers, written without a look at ours. */
function readings(target: string): string[] {
  const [path = ""] = target.split("?");
  const steps: ((text: string) => string)[] = [
    (text) => text.replaceAll(/%2e/gi, "."),
    (text) => text.replaceAll(/%2f/gi, "/"),
    (text) => text.replaceAll(/%5c/gi, "\\"),
    (text) => text.replaceAll("\\", "/"),
    (text) => text.replaceAll(/;[^/]*/g, ""),
    (text) => text.replaceAll(/%25/g, "%"),
    (text) => text.replaceAll(/\/+/g, "/"),
    (text) => text.replaceAll(/%3f.*/gi, ""),
  ];
  const found = new Set([path]);
  for (const one of found) for (const step of steps) found.add(step(one)); // what is added is read again too
  return [...found];
}
