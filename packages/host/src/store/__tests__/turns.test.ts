import { RejectedError, StaleError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import type { Completion } from "../turns.ts";
import { house, message } from "./house.ts";

const GARDEN = ChatId.parse("web:garden");

async function asked(texts: readonly string[] = ["what is for dinner?"]) {
  const store = await house();
  const accepted = [];
  for (const text of texts) accepted.push(await store.inbox.accept(message(text)));
  const session = accepted[0]?.session;
  return { ...store, accepted, session, claim: await store.claimed(session) };
}

const text = (key: string) => ({ key, kind: "text", text: key }) as const;
const completion = (more: Partial<Completion> = {}): Completion => ({
  outbound: [text("soup")],
  engineSession: "conversation-1",
  position: "entry-1",
  carried: [],
  ...more,
});
const failure = { class: "transient", detail: "…", outbound: [] };

describe("a conversation that was lost", () => {
  it("is never stored again, in whichever later turn its name comes up", async () => {
    const { turns, claim, claimed, inbox, db } = await asked();
    await turns.complete(claim, completion({ engineSession: "lost" }));
    const { session } = await inbox.accept(message("and then?"));
    const afresh = await turns.startAfresh(await claimed(session));
    await turns.complete(afresh, completion({ outbound: [], engineSession: "new" }));
    const third = await inbox.accept(message("and now?"));

    await turns.complete(await claimed(third.session), completion({ outbound: [], engineSession: "lost" }));

    const inUse = db.selectFrom("sessions").select("engine_session").where("ended_at", "is", null);
    expect(await inUse.execute()).toEqual([{ engine_session: "new" }]);
  });
});

describe("a conversation with an engine or provider that is not in use any more", () => {
  it("is not gone on with: a turn that waits for another attempt moves to a fresh one, with a recap", async () => {
    const { turns, claim, claimed, speaks, session, db } = await asked();
    await turns.retry(claim, { ...failure, at: 0, charged: true });
    speaks.provider = "another";

    const again = await claimed(session);

    expect(again).toMatchObject({ turn: claim.turn, attempt: 2 });
    expect(again.session).toMatchObject({ provider: "another", engine_session: null, recap: 1 });
    expect(again.session.id).not.toBe(session);
    expect(again.inputs.map(({ session_id }) => session_id)).toEqual([again.session.id]);
    await turns.complete(again, completion());
    expect(await db.selectFrom("sessions").select("id").where("ended_at", "is", null).execute()).toEqual([
      { id: again.session.id },
    ]);
  });

  it("hands what waits for it to the one in its place", async () => {
    const store = await house();
    const { session } = await store.inbox.accept(message("hello"));
    store.speaks.engine = "acp";

    const claim = await store.claimed(session);

    expect(claim.session).toMatchObject({ engine: "acp", recap: 1 });
    expect(claim.inputs.map(({ text }) => text)).toEqual(["hello"]);
  });
});

describe("claiming", () => {
  it("takes the messages of one chat, in order, at most 50 of them", async () => {
    const store = await house();
    const family = GroupFolder.parse("family");
    const chats = [ChatId.parse("telegram:1"), ChatId.parse("telegram:2")] as const;
    for (const chat of chats) await store.chats.ensure(chat, family);
    await store.inbox.accept(message("first", { chat: chats[0] }));
    store.clock.advance(1);
    const accepted = await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        store.inbox.accept(message(`${i}`, { chat: chats[i % 2 === 0 ? 0 : 1] })),
      ),
    );

    const claim = await store.claimed(accepted[0]?.session);

    expect(claim.chat.id).toBe(chats[0]);
    expect(claim.inputs.map((row) => row.text)).toEqual([
      "first",
      ...Array.from({ length: 49 }, (_, i) => `${i * 2}`),
    ]);
  });

  it("takes fewer when they are long, and one at least however long it is", async () => {
    const long = "x".repeat(150_000);
    const { claim, turns, claimed, session } = await asked([long, long, "short"]);
    expect(claim.inputs).toHaveLength(1);

    await turns.complete(claim, completion());

    expect((await claimed(session)).inputs.map((row) => row.text.length)).toEqual([150_000, 5]);
  });

  it("gives nothing where nothing waits", async () => {
    const { turns, claim, session } = await asked();
    await turns.complete(claim, completion());

    expect(session && (await turns.claim(session))).toBeUndefined();
  });

  it("puts the start into the timeline, with the messages it answers", async () => {
    const { timeline, claim, accepted } = await asked(["one", "two"]);

    const { events } = await timeline.before(claim.chat.id, undefined, 10);

    expect(events.at(-1)).toMatchObject({
      type: "turn",
      turn: claim.turn,
      state: "started",
      inputs: accepted.map((one) => one.message),
    });
  });
});

