import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ChatId, SenderId } from "../../core/ids.ts";
import type { Scope } from "../../store/tokens.ts";
import { HOST, openHouse, TCP } from "./house.ts";

const Answer = z.looseObject({
  groups: z.array(z.looseObject({ name: z.string() })).optional(),
  people: z.array(z.unknown()).optional(),
  chats: z.array(z.unknown()).optional(),
});

async function given() {
  const house = await openHouse();
  return {
    ...house,
    async call(method: string, path: string, body?: object, scope: Scope = "admin") {
      const headers = {
        ...HOST,
        authorization: `Bearer ${await house.token(scope)}`,
        "content-type": "application/json",
      };
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
      const response = await house.app.request(`/api/v1${path}`, init, TCP);
      return { status: response.status, body: Answer.parse(await response.json()) };
    },
  };
}

describe("groups over the API", () => {
  it("are made, listed, changed, given chats, and removed", async () => {
    const { call } = await given();

    const made = await call("POST", "/groups", {
      name: "club",
      settings: { trigger: "called" },
      chats: ["web:a"],
    });
    expect(made).toMatchObject({
      status: 201,
      body: { name: "club", origin: "made", chosen: { trigger: "called" }, chats: [{ id: "web:a" }] },
    });
    const edited = await call("PATCH", "/groups/club", { trigger: null, model: "haiku" });
    expect(edited.body).toMatchObject({ chosen: { model: "haiku" }, settings: { trigger: "auto" } });
    const bound = await call("POST", "/groups/club/chats", { chats: ["telegram:1", "telegram:2"] });
    expect(bound.body.chats).toHaveLength(3);
    expect(await call("DELETE", "/chats/telegram%3A1/group")).toEqual({
      status: 200,
      body: { id: "telegram:1", group: null },
    });
    expect((await call("GET", "/groups")).body.groups?.map(({ name }) => name)).toEqual(["main", "club"]);

    expect(await call("DELETE", "/groups/club")).toMatchObject({
      status: 200,
      body: { name: "club", paused: 0, chats: ["telegram:2", "web:a"] },
    });
    expect((await call("GET", "/groups/club")).status).toBe(409);
  });

  it("tell chats that were seen and belong to none", async () => {
    const { call, seen } = await given();
    const sender = SenderId.parse("telegram:7");
    seen.saw({ chat: ChatId.parse("telegram:1"), title: "Hall", sender, senderName: "Sam" });

    const { body } = await call("GET", "/unregistered-chats");

    expect(body.chats).toMatchObject([{ id: "telegram:1", title: "Hall", lastSender: "Sam", messages: 1 }]);
  });

  it.each([
    ["POST", "/groups", { name: "global" }, 400],
    ["POST", "/groups", { name: "A b" }, 400],
    ["POST", "/groups", { name: "main" }, 409],
    ["POST", "/groups", { name: "club", settings: { turnMinutes: -1 } }, 400],
    ["POST", "/groups", { name: "club", settings: { pattern: "(" } }, 400],
    ["POST", "/groups", { name: "club", settings: { mounts: [] } }, 400],
    ["PATCH", "/groups/nobody", { model: "haiku" }, 409],
    ["DELETE", "/groups/main", undefined, 409],
    ["DELETE", "/chats/telegram%3A1/group", undefined, 409],
  ])("refuse %s %s %o", async (method, path, body, status) => {
    const { call } = await given();

    expect((await call(method, path, body)).status).toBe(status);

    expect((await call("GET", "/groups")).body.groups).toHaveLength(1);
  });
});

describe("people over the API", () => {
  it("are linked, listed and parted; whether one is an owner is told", async () => {
    const { call } = await given();

    const linked = await call("POST", "/people", { senders: ["fake:ann", "other:ann"], name: "Ann" });

    expect(linked).toEqual({
      status: 201,
      body: { name: "Ann", senders: ["fake:ann", "other:ann"], owner: true },
    });
    expect((await call("GET", "/people")).body.people).toHaveLength(1);
    expect((await call("DELETE", "/people/other%3Aann")).status).toBe(200);
    expect((await call("GET", "/people")).body.people).toEqual([]);
  });
});

describe("groups and people", () => {
  it.each([
    ["GET", "/groups"],
    ["POST", "/groups"],
    ["PATCH", "/groups/main"],
    ["DELETE", "/groups/main"],
    ["POST", "/groups/main/chats"],
    ["DELETE", "/chats/web%3Aa/group"],
    ["GET", "/people"],
    ["POST", "/people"],
    ["DELETE", "/people/a%3Ab"],
  ])("are the owner's alone: %s %s", async (method, path) => {
    const { call } = await given();

    expect((await call(method, path, undefined, "chat")).status).toBe(403);
  });
});
