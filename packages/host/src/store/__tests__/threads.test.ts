import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder, MAIN } from "../../core/ids.ts";
import { createInbox } from "../inbox.ts";
import { scopeOf } from "../sessions.ts";
import { house, message } from "./house.ts";

const FAMILY = GroupFolder.parse("family");
const PARENT = ChatId.parse("fake:kitchen");
const THREAD = ChatId.parse("fake:kitchen:5");

async function given() {
  const all = await house();
  await all.chats.ensure(PARENT, FAMILY);
  const receive = (more: Partial<Parameters<typeof message>[1]> = {}) =>
    all.inbox.receive(message("hello", { chat: THREAD, threadOf: PARENT, ...more }));
  return { ...all, receive };
}

describe("a thread", () => {
  it("of a chat that a group has is that group's from its first message on, in the group's conversation", async () => {
    const { receive, chats, inbox } = await given();

    const first = await receive({ chatTitle: "Plans" });
    const above = await inbox.receive(message("above", { chat: PARENT }));

    expect(first).toMatchObject({ chat: THREAD, group: FAMILY, seq: 1 });
    expect(first && "session" in first && first.session).toBe(above && "session" in above && above.session);
    expect(await chats.find(THREAD)).toMatchObject({ folder: FAMILY, thread_of: PARENT, title: "Plans" });
  });

  it("of a chat that nobody registered is nobody's business", async () => {
    const { receive, chats, inputs } = await given();

    const taken = await receive({
      chat: ChatId.parse("fake:garden:5"),
      threadOf: ChatId.parse("fake:garden"),
    });

    expect(taken).toBeUndefined();
    expect(await chats.find(ChatId.parse("fake:garden:5"))).toBeUndefined();
    expect(await inputs()).toEqual([]);
  });

  it("that a group of its own has keeps it", async () => {
    const { receive, chats } = await given();
    await chats.bind(THREAD, MAIN);

    expect(await receive()).toMatchObject({ group: MAIN });
  });

  it("follows its chat to another group, unless it was given to a third one", async () => {
    const { receive, chats } = await given();
    const other = ChatId.parse("fake:kitchen:6");
    await receive();
    await receive({ chat: other });
    await chats.ensureGroup(GroupFolder.parse("work"));
    await chats.bind(other, GroupFolder.parse("work"));

    await chats.bind(PARENT, MAIN);

    expect(new Map((await chats.list()).map(({ id, group }) => [id, group]))).toEqual(
      new Map([
        [PARENT, MAIN],
        [THREAD, MAIN],
        [other, "work"],
      ]),
    );
  });

  it("costs a chat that is known no question more", async () => {
    const { receive, db, clock } = await given();
    await receive();
    let asked = 0;
    const counting = db.withPlugin({
      transformQuery({ node }) {
        asked += 1;
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    const spoken = { engine: "claude", provider: "test" } as const;
    const inbox = createInbox(counting, clock, ({ id, folder }) => ({
      scope: scopeOf(id, folder),
      ...spoken,
    }));

    await inbox.receive(message("plain", { chat: THREAD }));
    const plain = asked;
    await inbox.receive(message("in a thread", { chat: THREAD, threadOf: PARENT }));

    expect(plain).toBeGreaterThan(3);
    expect(asked - plain).toBe(plain);
  });
});
