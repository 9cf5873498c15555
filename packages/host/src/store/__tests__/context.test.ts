import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import type { ContextBounds } from "../context.ts";
import type { Judged } from "../inbox.ts";
import { createTurns } from "../turns.ts";
import { house, message, type TestMessage } from "./house.ts";

const CHAT = ChatId.parse("telegram:kitchen");
const FAMILY = GroupFolder.parse("family");
const AROUND: Partial<Judged> = { verdict: "noted", context: true };

async function given(bounds: ContextBounds = { messages: 50, tokens: 8_000 }) {
  const store = await house();
  await store.chats.ensure(CHAT, FAMILY);
  const turns = createTurns(store.db, {
    clock: store.clock,
    boot: "boot",
    modelOf: () => "a-model",
    speaks: () => store.speaks,
    contextOf: () => bounds,
  });
  const says = (text: string, more: Partial<TestMessage & Judged> = {}) =>
    store.inbox.accept(message(text, { chat: CHAT, ...more }));
  return {
    ...store,
    turns,
    says,
    overhears: (text: string) => says(text, AROUND),
    async calls(text: string) {
      const { session } = await says(text);
      return await store.claimed(session, turns);
    },
  };
}

const texts = (rows: readonly { text: string }[]) => rows.map(({ text }) => text);

describe("context", () => {
  it("rides along with the next call, oldest first, and only once", async () => {
    const { overhears, calls, turns } = await given();
    for (const text of ["one", "two"]) await overhears(text);

    const first = await calls("call");
    await turns.complete(first, { outbound: [], carried: [] });
    await overhears("three");
    const second = await calls("again");

    expect([texts(first.context.rows), texts(first.inputs)]).toEqual([["one", "two"], ["call"]]);
    expect([texts(second.context.rows), second.context.leftOut]).toEqual([["three"], 0]);
  });

  it("leaves the oldest out where it is too much, and counts them", async () => {
    const { overhears, calls } = await given({ messages: 2, tokens: 8_000 });
    for (const text of ["one", "two", "three", "four"]) await overhears(text);

    const { context } = await calls("call");

    expect([texts(context.rows), context.leftOut]).toEqual([["three", "four"], 2]);
  });

  it("counts bytes of UTF-8, four to a token, and gives a text whole or not at all", async () => {
    const { overhears, calls } = await given({ messages: 50, tokens: 10 });
    for (const text of ["x", "é".repeat(18), "four"]) await overhears(text);

    const { context } = await calls("call");

    expect([texts(context.rows), context.leftOut]).toEqual([["é".repeat(18), "four"], 1]);
  });

  it("is given again to a later attempt, with what was left out then", async () => {
    const { overhears, calls, turns, claimed } = await given({ messages: 1, tokens: 8_000 });
    for (const text of ["one", "two"]) await overhears(text);
    const claim = await calls("call");
    await overhears("three");
    await turns.retry(claim, { class: "x", detail: "", outbound: [], at: 0, charged: true });

    const again = await claimed(claim.session.id, turns);

    expect(texts(again.inputs)).toEqual(["call"]);
    expect([texts(again.context.rows), again.context.leftOut]).toEqual([["two"], 1]);
  });

  it("of a message that joins a turn is what came since the one before it", async () => {
    const { overhears, says, calls, turns, timeline } = await given();
    const claim = await calls("call");
    await overhears("one");
    const more = await says("more");
    await overhears("two");

    const offered = await turns.contextOf(claim, { afterSeq: 1, beforeSeq: more.seq });
    const taken = await turns.consume(claim, [more.message]);

    expect([texts(offered.rows), texts(taken.rows)]).toEqual([["one"], ["one"]]);
    await turns.complete(claim, { outbound: [], carried: [] });
    const [end] = (await timeline.after(CHAT, more.event, 10)).filter((event) => event.type === "turn");
    expect(end).toMatchObject({ state: "done", inputs: [claim.inputs[0]?.id, more.message] });
  });

  it("is not told to another group that the chat is bound to later", async () => {
    const { overhears, calls, chats } = await given();
    await overhears("between us");
    await chats.bind(CHAT, GroupFolder.parse("main"));

    const { context } = await calls("call");

    expect([texts(context.rows), context.leftOut]).toEqual([[], 0]);
  });
});