describe("the fence of a turn", () => {
  /** A claim that somebody else has taken over. */
  async function overtaken() {
    const store = await asked();
    const later = await store.claimed(store.session, store.turnsOf("next boot"));
    expect(later.turn).toBe(store.claim.turn);
    expect(later.fence).toBeGreaterThan(store.claim.fence);
    return { ...store, later };
  }

  const effects: Record<string, (store: Awaited<ReturnType<typeof overtaken>>) => Promise<unknown>> = {
    complete: ({ turns, claim }) => turns.complete(claim, completion()),
    consume: ({ turns, claim, accepted }) =>
      turns.consume(
        claim,
        accepted.map((one) => one.message),
      ),
    say: ({ turns, claim }) => turns.say(claim, claim.chat, [text("hello")]),
    retry: ({ turns, claim }) =>
      turns.retry(claim, { ...failure, outbound: [text("wait")], at: 0, charged: true }),
    fail: ({ turns, claim }) => turns.fail(claim, { ...failure, outbound: [text("sorry")] }),
    release: ({ turns, claim }) => turns.release(claim),
    startAfresh: ({ turns, claim }) => turns.startAfresh(claim),
  };

  it.each(Object.entries(effects))(
    "stops %s of whoever held it before, and nothing is written",
    async (_, act) => {
      const store = await overtaken();
      const rows = async () => [
        await store.db.selectFrom("turns").selectAll().execute(),
        await store.db.selectFrom("sessions").selectAll().execute(),
        await store.db.selectFrom("events").selectAll().execute(),
        await store.inputs(),
        await store.owed(),
      ];
      const before = await rows();

      await expect(act(store)).rejects.toThrow(StaleError);

      expect(await rows()).toEqual(before);
      await store.turnsOf("next boot").complete(store.later, completion());
      expect(await store.owed()).toMatchObject([{ text: "soup" }]);
    },
  );

  it("holds within one life of the host too", async () => {
    const { turns, claim, claimed, session } = await asked();
    const later = await claimed(session);

    await expect(turns.complete(claim, completion())).rejects.toThrow(StaleError);

    await turns.complete(later, completion());
  });

  it("is of no more use once the turn has ended", async () => {
    const { turns, claim } = await asked();
    await turns.complete(claim, completion());

    await expect(turns.say(claim, claim.chat, [text("one more thing")])).rejects.toThrow(StaleError);
  });
});

