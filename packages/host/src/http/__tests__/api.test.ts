import { TemporaryError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import type { Scope } from "../../store/tokens.ts";
import { createApp } from "../app.ts";
import { LoginCode } from "../schemas.ts";
import { chatOf, HOST, type House, openHouse, SOCKET, TCP } from "./house.ts";

/** A program with a token of this scope, on the TCP listener. */
async function program(house: House, scope: Scope) {
  const token = await house.token(scope);
  return async (method: string, path: string, body?: unknown) => {
    const headers = { ...HOST, authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const response = await house.app.request(path, init, TCP);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
}

describe("writing a message", () => {
  it("answers once it is stored, with its place in the chat", async () => {
    const house = await openHouse();
    const call = await program(house, "chat");

    const first = await call("POST", "/api/v1/chats/web%3Akitchen/messages", { text: "dinner at eight" });
    const second = await call("POST", "/api/v1/chats/web%3Akitchen/messages", { text: "or at nine" });

    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ chat: "web:kitchen", seq: 1, duplicate: false });
    expect(second.body).toMatchObject({ seq: 2 });
    const { events } = await house.timeline.before(chatOf("kitchen"), undefined, 10);
    expect(events.map((event) => event.type === "message" && event.text)).toEqual([
      "dinner at eight",
      "or at nine",
    ]);
    expect(events[0]?.id).toBe(first.body.event);
  });

  it("accepts a client's id once, and says of the second time that it is the first", async () => {
    const house = await openHouse();
    const call = await program(house, "chat");
    const message = { text: "only once", id: "mine-1" };

    const first = await call("POST", "/api/v1/chats/web%3Amain/messages", message);
    const again = await call("POST", "/api/v1/chats/web%3Amain/messages", message);

    expect(again.status).toBe(200);
    expect(again.body).toEqual({ ...first.body, duplicate: true });
    expect((await house.timeline.before(chatOf("main"), undefined, 10)).events).toHaveLength(1);
  });

  it("keeps the text exactly as it was written", async () => {
    const house = await openHouse();
    const call = await program(house, "chat");
    const text = "  two\n\tlines, <b>tags</b> & 🛎️ \u0000 ";

    await call("POST", "/api/v1/chats/web%3Amain/messages", { text });

    const { events } = await house.timeline.before(chatOf("main"), undefined, 10);
    expect(events[0]).toMatchObject({ text });
  });

  it.each([
    ["no text", {}, "text: the text of the message is missing."],
    ["only blanks", { text: " \n" }, "text: the text of the message is empty."],
    ["a field nobody knows", { text: "hi", txet: "hi" }, 'Unrecognized key: "txet".'],
    ["a too long id", { text: "hi", id: "x".repeat(129) }, "id: an id has at most 128 characters."],
  ])("refuses %s with a sentence", async (_, body, message) => {
    const call = await program(await openHouse(), "chat");

    const answer = await call("POST", "/api/v1/chats/web%3Amain/messages", body);

    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: { code: "bad_request", message } });
  });

  it("refuses what is no JSON, and what does not say that it is", async () => {
    const house = await openHouse();
    const authorization = `Bearer ${await house.token("chat")}`;
    const post = (type: string, body: string) =>
      house.app.request(
        "/api/v1/chats/web%3Amain/messages",
        { method: "POST", headers: { ...HOST, authorization, "content-type": type }, body },
        TCP,
      );

    expect((await post("application/json", "{")).status).toBe(400);
    expect((await post("text/plain", '{"text":"hi"}')).status).toBe(400);
  });

  it("takes 1 MiB of text and not a byte more", async () => {
    const call = await program(await openHouse(), "chat");
    const mebibyte = "x".repeat(1024 * 1024);

    const fits = await call("POST", "/api/v1/chats/web%3Amain/messages", { text: mebibyte });
    const over = await call("POST", "/api/v1/chats/web%3Amain/messages", { text: `${mebibyte}x` });
    const far = await call("POST", "/api/v1/chats/web%3Amain/messages", { text: mebibyte.repeat(7) });

    expect([fits.status, over.status, far.status]).toEqual([201, 413, 413]);
    expect(over.body.error.code).toBe("too_large");
    expect(far.body.error.code).toBe("too_large");
  });

  it("makes no chat of another channel, and none of a bad address", async () => {
    const call = await program(await openHouse(), "chat");

    const elsewhere = await call("POST", "/api/v1/chats/telegram%2Fhome%3A42/messages", { text: "hi" });
    const nowhere = await call("POST", "/api/v1/chats/nonsense/messages", { text: "hi" });

    expect(elsewhere.status).toBe(404);
    expect(elsewhere.body.error.message).toContain('"telegram/home:42"');
    expect(nowhere.body.error).toEqual({
      code: "bad_request",
      message: "chat: a chat is channel:id or channel/account:id.",
    });
  });

  it("says when to come back while the host takes nothing", async () => {
    const house = await openHouse();
    const busy = new TemporaryError("Bellhop is shutting down: try again in a moment.", {
      retryAfterMs: 2500,
    });
    const accept = () => Promise.reject(busy);
    const app = createApp({ ...house.deps, admission: { accept } });
    const headers = { ...HOST, "content-type": "application/json" };

    const response = await app.request(
      "/api/v1/chats/web%3Amain/messages",
      { method: "POST", headers, body: '{"text":"hi"}' },
      SOCKET,
    );

    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("3");
    expect(await response.json()).toEqual({ error: { code: "unavailable", message: busy.message } });
  });

  it("tells nobody but the log what broke inside", async () => {
    const lines: unknown[] = [];
    const base = (await openHouse()).deps.log;
    const house = await openHouse({ log: { ...base, error: (...line: unknown[]) => void lines.push(line) } });
    const accept = () => Promise.reject(new Error("secret detail"));
    const app = createApp({ ...house.deps, admission: { accept } });
    const headers = { ...HOST, "content-type": "application/json" };

    const response = await app.request(
      "/api/v1/chats/web%3Amain/messages",
      { method: "POST", headers, body: '{"text":"hi"}' },
      SOCKET,
    );

    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret detail");
    expect(lines).toHaveLength(1);
  });
});