describe("an edit", () => {
  const PLATFORM = { platformId: "p-1" };
  const edit = (text: string, more: Partial<TestMessage & Judged> = {}) =>
    message(text, { chat: CHAT, ...PLATFORM, kind: "edit", version: 1, ...AROUND, ...more });

  it("replaces the text of what waits, and of what waits as context", async () => {
    const { says, overhears, inbox, calls } = await given();
    await says("dinner at seven", { ...PLATFORM, ...AROUND });
    await inbox.accept(edit("dinner at eight"));
    await overhears("ok");

    const { context } = await calls("call");

    expect(texts(context.rows)).toEqual(["dinner at eight", "ok"]);
  });

  it("that calls makes the message wait for a turn, with the new verdict", async () => {
    const { says, inbox, claimed, inputs } = await given();
    await says("what is the time?", { ...PLATFORM, ...AROUND });

    const { session, answered } = await inbox.accept(
      edit("@Bellhop what is the time?", { verdict: "admitted", reason: "called", context: false }),
    );

    const claim = await claimed(session);
    expect(claim.inputs).toMatchObject([{ id: answered, text: "@Bellhop what is the time?" }]);
    expect((await inputs())[0]).toMatchObject({ verdict: "admitted", reason: "called", kind: "message" });
  });

  it("joins the turn that is answering the message, or else is told with the next one", async () => {
    const { says, inbox, claimed, turns, calls } = await given();
    const claim = await claimed((await says("dinner at seven", PLATFORM)).session, turns);

    await inbox.accept(edit("dinner at eight"));
    const [joining] = await turns.followUps(claim);
    await turns.consume(claim, joining ? [joining.id] : []);
    await turns.complete(claim, { outbound: [], carried: [] });
    await inbox.accept(edit("dinner at nine", { version: 2 }));
    const next = await calls("call");

    expect(joining).toMatchObject({ kind: "edit", text: "dinner at eight", verdict: "admitted" });
    expect(next.context.rows).toMatchObject([{ kind: "edit", text: "dinner at nine" }]);
  });

  it("replaces an edit that waits itself", async () => {
    const { says, inbox, claimed, turns, calls } = await given();
    const claim = await claimed((await says("one", PLATFORM)).session, turns);
    await turns.complete(claim, { outbound: [], carried: [] });
    for (const version of [1, 2, 3]) await inbox.accept(edit(`version ${version}`, { version }));

    const { context } = await calls("call");

    expect(texts(context.rows)).toEqual(["version 3"]);
  });

  it.each<[string, Partial<TestMessage & Judged>]>([
    ["by somebody else", { sender: { id: "telegram:eve" as never, name: "Eve" } }],
    ["that a later one has overtaken", { version: 4 }],
    ["that is too long", { verdict: "refused", context: false }],
    ["of another message", { platformId: "p-2" }],
  ])("%s changes nothing", async (_, more) => {
    const { says, inbox, calls } = await given();
    await says("one", { ...PLATFORM, ...AROUND });
    await inbox.accept(edit("two", { version: 5 }));

    await inbox.accept(edit("three", { version: 6, ...more }));

    expect(texts((await calls("call")).context.rows)).toEqual(["two"]);
  });
});

describe("a deletion", () => {
  const gone = (more: Partial<TestMessage & Judged> = {}) =>
    message("", { chat: CHAT, platformId: "p-1", kind: "delete", version: 9, ...AROUND, ...more });

  it("takes away what no turn has taken in", async () => {
    const { says, inbox, inputs, turns } = await given();
    const { session } = await says("never mind", { platformId: "p-1" });

    await inbox.accept(gone());

    expect(session && (await turns.claim(session))).toBeUndefined();
    expect((await inputs())[0]).toMatchObject({ state: "note", reason: "deleted before it was answered" });
  });

  it("takes context away, and is not mentioned then", async () => {
    const { says, inbox, calls } = await given();
    await says("never mind", { platformId: "p-1", ...AROUND });
    await inbox.accept(gone());

    expect((await calls("call")).context).toEqual({ rows: [], leftOut: 0 });
  });

  it("of what a turn has taken in is told with the next message", async () => {
    const { says, inbox, claimed, turns, calls } = await given();
    const claim = await claimed((await says("never mind", { platformId: "p-1" })).session, turns);
    await inbox.accept(gone());
    await turns.complete(claim, { outbound: [], carried: [] });

    const { context } = await calls("call");

    expect(context.rows).toMatchObject([{ kind: "delete" }]);
    expect(await turns.original(CHAT, "p-1")).toMatchObject({ seq: 1 });
  });
});
