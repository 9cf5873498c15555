/** What was given up, and what people can do about it: `/retry`, and the buttons that stand below what they are told. */
import type { Inbound } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, SenderId } from "../../../core/ids.ts";
import { middle, settled } from "../../../turns/__tests__/middle.ts";

const KITCHEN = "web:kitchen";
const FAMILY = ChatId.parse("fake:family");

async function given(paused = false) {
  const since = Date.UTC(2026, 0, 1);
  const house = await middle({
    powers: {
      emergency: {
        paused: paused ? { since, by: "Ada", reason: "" } : undefined,
        pause: () => Promise.reject(new Error("not here")),
        resume: async () => true,
      },
    },
  });
  await house.bind(FAMILY, "family");
  return {
    ...house,
    async wrote(who: string, text: string, more: Partial<Inbound> = {}) {
      const message = {
        platformId: crypto.randomUUID(),
        kind: "message",
        version: 0,
        chat: "family",
        sender: { id: who, name: who },
        text,
      } as const;
      await house.admission.receive({ name: "fake", account: "" }, { ...message, ...more });
      await settled();
    },
    /** Labels and commands of the buttons below the last message of a chat. */
    async offered(chat: string) {
      const last = await house.db
        .selectFrom("outbox")
        .select("id")
        .where("chat_id", "=", ChatId.parse(chat))
        .orderBy("seq", "desc")
        .executeTakeFirstOrThrow();
      const rows = await house.db
        .selectFrom("buttons")
        .selectAll()
        .where("outbox_id", "=", last.id)
        .orderBy("place")
        .execute();
      return rows.map(({ label, command }) => `${label}: ${command}`);
    },
    lastWord: async (chat: string) => (await house.said(chat)).at(-1) ?? "",
  };
}

/** An answer failed for good. */
async function failed() {
  const house = await given();
  await house.says(KITCHEN, "one");
  house.engine.latest.fail({ class: "permanent", detail: "the model says no" });
  await settled();
  return house;
}

describe("an answer that failed", () => {
  it("offers to try again, and says why", async () => {
    const { offered } = await failed();

    expect(await offered(KITCHEN)).toEqual(["Try again: /retry #1", "Why?: /why #1"]);
  });

  it("is tried again once, however often it is asked for", async () => {
    const { says, lastWord, engine, dispatcher } = await failed();

    await says(KITCHEN, "/retry #1");
    const first = await lastWord(KITCHEN);
    await says(KITCHEN, "/retry #1");
    const second = await lastWord(KITCHEN);
    const running = dispatcher.running().length;
    engine.latest.answer("two");
    await settled();

    expect(first).toBe("(notice) I try it again.");
    expect(second).toBe("(notice) There is nothing given up here that could be tried again.");
    expect(running).toBe(1);
    expect(await lastWord(KITCHEN)).toBe("two");
  });

  it("is told by /why with the same step, by name too where there are no buttons", async () => {
    const { says, lastWord, offered } = await failed();

    await says(KITCHEN, "/why");

    expect(await lastWord(KITCHEN)).toMatch(/It failed: permanent.*\n[^]*\n\/retry #1 – try again$/);
    expect(await offered(KITCHEN)).toEqual(["Try again: /retry #1"]);
  });

  it("may be named by its id by the owner alone, wherever it was", async () => {
    const { db, wrote, lastWord } = await failed();
    const { id } = await db.selectFrom("turns").select("id").executeTakeFirstOrThrow();

    await wrote("bob", `/retry ${id}`);
    const toBob = await lastWord(FAMILY);
    await wrote("ada", `/retry ${id}`);

    expect(toBob).toContain("Only the owner may name what was given up by its id");
    expect(await lastWord(FAMILY)).toBe("(notice) I try it again.");
  });
});

describe("a message that may not have arrived", () => {
  it("is sent again to the chat that misses it, at anybody's word there, and only there", async () => {
    const { says, wrote, engine, db, lastWord } = await given();
    await says(KITCHEN, "one");
    engine.latest.answer("two");
    await settled();
    await db
      .updateTable("outbox")
      .set({ state: "unknown", error: "the connection broke" })
      .where("text", "=", "two")
      .execute();

    await wrote("bob", "/retry #2");
    const elsewhere = await lastWord(FAMILY);
    await says(KITCHEN, "/retry #2");
    await settled();

    expect(elsewhere).toBe("(notice) There is nothing given up here that could be tried again.");
    const sent = await db.selectFrom("outbox").select("state").where("text", "=", "two").execute();
    expect(sent).toEqual([{ state: "sent" }]);
  });
});

describe("what /why offers next", () => {
  it("is to go on, to the owner alone, while everything is paused", async () => {
    const { wrote, offered } = await given(true);
    await wrote("bob", "lovely weather");

    await wrote("bob", "/why #1");
    const toBob = await offered(FAMILY);
    await wrote("ada", "/why #1");

    expect(toBob).toEqual([]);
    expect(await offered(FAMILY)).toEqual(["Resume: /resume"]);
  });

  it("is to stop what is under way", async () => {
    const { says, offered } = await given();
    await says(KITCHEN, "one");

    await says(KITCHEN, "/why #1");

    expect(await offered(KITCHEN)).toEqual(["Stop: /stop"]);
  });

  it("is to let in again whom the owner has turned away", async () => {
    const { wrote, offered, db } = await given();
    await db
      .insertInto("senders")
      .values({
        id: SenderId.parse("fake:sam"),
        name: "Sam",
        standing: "denied",
        decided_by: "Ada",
        decided_at: 1,
      })
      .execute();
    await wrote("sam", "hello again");

    await wrote("ada", "/why #1");

    expect(await offered(FAMILY)).toEqual(["Let them in: /senders allow fake:sam"]);
  });
});
