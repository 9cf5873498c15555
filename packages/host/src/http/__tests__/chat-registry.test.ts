import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import type { Scope } from "../../store/tokens.ts";
import { HOST, openHouse, TCP } from "./house.ts";

const CHAT = ChatId.parse("telegram:-100");

async function given() {
  const house = await openHouse();
  await house.deps.chats.ensure(ChatId.parse("web:main"), GroupFolder.parse("main"));
  return {
    ...house,
    async bind(scope: Scope, body: object, chat: string = CHAT) {
      const headers = {
        ...HOST,
        authorization: `Bearer ${await house.token(scope)}`,
        "content-type": "application/json",
      };
      const init = { method: "PUT", headers, body: JSON.stringify(body) };
      const response = await house.app.request(`/api/v1/chats/${encodeURIComponent(chat)}`, init, TCP);
      return { status: response.status, body: await response.json() };
    },
  };
}

describe("registering a chat", () => {
  it("gives it to the group", async () => {
    const { bind, deps } = await given();

    expect(await bind("admin", { group: "main" })).toEqual({
      status: 200,
      body: { id: CHAT, group: "main" },
    });

    expect(await deps.chats.list()).toContainEqual(expect.objectContaining({ id: CHAT, group: "main" }));
  });

  it.each<[string, Scope, object, string, number]>([
    ["a token that may only chat", "chat", { group: "main" }, CHAT, 403],
    ["a group that there is not", "admin", { group: "nobody" }, CHAT, 409],
    ["what is no group", "admin", { group: "../etc" }, CHAT, 400],
    ["what is no chat", "admin", { group: "main" }, "nothing", 400],
  ])("refuses %s", async (_, scope, body, chat, status) => {
    const { bind, deps } = await given();

    expect((await bind(scope, body, chat)).status).toBe(status);

    expect((await deps.chats.list()).map(({ id }) => id)).toEqual(["web:main"]);
  });
});
