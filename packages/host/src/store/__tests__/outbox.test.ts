import { StaleError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, MAIN } from "../../core/ids.ts";
import { isOwed, owe } from "../outbox.ts";
import { house, message } from "./house.ts";

const KITCHEN = ChatId.parse("web:kitchen");

async function owing(...texts: string[]) {
  const store = await house();
  const { group_id: groupId } = await store.chats.ensure(KITCHEN, MAIN);
  const to = { chat: KITCHEN, groupId, turn: undefined, now: store.clock.now() };
  const owes = (rows: readonly string[]) =>
    store.db.transaction().execute((trx) =>
      owe(
        trx,
        to,
        rows.map((text) => ({ key: text, kind: "text", text }) as const),
      ),
    );
  const ids = await owes(texts);
  return {
    ...store,
    ids,
    owes,
    async claimed() {
      const claim = await store.outbox.claim(KITCHEN);
      if (!claim || !("row" in claim)) throw new Error("nothing can be sent now");
      return claim.row;
    },
  };
}

describe("the outbox", () => {
  it("gives the first of a chat, and only that one, until it is settled", async () => {
    const { outbox, claimed } = await owing("one", "two");
    const first = await claimed();
    expect(first).toMatchObject({ text: "one", state: "sending", attempts: 1 });
    expect(await outbox.claim(KITCHEN)).toMatchObject({ interrupted: { id: first.id } });

    await outbox.sent(first, "p1");

    expect(await claimed()).toMatchObject({ text: "two" });
  });

  it("settles a message once: whoever comes second has no effect and is told so", async () => {
    const { outbox, claimed, timeline, owed } = await owing("one");
    const row = await claimed();
    await outbox.sent(row, "p1");

    for (const settle of [outbox.sent, outbox.unknown, outbox.bury])
      await expect(settle(row, "again")).rejects.toThrow(StaleError);

    expect(await owed()).toMatchObject([{ state: "sent", platform_id: "p1", error: null }]);
    expect((await timeline.before(KITCHEN, undefined, 10)).events).toHaveLength(1);
  });

  it("says when the first is due, and gives nothing behind it before", async () => {
    const { outbox, claimed, clock } = await owing("one", "two");
    const at = clock.now() + 1_000.25;

    await outbox.retry(await claimed(), at, "busy");

    expect(await outbox.claim(KITCHEN)).toEqual({ dueAt: Math.ceil(at) });
  });

  it("shows what may have arrived, and not what did not", async () => {
    const { outbox, claimed, timeline } = await owing("rejected", "unclear");
    await outbox.bury(await claimed(), "no");
    await outbox.unknown(await claimed(), "timeout");

    const { events } = await timeline.before(KITCHEN, undefined, 10);

    expect(events).toMatchObject([{ type: "message", text: "unclear" }]);
    expect(await outbox.counts()).toEqual({ open: 0, unknown: 1, dead: 1 });
    expect(await outbox.chatsOwed()).toEqual([]);
  });

  it("refuses what a turn would say in another chat, unless a tool was allowed to (the reply target)", async () => {
    const { db, chats, inbox, turns } = await owing();
    const { session } = await inbox.accept(message("hi", { chat: KITCHEN }));
    const claim = session && (await turns.claim(session));
    if (!claim || "notBefore" in claim) throw new Error("there is nothing to claim");
    const garden = await chats.ensure(ChatId.parse("web:garden"), MAIN);
    const row = { key: "k", kind: "text", text: "psst" } as const;

    const to = { chat: garden.id, groupId: garden.group_id, turn: claim.turn, now: 0 };
    await expect(owe(db, to, [row])).rejects.toThrow("answers web:kitchen, not web:garden");
    expect(await isOwed(db, "k")).toBe(false);
    expect(await owe(db, { ...to, authorised: true }, [row])).toHaveLength(1);
  });

  it("owes what a key names once, and remembers it after it was sent", async () => {
    const { outbox, claimed, owes, ids, db, owed } = await owing("one");
    await outbox.sent(await claimed(), "p1");

    expect(await owes(["one"])).toEqual(ids);

    expect(await owed()).toHaveLength(1);
    expect([await isOwed(db, "one"), await isOwed(db, "two")]).toEqual([true, false]);
  });
});
