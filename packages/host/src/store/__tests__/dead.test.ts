import { RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder, MAIN, OutboxId, type SessionId } from "../../core/ids.ts";
import { createDead } from "../dead.ts";
import { type NewOutbound, owe } from "../outbox.ts";
import { scopeOf } from "../sessions.ts";
import { house, message } from "./house.ts";

const KITCHEN = ChatId.parse("web:kitchen");

async function given() {
  const store = await house();
  const woken: SessionId[] = [];
  const delivered: ChatId[] = [];
  const dead = createDead(store.db, {
    clock: store.clock,
    routeOf: ({ id, folder }) => ({ scope: scopeOf(id, folder), ...store.speaks }),
    wake: (session) => void woken.push(session),
    deliver: (chat) => void delivered.push(chat),
  });
  return {
    ...store,
    dead,
    woken,
    delivered,

    async failed(...texts: string[]) {
      store.clock.advance(1_000);
      for (const text of texts) await store.inbox.accept(message(text));
      const { session } = await store.inbox.accept(message("the last"));
      const claim = await store.claimed(session);
      await store.turns.fail(claim, { class: "crashed", detail: "it died", outbound: [] });
      return claim;
    },

    async buried(state: "bury" | "unknown", text = "dinner at eight"): Promise<OutboxId> {
      store.clock.advance(1_000);
      const { group_id: groupId } = await store.chats.ensure(KITCHEN, MAIN);
      const row: NewOutbound = { key: crypto.randomUUID(), kind: "text", text };
      const [id] = await owe(store.db, { chat: KITCHEN, groupId, turn: undefined, now: store.clock.now() }, [
        row,
      ]);
      const claimed = await store.outbox.claim(KITCHEN);
      if (!id || !claimed || !("row" in claimed)) throw new Error("it is owed, and can be claimed");
      await store.outbox[state](claimed.row, "the chat is gone");
      return id;
    },
  };
}

describe("what was given up", () => {
  it("is listed newest first, page by page, turns and messages together", async () => {
    const { dead, failed, buried } = await given();
    const oldest = (await failed("are you there?")).turn;
    const middle = await buried("bury");
    const newest = await buried("unknown");

    const first = await dead.list({ limit: 2 });
    const second = await dead.list({ limit: 2, before: middle });

    expect(first).toMatchObject({
      letters: [
        { id: newest, kind: "message", state: "unknown", why: "the chat is gone", text: "dinner at eight" },
        { id: middle, kind: "message", state: "dead" },
      ],
      more: true,
    });
    expect(second).toMatchObject({
      letters: [
        { id: oldest, kind: "turn", state: "failed", why: "crashed: it died", text: "are you there?" },
      ],
      more: false,
    });
    expect(await dead.summary()).toMatchObject({ turns: 1, newest: [{ id: newest }, { id: middle }, {}] });
  });

  it("loses none on a page's edge where several were given up in the same moment", async () => {
    const { dead, buried, db } = await given();
    for (const text of ["a", "b", "c", "d", "e"]) await buried("bury", text);
    await db.updateTable("outbox").set({ settled_at: 7 }).execute();

    const seen: string[] = [];
    for (let before: OutboxId | undefined; ;) {
      const { letters, more } = await dead.list({ limit: 2, before });
      seen.push(...letters.map(({ text }) => text));
      if (!more) break;
      before = OutboxId.parse(letters.at(-1)?.id);
    }

    expect(seen.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("can be read as a whole", async () => {
    const { dead, failed } = await given();
    const { turn } = await failed("one", "two");

    expect(await dead.show(turn)).toMatchObject({
      attempts: 1,
      texts: [
        { who: "Ada", text: "one" },
        { who: "Ada", text: "two" },
        { who: "Ada", text: "the last" },
      ],
    });
  });

  it("is spoken of no more once it is dropped", async () => {
    const { dead, failed, buried, outbox } = await given();
    const letters = [(await failed()).turn, await buried("bury")];

    for (const id of letters) expect(await dead.drop(id)).toBe(true);

    expect(await dead.list({ limit: 9 })).toEqual({ letters: [], more: false });
    expect(await outbox.counts()).toMatchObject({ dead: 0 });
    for (const id of letters) {
      expect(await dead.drop(id)).toBe(false);
      expect(await dead.retry(id, true)).toBe(false);
      expect(await dead.show(id)).toBeUndefined();
    }
  });
});

describe("a failed turn that is tried again", () => {
  it("is answered as a new turn, before what waits, and is no dead letter any more", async () => {
    const { dead, failed, inbox, claimed, woken } = await given();
    const lost = await failed("one");
    await inbox.accept(message("meanwhile"));

    expect(await dead.retry(lost.turn, false)).toBe(true);

    const [session] = woken;
    const claim = await claimed(session);
    expect(claim.turn).not.toBe(lost.turn);
    expect(claim.inputs.map(({ text }) => text)).toEqual(["one", "the last", "meanwhile"]);
    expect((await dead.list({ limit: 9 })).letters).toEqual([]);
  });

  it("goes on in the conversation that its chat has now", async () => {
    const { dead, failed, speaks, woken } = await given();
    const lost = await failed();
    speaks.provider = "another";

    await dead.retry(lost.turn, false);

    expect(woken).not.toEqual([lost.session.id]);
  });

  it("is refused where its chat belongs to another group by now", async () => {
    const { dead, failed, chats, inputs } = await given();
    const lost = await failed();
    await chats.bind(KITCHEN, GroupFolder.parse("family"));

    await expect(dead.retry(lost.turn, true)).rejects.toThrow("another group");
    expect(await inputs()).toMatchObject([{ state: "done" }]);
  });
});

describe("a message that is tried again", () => {
  it("is sent as if for the first time", async () => {
    const { dead, buried, delivered, outbox } = await given();
    const id = await buried("bury");

    await dead.retry(id, false);

    expect(delivered).toEqual([KITCHEN]);
    expect(await outbox.claim(KITCHEN)).toMatchObject({
      row: { id, attempts: 1, uncertain: 0, error: null },
    });
  });

  it("needs more than a wish where it may have arrived", async () => {
    const { dead, buried, owed } = await given();
    const id = await buried("unknown");

    await expect(dead.retry(id, false)).rejects.toThrow(RejectedError);
    expect(await owed()).toMatchObject([{ state: "unknown" }]);
    expect(await dead.retry(id, true)).toBe(true);
    expect(await owed()).toMatchObject([{ state: "pending" }]);
  });
});
