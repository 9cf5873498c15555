import { describe, expect, it } from "vitest";
import { ChatId, MAIN } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { house } from "../../store/__tests__/house.ts";
import { createNotices } from "../notices.ts";

const DESK = ChatId.parse("web:notices");
const OWN = ChatId.parse("telegram:ann");

async function given(chat = DESK) {
  const store = await house();
  const woken: ChatId[] = [];
  const parts = { outbox: store.outbox, chats: store.chats, log: silentLog };
  const notices = createNotices({ ...parts, chat, deliver: (to) => woken.push(to) });
  const told = async () =>
    (await store.owed()).map(({ chat_id, kind, text }) => `${chat_id} (${kind}) ${text}`).toSorted();
  return { ...store, notices, woken, told };
}

describe("a notice", () => {
  it("makes its chat when it is first needed, bound to main", async () => {
    const { notices, woken, told, chats } = await given();
    expect(await chats.find(DESK)).toBeUndefined();

    await notices.tell("disk", "The disk is nearly full.");

    expect(await chats.find(DESK)).toMatchObject({ folder: MAIN, title: "Notices" });
    expect(await told()).toEqual([`${DESK} (notice) The disk is nearly full.`]);
    expect(woken).toEqual([DESK]);
  });

  it("is told once for one incident, and again for another", async () => {
    const { notices, told, woken } = await given();

    await notices.tell("disk", "The disk is nearly full.");
    await notices.tell("disk", "The disk is nearly full.");
    await notices.tell("key", "The key is refused.");

    expect(await told()).toHaveLength(2);
    expect(woken).toHaveLength(2);
  });

  it("goes to a chat on a platform only if that one is known", async () => {
    const { notices, told, chats } = await given(OWN);

    await notices.tell("one", "one");
    expect(await chats.find(OWN)).toBeUndefined();
    await chats.ensure(OWN, MAIN);
    await notices.tell("two", "two");

    expect(await told()).toEqual([`${OWN} (notice) two`, `${DESK} (notice) one`]);
  });

  it("is not sent over the account that it is about", async () => {
    const { notices, told, chats } = await given(OWN);
    await chats.ensure(OWN, MAIN);

    await notices.tell("one", "Telegram needs you.", ChatId.parse("telegram:somebody"));

    expect(await told()).toEqual([`${DESK} (notice) Telegram needs you.`]);
  });

  it("that cannot be written does not fail whoever tells it", async () => {
    const { notices, db } = await given();
    await db.schema.alterTable("outbox").renameTo("outbox_away").execute();

    await expect(notices.tell("one", "one")).resolves.toBeUndefined();
  });
});
