import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import { house, message } from "./house.ts";

/** Resolves in a callback of the event loop that nobody else resolves in. */
const nextCallback = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

const GARDEN = ChatId.parse("web:garden");

describe("accepting a message", () => {
  it("resolves once the message, its event and the cursor can be read by anybody (G1)", async () => {
    const directory = await mkdtemp(join(tmpdir(), "bellhop-inbox-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, "bellhop.db");
    const { inbox } = await house({ path });

    const { message: id, event } = await inbox.accept(message("hello", { cursor: "42" }));

    using other = new DatabaseSync(path, { readOnly: true });
    expect(other.prepare("select text from inbox where id = ?").get(id)).toEqual({ text: "hello" });
    expect(other.prepare("select ref from events where id = ?").get(event)).toEqual({ ref: id });
    expect(other.prepare("select cursor from cursors").get()).toEqual({ cursor: "42" });
  });

  it("takes a copy for what it is: the same chat, platform id, kind and version (G2)", async () => {
    const { inbox, inputs } = await house();
    const original = message("hello");
    const first = await inbox.accept(original);

    const copies = await Promise.all([1, 2, 3].map(() => inbox.accept({ ...original, text: "again" })));
    const edit = await inbox.accept({ ...original, kind: "edit", version: 1 });
    const laterEdit = await inbox.accept({ ...original, kind: "edit", version: 2 });

    expect(copies).toEqual(copies.map(() => ({ ...first, duplicate: true })));
    expect([edit.duplicate, laterEdit.duplicate]).toEqual([false, false]);
    expect((await inputs()).map(({ text }) => text)).toEqual(["hello", "hello", "hello"]);
  });

  it("shares its commit with what came while another was made, and all keep their order", async () => {
    const { inbox, db, inputs } = await house();
    const transaction = vi.spyOn(db, "transaction");
    const texts = Array.from({ length: 50 }, (_, n) => `message ${n}`);

    // As from the network: each in a callback of its own.
    await Promise.all(
      texts.map(async (text) => {
        await nextCallback();
        await inbox.accept(message(text));
      }),
    );

    expect((await inputs()).map(({ text }) => text)).toEqual(texts);
    expect(transaction.mock.calls.length).toBeLessThan(10);
  });

  it("tells accounts of a channel apart: the same ids in two of them are two messages", async () => {
    const { inbox } = await house();
    const one = message("hello", { chat: ChatId.parse("telegram/home:7"), platformId: "1" });

    await inbox.accept(one);
    const other = await inbox.accept({ ...one, chat: ChatId.parse("telegram/work:7") });

    expect(other).toMatchObject({ duplicate: false, seq: 1 });
  });

  it("keeps a cursor per account, and moves it with a copy too", async () => {
    const { inbox } = await house();
    const one = message("hello", { chat: ChatId.parse("telegram/home:7"), cursor: "10" });
    await inbox.accept(one);

    await inbox.accept({ ...one, cursor: "11" });

    expect(await inbox.cursor("telegram", "home")).toBe("11");
    expect(await inbox.cursor("telegram", "work")).toBeUndefined();
  });

  it("moves no cursor for what it could not store", async () => {
    const { inbox } = await house();
    const lost = { chat: ChatId.parse("telegram:9"), group: GroupFolder.parse("nobody"), cursor: "99" };

    await expect(inbox.accept(message("hello", lost))).rejects.toThrow("there is no group nobody");

    expect(await inbox.cursor("telegram", "")).toBeUndefined();
  });

  it("numbers each chat by itself, without gaps, also when all comes within the same millisecond (G3)", async () => {
    const { inbox, inputs } = await house();
    const texts = Array.from({ length: 450 }, (_, i) => `${i}`);

    const accepted = await Promise.all(
      texts.map((text, i) => inbox.accept(message(text, i % 3 === 0 ? { chat: GARDEN } : {}))),
    );

    const [kitchen, garden] = [false, true].map((there) =>
      accepted.filter(({ chat }) => (chat === GARDEN) === there).map(({ seq }) => seq),
    );
    expect(kitchen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(garden).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
    const stored = (await inputs()).filter(({ chat_id }) => chat_id === GARDEN);
    expect(stored.map(({ text }) => text)).toEqual(texts.filter((_, i) => i % 3 === 0));
    expect(new Set(stored.map(({ accepted_at }) => accepted_at)).size).toBe(1);
  });

  it("stores the others when one of those that came together cannot be, without a gap", async () => {
    const { inbox } = await house();
    const bad = message("bad", { group: GroupFolder.parse("nobody"), chat: ChatId.parse("web:lost") });

    const outcomes = await Promise.allSettled(
      [message("one"), message("two"), bad, message("three")].map((one) => inbox.accept(one)),
    );

    expect(outcomes.map((one) => (one.status === "fulfilled" ? one.value.seq : "refused"))).toEqual([
      1,
      2,
      "refused",
      3,
    ]);
  });

  it("gives nothing to a turn that was not admitted", async () => {
    const { inbox, inputs, turns } = await house();

    const { session } = await inbox.accept(message("too long", { verdict: "refused", reason: "size" }));

    expect(session).toBeUndefined();
    expect(await inputs()).toMatchObject([{ state: "note", reason: "size" }]);
    expect(await turns.due()).toEqual([]);
  });

  it("begins another session when the engine or the provider is another, and moves what waits", async () => {
    const { inbox, inputs, speaks, db } = await house();
    const before = await inbox.accept(message("one"));

    speaks.provider = "another";
    const after = await inbox.accept(message("two"));

    expect(after.session).not.toBe(before.session);
    expect((await inputs()).map(({ session_id }) => session_id)).toEqual([after.session, after.session]);
    expect(await db.selectFrom("sessions").select("ended_at").orderBy("ended_at").execute()).toMatchObject([
      { ended_at: null },
      { ended_at: expect.any(Number) },
    ]);
  });

  it("gives the owner's own chats a session each, and a group's chats elsewhere one together", async () => {
    const { inbox, chats } = await house();
    const family = GroupFolder.parse("family");
    const [a, b] = [ChatId.parse("telegram:1"), ChatId.parse("telegram:2")];
    for (const chat of [a, b]) await chats.ensure(chat, family);

    const of = async (chat: ChatId) => (await inbox.accept(message("hi", { chat }))).session;

    expect(await of(a)).toBe(await of(b));
    expect(await of(GARDEN)).not.toBe(await of(ChatId.parse("web:kitchen")));
  });
});

describe("the list of chats", () => {
  it("names the newest event of each, the latest chat first, and those in which nothing was said", async () => {
    const { inbox, chats, clock } = await house();
    await inbox.accept(message("one"));
    clock.advance(1_000);
    const two = await inbox.accept(message("two", { chat: GARDEN }));
    const quiet = await chats.ensure(ChatId.parse("web:quiet"), GroupFolder.parse("family"), "Quiet");

    const list = await chats.list();

    expect(list.map(({ id }) => id).toSorted()).toEqual([GARDEN, "web:kitchen", quiet.id].toSorted());
    expect(list.find(({ id }) => id === GARDEN)).toMatchObject({ lastEvent: two.event, lastAt: clock.now() });
    expect(list.find(({ id }) => id === quiet.id)).toMatchObject({ lastEvent: null, group: "family" });
    expect(list.at(-1)?.id).toBe("web:kitchen");
  });
});
