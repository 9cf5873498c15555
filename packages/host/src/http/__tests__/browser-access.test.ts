import { describe, expect, it } from "vitest";
import { fakeClock, type FakeClock } from "../../core/testing.ts";
import { LoginCode } from "../schemas.ts";
import { HOST, type House, openHouse, SOCKET, TCP } from "./house.ts";

const ORIGIN = `http://${HOST.host}`;
const SAME_ORIGIN = { origin: ORIGIN, "sec-fetch-site": "same-origin" };
const PAGE = { ...SAME_ORIGIN, "x-bellhop": "web", "content-type": "application/json" };
const DAY = 24 * 60 * 60_000;

async function newCode({ app }: House): Promise<string> {
  const response = await app.request("/api/v1/login-codes", { method: "POST" }, SOCKET);
  return LoginCode.parse(await response.json()).code;
}

function logIn({ app }: House, code: string, headers: Record<string, string> = PAGE, remote = "127.0.0.1") {
  const init = { method: "POST", headers: { ...HOST, ...headers }, body: JSON.stringify({ code }) };
  return app.request("/login", init, { ...TCP, remote });
}

/** The cookie of a browser that has logged in. */
async function loggedIn(house: House): Promise<string> {
  const response = await logIn(house, await newCode(house));
  expect(response.status).toBe(204);
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

function post({ app }: House, cookie: string, headers: Record<string, string>) {
  const init = { method: "POST", headers: { ...HOST, cookie, ...headers }, body: "{}" };
  return app.request("/api/v1/chats", init, TCP);
}

describe("a login link", () => {
  it("logs one browser in, once", async () => {
    const house = await openHouse();
    const code = await newCode(house);

    const first = await logIn(house, code);
    const second = await logIn(house, code);

    expect(first.status).toBe(204);
    expect(second.status).toBe(401);
    const cookie = first.headers.get("set-cookie");
    expect(cookie).toMatch(/^bellhop-7407=[\w-]{32}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  it("is worth nothing after ten minutes", async () => {
    const clock = fakeClock();
    const house = await openHouse({ clock });
    const code = await newCode(house);

    clock.advance(10 * 60_000);

    expect((await logIn(house, code)).status).toBe(401);
  });

  it("is stored as a hash only, and so is the login", async () => {
    const house = await openHouse();
    const code = await newCode(house);
    const cookie = await loggedIn(house);

    const rows = JSON.stringify(await house.db.selectFrom("tokens").selectAll().execute());

    expect(rows).not.toContain(code);
    expect(rows).not.toContain(cookie.split("=")[1]);
  });

  it("may be guessed at ten times a minute from one address, and never by another web site", async () => {
    const clock = fakeClock();
    const house = await openHouse({ clock });
    const foreign = { ...PAGE, origin: "http://127.0.0.1:3000", "sec-fetch-site": "same-site" };
    for (let n = 0; n < 20; n++) expect((await logIn(house, "guess", foreign)).status).toBe(403);
    for (let n = 0; n < 10; n++) expect((await logIn(house, "guess")).status).toBe(401);

    const stopped = await logIn(house, await newCode(house));
    expect(stopped.status).toBe(503);
    expect(stopped.headers.get("retry-after")).toBe("60");
    expect((await logIn(house, await newCode(house), PAGE, "10.0.0.2")).status).toBe(204);

    clock.advance(60_000);
    expect((await logIn(house, await newCode(house))).status).toBe(204);
  });
});

describe("a web login", () => {
  async function opens({ app }: House, cookie: string, host = HOST.host) {
    return (await app.request("/api/v1/chats", { headers: { host, cookie } }, TCP)).status;
  }

  it("lasts thirty days from its last use, and is prolonged at most once a day", async () => {
    const clock: FakeClock = fakeClock();
    const house = await openHouse({ clock });
    const cookie = await loggedIn(house);
    const use = async () => await house.app.request("/", { headers: { ...HOST, cookie } }, TCP);

    clock.advance(DAY / 2);
    expect((await use()).headers.get("set-cookie")).toBeNull();
    clock.advance(DAY);
    expect((await use()).headers.get("set-cookie")).toContain(cookie);
    clock.advance(29 * DAY);
    expect(await opens(house, cookie)).toBe(200);
    clock.advance(30 * DAY);
    expect(await opens(house, cookie)).toBe(401);
  });

  it("ends with the logout, for whoever holds the cookie", async () => {
    const house = await openHouse();
    const cookie = await loggedIn(house);

    const init = { method: "POST", headers: { ...HOST, ...PAGE, cookie }, body: "{}" };
    expect((await house.app.request("/logout", init, TCP)).status).toBe(204);

    expect(await opens(house, cookie)).toBe(401);
  });

  it("chats and reads, and administers nothing", async () => {
    const house = await openHouse();
    const cookie = await loggedIn(house);

    const tokens = await house.app.request("/api/v1/tokens", { headers: { ...HOST, cookie } }, TCP);

    expect(await opens(house, cookie)).toBe(200);
    expect(tokens.status).toBe(403);
  });

  it("does not help a wrong bearer token", async () => {
    const house = await openHouse();
    const headers = { ...HOST, cookie: await loggedIn(house), authorization: "Bearer wrong" };

    expect((await house.app.request("/api/v1/chats", { headers }, TCP)).status).toBe(401);
  });

  it("opens nothing over a name that is not ours, as after DNS rebinding", async () => {
    const house = await openHouse();
    const cookie = await loggedIn(house);

    expect(await opens(house, cookie, "evil.example:7407")).toBe(403);
    expect(await opens(house, cookie, "127.0.0.1.evil.example:7407")).toBe(403);
    expect(await opens(house, cookie, "")).toBe(403);
  });
});

describe("the Host of a request", () => {
  it.each(["127.0.0.1:7407", "localhost", "LOCALHOST:80", "[::1]:7407", "bellhop.example"])(
    "may be %s",
    async (host) => {
      const { app } = await openHouse();
      expect((await app.request("/healthz", { headers: { host } }, TCP)).status).toBe(200);
    },
  );

  it.each(["evil.example", "localhost.evil.example", "127.0.0.2", "localhost:7407:1", "user@localhost"])(
    "may not be %s, not even for the login page",
    async (host) => {
      const { app } = await openHouse();
      for (const path of ["/healthz", "/login", "/assets/chat.js"]) {
        expect((await app.request(path, { headers: { host } }, TCP)).status).toBe(403);
      }
    },
  );
});

describe("a change by cookie", () => {
  it("is made by our own page", async () => {
    const house = await openHouse();

    expect((await post(house, await loggedIn(house), PAGE)).status).toBe(201);
  });

  const json = { "content-type": "application/json" };
  it.each([
    ["without a word where it comes from", { "x-bellhop": "web", ...json }],
    ["without our header", { ...SAME_ORIGIN, ...json }],
    ["from another site", { ...PAGE, origin: "https://evil.example" }],
    ["from another port of this machine", { ...PAGE, origin: "http://127.0.0.1:3000" }],
    ["from a sandboxed frame", { ...PAGE, origin: "null" }],
    ["from a page that the browser calls same-site only", { ...PAGE, "sec-fetch-site": "same-site" }],
    ["from a form", { ...SAME_ORIGIN, "x-bellhop": "web", "content-type": "text/plain" }],
  ])("is refused %s", async (_, headers) => {
    const house = await openHouse();

    const response = await post(house, await loggedIn(house), headers);

    expect(response.status).toBe(
      "content-type" in headers && headers["content-type"] === "text/plain" ? 400 : 403,
    );
    expect(await house.deps.chats.list()).toEqual([]);
  });
});

describe("every answer", () => {
  it("forbids framing, sniffing, inline script and telling where one came from", async () => {
    const { app } = await openHouse();
    for (const path of ["/login", "/api/v1/chats", "/assets/chat.js", "/nothing/here", "/healthz"]) {
      const { headers } = await app.request(path, { headers: HOST }, TCP);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("the assets", () => {
  it("are kept by browsers under the address of their version", async () => {
    const { app } = await openHouse();
    const page = await (await app.request("/login", { headers: HOST }, TCP)).text();
    const [address = ""] = /\/assets\/login\.js\?v=[\w-]+/.exec(page) ?? [];

    const first = await app.request(address, { headers: HOST }, TCP);
    const etag = first.headers.get("etag") ?? "";
    const again = await app.request(address, { headers: { ...HOST, "if-none-match": etag } }, TCP);

    expect(first.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(first.headers.get("cache-control")).toContain("immutable");
    expect(again.status).toBe(304);
  });

  it.each(["/assets/..%2fhttp.ts", "/assets/%2e%2e/http.ts", "/assets/none.js"])(
    "are no way to %s",
    async (path) => {
      const { app } = await openHouse();
      expect((await app.request(path, { headers: HOST }, TCP)).status).toBe(404);
    },
  );
});

describe("somebody who is not logged in", () => {
  it.each(["/", "/chats/new", "/chats/web%3Amain"])("is sent from %s to the login", async (path) => {
    const { app } = await openHouse();

    const response = await app.request(path, { headers: HOST }, TCP);

    expect([response.status, response.headers.get("location")]).toEqual([302, "/login"]);
  });
});
