import { type RouteRequest, type RouteResponse, TemporaryError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { createApp } from "../app.ts";
import { HOST, openHouse, SOCKET, TCP } from "./house.ts";

const MiB = 1024 * 1024;

async function given(answer: (request: RouteRequest) => Promise<RouteResponse> | RouteResponse) {
  const clock = fakeClock();
  const house = await openHouse({ clock });
  const asked: RouteRequest[] = [];
  const state = { draining: false };
  const app = createApp({
    ...house.deps,
    plugins: {
      routeOf: (name) =>
        name === "hook"
          ? async (request) => {
              asked.push(request);
              return await answer(request);
            }
          : undefined,
      draining: () => state.draining,
    },
  });
  const request = async (path: string, init: RequestInit = {}, env: typeof TCP | typeof SOCKET = TCP) =>
    await app.request(
      path,
      { ...init, headers: { ...HOST, ...Object.fromEntries(new Headers(init.headers)) } },
      env,
    );
  return { ...house, clock, app, asked, state, request };
}

const OK = () => ({ status: 200, body: "ok" });

describe("/plugins/NAME/", () => {
  it("gives the plugin the request as it came, without anybody's login", async () => {
    const { request, asked } = await given(() => ({
      status: 202,
      headers: { "Content-Type": "application/json" },
      body: '{"taken":true}',
    }));
    const body = Buffer.from([0, 255, 10, 13, 200]);

    const response = await request("/plugins/hook/a%20b/c?x=1&y=%C3%A4", {
      method: "POST",
      headers: { "X-Signature": "sha256=abc", Authorization: "Bearer theirs", "Content-Type": "image/png" },
      body,
    });

    expect([response.status, await response.json()]).toEqual([202, { taken: true }]);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      method: "POST",
      path: "/a%20b/c",
      query: { x: "1", y: "ä" },
      headers: { "x-signature": "sha256=abc", authorization: "Bearer theirs", "content-type": "image/png" },
      remote: "127.0.0.1",
    });
    expect(Buffer.from(asked[0]?.body ?? [])).toEqual(body);
  });

  it.each(["/plugins/hook", "/plugins/hook/"])("is the plugin's own page: %s", async (path) => {
    const { request, asked } = await given(OK);

    expect((await request(path)).status).toBe(200);
    expect(asked).toMatchObject([{ path: "/", method: "GET" }]);
  });

  it.each(["/plugins/other/x", "/plugins/", "/plugins/hook2"])(
    "is not there where no plugin answers: %s",
    async (path) => {
      const { request, asked } = await given(OK);

      expect((await request(path)).status).toBe(404);
      expect(asked).toEqual([]);
    },
  );

  it("passes on no cookie of ours", async () => {
    const { request, asked } = await given(OK);

    await request("/plugins/hook/x", { headers: { cookie: "bellhop-7407=secret" } });

    expect(JSON.stringify(asked)).not.toContain("secret");
    expect(asked[0]?.headers).not.toHaveProperty("cookie");
  });

  it("lets out what a webhook needs, and nothing that could loosen what holds for our own pages", async () => {
    const { request } = await given(() => ({
      status: 200,
      headers: {
        "content-type": "text/html",
        "retry-after": "7",
        "set-cookie": "bellhop-7407=stolen",
        "Content-Security-Policy": "default-src *",
        "access-control-allow-origin": "*",
        "service-worker-allowed": "/",
        "x-frame-options": "ALLOW",
        "clear-site-data": "*",
      },
      body: "<script>alert(1)</script>",
    }));

    const { headers } = await request("/plugins/hook/x");

    expect(headers.get("retry-after")).toBe("7");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
    expect(headers.get("x-frame-options")).toBe("DENY");
    for (const name of [
      "set-cookie",
      "access-control-allow-origin",
      "service-worker-allowed",
      "clear-site-data",
    ])
      expect(headers.has(name)).toBe(false);
  });

  it("refuses what is too large, whether it says so or not", async () => {
    const { request, asked } = await given(OK);
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    });
    const unsaid = { method: "POST", body: endless, duplex: "half" } as RequestInit;

    const said = await request("/plugins/hook/x", {
      method: "POST",
      headers: { "content-length": String(MiB + 1) },
      body: new Uint8Array(1),
    });

    expect([said.status, (await request("/plugins/hook/x", unsaid)).status]).toEqual([413, 413]);
    expect(asked).toEqual([]);
    const fits = await request("/plugins/hook/x", { method: "POST", body: new Uint8Array(MiB) });
    expect(fits.status).toBe(200);
  });

  it("tells the caller to come again while the host drains, so that a platform keeps what it has", async () => {
    const { request, asked, state } = await given(OK);
    state.draining = true;

    const response = await request("/plugins/hook/x", { method: "POST" });

    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(asked).toEqual([]);
  });

  it("ends a request that takes too long", async () => {
    const { request, clock } = await given(() => new Promise<RouteResponse>(() => undefined));

    const asked = request("/plugins/hook/x");
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000);

    expect((await asked).status).toBe(504);
  });

  it.each([
    ["is not up", () => Promise.reject(new TemporaryError("it restarts")), 503],
    ["throws", () => Promise.reject(new Error("a secret detail")), 502],
    ["answers a status that is none", () => ({ status: 42 }), 502],
    ["answers a header that is none", () => ({ status: 200, headers: { location: "a\nb" } }), 502],
  ])("says that the plugin failed, and no more, when it %s", async (_how, answer, status) => {
    const { request } = await given(answer);

    const response = await request("/plugins/hook/x");

    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("secret detail");
  });

  it("takes so many from one address in a minute, and as many from another", async () => {
    const { request, app, clock } = await given(OK);
    for (let i = 0; i < 1_200; i += 1) await request("/plugins/hook/x");

    const over = await request("/plugins/hook/x");
    const other = await app.request(
      "/plugins/hook/x",
      { headers: HOST },
      { listener: "tcp", remote: "10.0.0.9" },
    );

    expect([over.status, over.headers.get("retry-after"), other.status]).toEqual([429, "60", 200]);
    clock.advance(60_000);
    expect((await request("/plugins/hook/x")).status).toBe(200);
  });

  it("has room for so many at once", async () => {
    const { request } = await given(() => new Promise<RouteResponse>(() => undefined));
    for (let i = 0; i < 32; i += 1) void request("/plugins/hook/x");
    await new Promise((resolve) => setImmediate(resolve));

    expect((await request("/plugins/hook/x")).status).toBe(503);
  });

  it("answers for the names that the operator allows, and no page of another site", async () => {
    const { request, asked } = await given(OK);

    const proxied = await request("/plugins/hook/x", { headers: { host: "bellhop.example" } });
    const rebound = await request("/plugins/hook/x", { headers: { host: "evil.example" } });
    const foreign = await request("/plugins/hook/x", {
      method: "POST",
      headers: { origin: "https://evil.example" },
    });

    expect([proxied.status, rebound.status, foreign.status]).toEqual([200, 403, 403]);
    expect(asked).toHaveLength(1);
  });
});