describe("reading a chat", () => {
  it("goes back page by page, oldest first, and forward from where one stopped", async () => {
    const house = await openHouse();
    const chat = chatOf("main");
    for (const text of ["1", "2", "3", "4", "5"]) await house.says(chat, text);
    const call = await program(house, "read");
    const texts = ({ body }: { body: { events: { text: string }[] } }) => body.events.map(({ text }) => text);
    const path = "/api/v1/chats/web%3Amain/messages";

    const newest = await call("GET", `${path}?limit=2`);
    const before = await call("GET", `${path}?limit=2&before=${newest.body.events[0].id}`);
    const after = await call("GET", `${path}?limit=2&after=${before.body.events[0].id}`);
    const between = await call("GET", `${path}?after=1&before=4`);

    expect([texts(newest), newest.body.more]).toEqual([["4", "5"], true]);
    expect([texts(before), before.body.more]).toEqual([["2", "3"], true]);
    expect([texts(after), after.body.more]).toEqual([["3", "4"], true]);
    expect([texts(between), between.body.more]).toEqual([["2", "3"], false]);
  });

  it.each(["limit=0", "limit=501", "limit=ten", "after=-1", "before=abc"])("refuses ?%s", async (query) => {
    const house = await openHouse();
    await house.says(chatOf("main"), "hi");
    const call = await program(house, "read");

    const answer = await call("GET", `/api/v1/chats/web%3Amain/messages?${query}`);

    expect(answer.status).toBe(400);
  });

  it("says that there is no such chat", async () => {
    const call = await program(await openHouse(), "read");

    expect((await call("GET", "/api/v1/chats/web%3Anone/messages")).status).toBe(404);
  });
});

describe("chats", () => {
  it("are made with a title and listed with what happened last", async () => {
    const house = await openHouse();
    const call = await program(house, "chat");

    const made = await call("POST", "/api/v1/chats", { title: " Holidays " });
    const posted = await call("POST", `/api/v1/chats/${encodeURIComponent(made.body.id)}/messages`, {
      text: "where to?",
    });
    const { body } = await call("GET", "/api/v1/chats");

    expect(made.status).toBe(201);
    expect(body.chats).toEqual([
      {
        id: made.body.id,
        title: "Holidays",
        group: "main",
        channel: "web",
        lastEvent: posted.body.event,
        lastAt: house.clock.now(),
      },
    ]);
  });
});