describe("an ending", () => {
  it("completes all or nothing: inputs, answer, position, timeline (G10, G22)", async () => {
    const { turns, claim, inputs, owed, db, timeline } = await asked();
    const spoilt = { ...text("soup"), text: undefined as unknown as string };

    await expect(turns.complete(claim, completion({ outbound: [spoilt] }))).rejects.toThrow(
      /NOT NULL|type undefined/,
    );
    expect(await inputs()).toMatchObject([{ state: "claimed" }]);
    expect(await owed()).toEqual([]);
    expect(await db.selectFrom("sessions").selectAll().execute()).toMatchObject([{ engine_session: null }]);

    await turns.complete(claim, completion());
    expect(await inputs()).toMatchObject([{ state: "done", turn_id: claim.turn }]);
    const [row] = await owed();
    expect(await db.selectFrom("sessions").selectAll().execute()).toMatchObject([
      { engine_session: "conversation-1", position: "entry-1" },
    ]);
    const { events } = await timeline.before(claim.chat.id, undefined, 10);
    expect(events.at(-1)).toMatchObject({ state: "done", replies: [row?.id] });
  });

  it("leaves what was not consumed to the next turn", async () => {
    const { turns, claim, inbox, claimed, session } = await asked();
    const taken = await inbox.accept(message("and for lunch?"));
    const left = await inbox.accept(message("and tomorrow?"));

    await turns.consume(claim, [taken.message]);
    await turns.complete(claim, completion());

    expect((await claimed(session)).inputs.map(({ id }) => id)).toEqual([left.message]);
  });

  it("claims what is carried over in the same transaction", async () => {
    const { turns, claim, inbox, inputs, db } = await asked();
    const carried = await inbox.accept(message("and for lunch?"));

    const next = await turns.complete(claim, completion({ carried: [carried.message] }));

    expect(next).toMatchObject({
      inputs: [{ id: carried.message }],
      session: { engine_session: "conversation-1" },
    });
    expect(await inputs()).toMatchObject([{ state: "done" }, { state: "claimed", turn_id: next?.turn }]);
    expect(await db.selectFrom("turns").select("state").where("ended_at", "is", null).execute()).toEqual([
      { state: "running" },
    ]);
  });

  it("cannot carry over what was taken before", async () => {
    const { turns, claim, accepted } = await asked();

    const next = await turns.complete(claim, completion({ carried: accepted.map((one) => one.message) }));

    expect(next).toBeUndefined();
  });

  it("owes the same thing once, whatever is repeated (G12)", async () => {
    const { turns, claim, owed } = await asked();

    await turns.say(claim, claim.chat, [text("a"), text("b")]);
    await turns.say(claim, claim.chat, [text("b"), text("a")]);
    await turns.complete(claim, completion({ outbound: [text("a"), text("c")] }));

    expect((await owed()).map((row) => [row.text, row.seq])).toEqual([
      ["a", 2],
      ["b", 3],
      ["c", 4],
    ]);
  });

  it("does not let one turn say without end", async () => {
    const { turns, claim, owed } = await asked();

    for (let i = 0; i < 100; i += 1) await turns.say(claim, claim.chat, [text(`${i}`)]);

    await expect(turns.say(claim, claim.chat, [text("100")])).rejects.toThrow(RejectedError);
    await turns.say(claim, claim.chat, [{ key: "n", kind: "notice", text: "the host still may" }]);
    expect(await owed()).toHaveLength(101);
  });

  it("keeps the failure, and its messages are done: nobody answers them again", async () => {
    const { turns, claim, inputs, db, claimed, session } = await asked();

    await turns.fail(claim, { ...failure, class: "auth", detail: "401", outbound: [text("sorry")] });

    expect(await db.selectFrom("turns").selectAll().execute()).toMatchObject([
      { state: "failed", failure_class: "auth", failure_detail: "401" },
    ]);
    expect(await inputs()).toMatchObject([{ state: "done" }]);
    await expect(claimed(session)).rejects.toThrow("no turn to claim");
  });
});

describe("another attempt", () => {
  it.each([
    { charged: true, attempt: 2 },
    { charged: false, attempt: 1 },
  ])("waits until it is due, and knows what was said: charged $charged", async ({ charged, attempt }) => {
    const { turns, claim, clock, claimed, session } = await asked();
    const at = clock.now() + 5_000.5;

    await turns.say(claim, claim.chat, [text("on its way")]);
    await turns.retry(claim, { ...failure, at, charged });
    expect(session && (await turns.claim(session))).toEqual({ notBefore: Math.ceil(at) });
    expect(await turns.due()).toMatchObject([{ session, at: Math.ceil(at) }]);
    clock.advance(5_001);

    expect(await claimed(session)).toMatchObject({
      turn: claim.turn,
      attempt,
      lost: 0,
      alreadySent: ["on its way"],
      inputs: [{ text: "what is for dinner?" }],
      createdAt: claim.createdAt,
    });
  });

  it("is not charged when the turn was released", async () => {
    const { turns, claim, claimed, session } = await asked();

    await turns.release(claim);

    expect(await claimed(session)).toMatchObject({ turn: claim.turn, attempt: 1, lost: 0 });
  });

  it("is not charged when the host died, but counted", async () => {
    const { claim, claimed, session, turnsOf } = await asked();

    const [second, third] = [
      await claimed(session, turnsOf("second boot")),
      await claimed(session, turnsOf("third boot")),
    ];

    expect([second, third]).toMatchObject([
      { turn: claim.turn, attempt: 1, lost: 1 },
      { turn: claim.turn, attempt: 1, lost: 2 },
    ]);
  });

  it("does not repeat what was refused for good as if it had been sent", async () => {
    const { turns, claim, outbox, claimed, session } = await asked();
    await turns.say(claim, claim.chat, [text("refused")]);
    const row = await outbox.claim(claim.chat.id);
    if (row && "row" in row) await outbox.bury(row.row, "chat not found");

    await turns.release(claim);

    expect((await claimed(session)).alreadySent).toEqual([]);
  });
});

