import { describe, expect, it } from "vitest";
import { ChatId, MAIN, SenderId, GroupFolder } from "../../core/ids.ts";
import { assertSettled, moveChat, StillBusyError, whenSettled } from "../moves.ts";
import { house, message } from "./house.ts";

const HALL = ChatId.parse("telegram:hall");
const FAMILY = GroupFolder.parse("family");

async function given() {
  const store = await house();
  await store.chats.bind(HALL, FAMILY);
  const writes = async (text = "hello") => {
    const sender = { id: SenderId.parse("telegram:7"), name: "Sam" };
    const taken = await store.inbox.receive(message(text, { chat: HALL, sender }));
    if (!taken || "not" in taken) throw new Error("it was not taken");
    return taken;
  };
  const move = () => store.db.transaction().execute((trx) => moveChat(trx, HALL, MAIN, store.clock.now()));
  return { ...store, writes, move };
}

describe("a chat", () => {
  it("does not move while something of it waits, runs, or is to be tried again", async () => {
    const { writes, move, claimed, turns, chats } = await given();
    const { session } = await writes();
    await expect(move()).rejects.toThrow(StillBusyError);

    const claim = await claimed(session);
    await expect(move()).rejects.toThrow(StillBusyError);
    await turns.retry(claim, {
      class: "test",
      detail: "",
      outbound: [],
      at: Number.MAX_SAFE_INTEGER,
      charged: true,
    });
    await expect(move()).rejects.toThrow(StillBusyError);

    expect((await chats.find(HALL))?.folder).toBe(FAMILY);
  });

  it("moves with what a dead host was answering in it, once that is ended", async () => {
    const { writes, claimed, turnsOf, db, move, chats, owed } = await given();
    const { session } = await writes();
    await claimed(session, turnsOf("an earlier boot"));
    await writes("and this");
    const turns = turnsOf("this boot");

    const told = new Set<ChatId>();
    await whenSettled(
      { db, stop: turns.cancelWaiting, deliver: (chat) => void told.add(chat), now: () => 1 },
      async () => [HALL],
      "this chat was given to the group main",
      move,
    );

    expect([...told]).toEqual([HALL]);
    expect((await chats.find(HALL))?.folder).toBe(MAIN);
    expect((await owed()).map(({ kind }) => kind)).toEqual(["notice"]);
    await db.transaction().execute((trx) => assertSettled(trx, [HALL]));
  });

  it("that has left its group is told nothing of work that ends there behind it", async () => {
    const { writes, claimed, turns, move } = await given();
    const { session } = await writes();
    const claim = await claimed(session);
    await turns.complete(claim, { outbound: [], carried: [] });
    await move();

    expect(await turns.claimBackground(claim.session.id, HALL, "a command ended")).toBeUndefined();
  });
});