describe("tokens", () => {
  it("are shown once, listed without their secret, and open nothing once revoked", async () => {
    const house = await openHouse();
    const call = await program(house, "admin");

    const made = await call("POST", "/api/v1/tokens", { label: "phone", scope: "read" });
    const asPhone = { headers: { ...HOST, authorization: `Bearer ${made.body.token}` } };
    expect((await house.app.request("/api/v1/chats", asPhone, TCP)).status).toBe(200);

    const listed = await call("GET", "/api/v1/tokens");
    expect(JSON.stringify(listed.body)).not.toContain(made.body.token);
    expect(listed.body.tokens.map(({ label }: { label: string }) => label)).toContain("phone");

    expect((await call("DELETE", `/api/v1/tokens/${made.body.id}`)).status).toBe(200);
    expect((await house.app.request("/api/v1/chats", asPhone, TCP)).status).toBe(401);
    expect((await call("DELETE", `/api/v1/tokens/${made.body.id}`)).status).toBe(404);
  });

  it("are never revoked by a name that could mean several", async () => {
    const call = await program(await openHouse(), "admin");

    expect((await call("DELETE", "/api/v1/tokens/ab")).status).toBe(409);
    expect((await call("DELETE", "/api/v1/tokens/%25%25%25%25%25%25%25%25")).status).toBe(409);
  });
});

describe("scopes", () => {
  const reach = [
    ["read", "GET", "/api/v1/chats", 200],
    ["read", "GET", "/api/v1/status", 200],
    ["read", "POST", "/api/v1/chats", 403],
    ["read", "POST", "/api/v1/chats/web%3Amain/messages", 403],
    ["read", "POST", "/api/v1/shutdown", 403],
    ["chat", "GET", "/api/v1/chats", 200],
    ["chat", "POST", "/api/v1/chats", 201],
    ["chat", "POST", "/api/v1/tokens", 403],
    ["chat", "GET", "/api/v1/tokens", 403],
    ["chat", "POST", "/api/v1/shutdown", 403],
    ["admin", "GET", "/api/v1/tokens", 200],
    ["admin", "POST", "/api/v1/shutdown", 202],
    ["admin", "POST", "/api/v1/login-codes", 403],
  ] as const;

  it.each(reach)("%s: %s %s answers %i", async (scope, method, path, status) => {
    const call = await program(await openHouse(), scope);

    expect((await call(method, path, method === "POST" ? {} : undefined)).status).toBe(status);
  });

  it("nobody is told a thing without one, but that the server lives", async () => {
    const { app } = await openHouse();
    const get = (path: string, headers = {}) => app.request(path, { headers: { ...HOST, ...headers } }, TCP);

    for (const path of ["/api/v1/status", "/api/v1/chats", "/api/v1/events", "/api/v1/tokens", "/stream"]) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect((await get("/api/v1/chats", { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await get("/api/v1/chats", { authorization: "Basic b3duZXI6" })).status).toBe(401);
    expect(await (await get("/healthz")).text()).toBe("ok");
  });
});

describe("the control socket", () => {
  it("is the owner's, whatever Host it is called by", async () => {
    const house = await openHouse();
    const ask = (method: string, path: string) =>
      house.app.request(path, { method, headers: { host: "localhost" } }, SOCKET);

    expect((await ask("GET", "/api/v1/status")).status).toBe(200);
    expect((await ask("POST", "/api/v1/shutdown")).status).toBe(202);
    expect(house.shutdowns).toHaveLength(1);
    const login = await ask("POST", "/api/v1/login-codes");
    expect(login.status).toBe(201);
    const { code, url, expiresAt } = LoginCode.parse(await login.json());
    expect(url).toBe(`http://127.0.0.1:7407/login#${code}`);
    expect(expiresAt - house.clock.now()).toBe(10 * 60_000);
  });
});