describe("starting afresh", () => {
  it("ends the session and moves the turn with what it took and what waits", async () => {
    const { turns, claim, inbox, inputs, db, session } = await asked();
    await inbox.accept(message("and for lunch?"));

    const moved = await turns.startAfresh(claim);

    expect(moved.session).toMatchObject({ engine_session: null, position: null, ended_at: null });
    expect((await inputs()).map(({ session_id }) => session_id)).toEqual([
      moved.session.id,
      moved.session.id,
    ]);
    expect(await db.selectFrom("turns").select("session_id").execute()).toEqual([
      { session_id: moved.session.id },
    ]);
    const old = await db
      .selectFrom("sessions")
      .select("ended_at")
      .where("id", "=", session ?? moved.session.id)
      .executeTakeFirst();
    expect(old?.ended_at).not.toBeNull();
    await turns.complete(moved, completion());
  });

  it("works also when another conversation of the scope is in use by now", async () => {
    const { turns, claim, inbox, speaks, claimed } = await asked();
    speaks.engine = "acp";
    const next = await inbox.accept(message("and for lunch?"));

    const moved = await turns.startAfresh(claim);
    await turns.complete(moved, completion());

    expect(moved.session.id).not.toBe(next.session);
    expect((await claimed(next.session)).inputs).toMatchObject([{ text: "and for lunch?" }]);
  });

  it("can tell what was said lately, but not what the turn itself answers and has said", async () => {
    const { turns, claim, inbox, outbox, claimed, session } = await asked(["one"]);
    await turns.complete(claim, completion({ outbound: [text("first")] }));
    await inbox.accept(message("two"));
    const second = await claimed(session);
    await turns.say(second, second.chat, [text("second")]);
    for (let next = await outbox.claim(claim.chat.id); next && "row" in next;) {
      await outbox.sent(next.row, next.row.key);
      next = await outbox.claim(claim.chat.id);
    }

    expect(await turns.recap(second, 10)).toEqual([
      { who: "Ada", text: "one" },
      { who: "you", text: "first" },
    ]);
  });
});

describe("what is due", () => {
  it("is every session with a message or a turn, once each, whatever the clock says", async () => {
    const { inbox, turns, clock, session, claim } = await asked();
    await inbox.accept(message("behind the turn"));
    clock.advance(1);
    const garden = await inbox.accept(message("hello", { chat: GARDEN }));
    expect((await turns.due()).map((due) => [due.session, due.at <= clock.now()])).toEqual([
      [session, true], // marked as running: a dead host's, if nobody runs it
      [garden.session, true],
    ]);

    await turns.complete(claim, completion());

    expect((await turns.due()).map((due) => [due.session, due.at])).toEqual([
      [session, 0],
      [garden.session, 0],
    ]);
  });
});

describe("a message that is quoted", () => {
  it("is found by the platform's id or by ours, in its own chat only", async () => {
    const { turns, claim, inbox, outbox } = await asked();
    const one = await inbox.accept(message("one", { platformId: "p-1" }));
    await turns.complete(claim, completion());
    const sent = await outbox.claim(claim.chat.id);
    if (!sent || !("row" in sent)) throw new Error("nothing is owed");
    await outbox.sent(sent.row, "p-2");

    expect(await turns.quoted(claim.chat.id, "p-1")).toEqual({ seq: one.seq, text: "one" });
    expect(await turns.quoted(claim.chat.id, one.message)).toEqual({ seq: one.seq, text: "one" });
    expect(await turns.quoted(claim.chat.id, "p-2")).toMatchObject({ text: "soup" });
    expect(await turns.quoted(GARDEN, "p-1")).toBeUndefined();
    expect(await turns.numbered(claim.chat.id, one.seq)).toBe(one.message);
    expect(await turns.numbered(GARDEN, one.seq)).toBeUndefined();
  });
});
