import { describe, expect, it } from "vitest";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { Grant } from "../../core/trust.ts";
import { AuditPage } from "../schemas.ts";
import { HOST, openHouse, SOCKET, TCP } from "./house.ts";

const GRANT = { group: MAIN, effect: "speak-elsewhere", target: "chat:telegram:7" } as const;

type House = Awaited<ReturnType<typeof openHouse>>;

/** As somebody with such a token asks. */
async function withToken(
  { app, tokens }: House,
  scope: "read" | "chat" | "admin",
  method: string,
  path: string,
  body?: object,
) {
  const { secret } = await tokens.issue({ kind: "api", scope, label: "test" });
  const headers = { ...HOST, authorization: `Bearer ${secret}`, "content-type": "application/json" };
  return await app.request(
    `/api/v1${path}`,
    { method, headers, ...(body && { body: JSON.stringify(body) }) },
    TCP,
  );
}

/** As a browser that is logged in asks. */
async function withLogin(
  { app, tokens }: House,
  path: string,
  init: { method?: string; headers?: object; body?: string } = {},
) {
  const { secret } = await tokens.issue({ kind: "web", scope: "chat", label: "test" });
  const headers = { ...HOST, cookie: `bellhop-7407=${secret}`, ...init.headers };
  return await app.request(path, { ...init, headers }, TCP);
}

async function onSocket({ app }: House, method: string, path: string, body?: object) {
  const headers = { host: "localhost", "content-type": "application/json" };
  return await app.request(
    `/api/v1${path}`,
    { method, headers, ...(body && { body: JSON.stringify(body) }) },
    SOCKET,
  );
}

describe("what is the owner's", () => {
  it.each([
    ["GET", "/taint/main"],
    ["DELETE", "/taint/main"],
    ["GET", "/approvals"],
    ["POST", "/approvals"],
    ["GET", "/grants"],
    ["POST", "/grants"],
    ["DELETE", "/grants/abcd2345"],
    ["GET", "/policy/explain?group=main&action=read"],
    ["GET", "/audit"],
    ["GET", "/audit/tail"],
    ["GET", "/audit/verify"],
  ])("is nobody's who has a token for chats: %s %s", async (method, path) => {
    const house = await openHouse();

    const body = method === "POST" ? { ids: ["abcd2345"], answer: "once" } : undefined;
    const response = await withToken(house, "chat", method, path, body);

    expect(response.status).toBe(403);
  });
});

describe("answering in the web chat", () => {
  it("takes a login, and proof that it came from our page", async () => {
    const house = await openHouse();
    const body = JSON.stringify({ ids: ["abcd2345"], answer: "once" });
    const json = { "content-type": "application/json" };

    const foreign = await withLogin(house, "/api/v1/approvals", { method: "POST", headers: json, body });
    const own = await withLogin(house, "/api/v1/approvals", {
      method: "POST",
      headers: { ...json, origin: `http://${HOST.host}`, "x-bellhop": "web" },
      body,
    });

    expect(foreign.status).toBe(403);
    expect(own.status).toBe(200);
    expect(await own.json()).toEqual({ decided: [{ id: "abcd2345", outcome: "gone", words: "" }] });
  });

  it("has a page, for whoever is logged in", async () => {
    const house = await openHouse();

    const page = await withLogin(house, "/approvals");
    const stranger = await house.app.request("/approvals", { headers: HOST }, TCP);

    expect(await page.text()).toContain("Nothing waits for your answer.");
    expect(stranger.headers.get("location")).toBe("/login");
  });
});

describe("grants over the API", () => {
  it("are made, listed and revoked, and each is on record", async () => {
    const house = await openHouse();

    const made = Grant.parse(
      await (await onSocket(house, "POST", "/grants", { ...GRANT, perDay: 2 })).json(),
    );
    const listed = await (await onSocket(house, "GET", "/grants?group=main")).json();
    const revoked = await onSocket(house, "DELETE", `/grants/${made.id}`);
    const again = await onSocket(house, "DELETE", `/grants/${made.id}`);

    expect(listed).toEqual({ grants: [made] });
    expect([revoked.status, again.status]).toEqual([200, 409]);
    const { rows } = AuditPage.parse(await (await onSocket(house, "GET", "/audit")).json());
    expect(rows).toMatchObject([
      {
        action: "grant.add",
        subject: `grant:${made.id}`,
        actor: "the owner, on this machine",
        group: "main",
      },
      { action: "grant.revoke", subject: `grant:${made.id}` },
    ]);
    expect(await (await onSocket(house, "GET", "/audit/verify")).json()).toMatchObject({ ok: true, rows: 2 });
  });

  it.each([
    [{ ...GRANT, group: GroupFolder.parse("attic") }, 409],
    [{ ...GRANT, task: "abcd2345" }, 409],
    [{ ...GRANT, endsAt: 1 }, 409],
    [{ ...GRANT, effect: "read" }, 400],
    [{ ...GRANT, target: "" }, 400],
    [{ ...GRANT, perDay: 0 }, 400],
  ])("that cannot be are refused: %o", async (grant, status) => {
    const house = await openHouse();

    expect((await onSocket(house, "POST", "/grants", grant)).status).toBe(status);
    expect(await (await onSocket(house, "GET", "/grants")).json()).toEqual({ grants: [] });
  });
});

describe("taint over the API", () => {
  it("is told of a group there is", async () => {
    const house = await openHouse();

    expect(await (await onSocket(house, "GET", "/taint/main")).json()).toMatchObject({
      group: "main",
      tainted: false,
    });
    expect((await onSocket(house, "GET", "/taint/attic")).status).toBe(409);
    expect(
      await (await onSocket(house, "GET", "/policy/explain?group=main&action=send%20chat:web:x")).json(),
    ).toMatchObject({
      verdict: "allowed",
    });
  });
});
