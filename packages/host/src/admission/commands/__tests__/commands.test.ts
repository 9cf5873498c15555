import type { Inbound } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, MAIN, newId, OutboxId } from "../../../core/ids.ts";
import { type MiddleOptions, middle, settled } from "../../../turns/__tests__/middle.ts";

/** A middle with a group chat on a platform, in which Ada is the owner, Ann an admin and Bob a member. */
async function given(options: MiddleOptions = {}) {
  const house = await middle(options);
  await house.bind("fake:family", "family");
  return {
    ...house,
    /** On the platform. */
    async wrote(who: string, text: string, more: Partial<Inbound> = {}) {
      await house.admission.receive(
        { name: "fake", account: "" },
        {
          platformId: crypto.randomUUID(),
          kind: "message",
          version: 0,
          chat: "family",
          sender: { id: who, name: who },
          text,
          ...more,
        },
      );
      await settled();
    },
    rows: () => house.db.selectFrom("inbox").selectAll().orderBy("accepted_at").orderBy("seq").execute(),
    owed: () => house.db.selectFrom("outbox").selectAll().orderBy("created_at").orderBy("seq").execute(),
    /** The one in use last. */
    sessions: () => house.db.selectFrom("sessions").selectAll().orderBy("ended_at", "desc").execute(),
  };
}

describe("a chat command", () => {
  it("is answered by the host with a notice that replies to it, and no turn begins", async () => {
    const { says, rows, owed, dispatcher } = await given();

    const { message } = await says("web:kitchen", "/help");

    expect(await rows()).toMatchObject([
      { verdict: "noted", reason: "it is the command /help", state: "note", command: "help", context: 0 },
    ]);
    expect(await owed()).toMatchObject([
      { key: `command:${message}`, kind: "notice", reply_to: message, turn_id: null },
    ]);
    expect(dispatcher.running()).toEqual([]);
  });

  it("is run once, however often its platform delivers it", async () => {
    const chosen: unknown[] = [];
    const { says, owed } = await given({ powers: { choose: async (...one) => void chosen.push(one) } });

    await says("web:kitchen", "/model opus", { platformId: "7" });
    await says("web:kitchen", "/model opus", { platformId: "7" });

    expect(chosen).toEqual([["main", { model: "opus" }]]);
    expect(await owed()).toHaveLength(1);
  });

  it("that its host died on is run at the next start, unless it is old by then", async () => {
    let runs = 0;
    const { says, db, clock, commands, owed } = await given({ powers: { choose: async () => void runs++ } });
    await says("web:kitchen", "/model opus");
    await db.deleteFrom("outbox").execute(); // as if it had died before the answer was stored

    clock.advance(5 * 60_000);
    await commands.recover();
    await commands.settled();
    await commands.recover();
    await commands.settled();
    expect(runs).toBe(2);
    expect(await owed()).toHaveLength(1);

    await db.deleteFrom("outbox").execute();
    clock.advance(6 * 60_000);
    await commands.recover();
    await commands.settled();
    expect(await owed()).toEqual([]);
  });

  it("that nobody knows is named, and text that only looks like one is text", async () => {
    const { says, said, rows } = await given();

    await says("web:kitchen", "/frobnicate now");
    await says("web:kitchen", "/etc/passwd is odd");

    expect((await said("web:kitchen"))[0]).toBe(
      "(notice) There is no command /frobnicate; /help lists those there are.",
    );
    expect((await rows()).map(({ command, verdict }) => [command, verdict])).toEqual([
      ["frobnicate", "noted"],
      [null, "admitted"],
    ]);
  });

  it("that the engine offers is the engine's", async () => {
    const { says, rows, dispatcher } = await given({ offers: ["compact"] });

    await says("web:kitchen", "/compact");

    expect(await rows()).toMatchObject([
      { verdict: "admitted", reason: "the engine has a command /compact", engine_command: 1, command: null },
    ]);
    expect(dispatcher.running()).toHaveLength(1);
  });

  it("that fails says so, and the next one is answered", async () => {
    const { says, said } = await given({ powers: { choose: () => Promise.reject(new Error("disk")) } });

    await says("web:kitchen", "/queue steer");
    await says("web:kitchen", "/queue sideways");
    await says("web:kitchen", "/model two words");

    expect(await said("web:kitchen")).toEqual([
      "(notice) /queue did not work; the log says why.",
      "(notice) There is no such way. It is one of: steer, queue, interrupt, default.",
      "(notice) That is not the name of a model. /model default goes back to the usual one.",
    ]);
  });
});

describe("who may use a command", () => {
  it.each([
    ["bob", "/status", /^Nothing runs/],
    ["bob", "/queue", /^Only an admin of this group or the owner may use \/queue\.$/],
    ["bob", "/pause", /^Only the owner may use \/pause\.$/],
    ["ann", "/queue", /^steer: /],
    ["ann", "/pause", /^Only the owner may use \/pause\.$/],
    ["ada", "/resume", /^Nothing is paused\.$/],
  ])("%s: %s", async (who, text, answer) => {
    const { wrote, owed } = await given();

    await wrote(who, text);

    const [row] = await owed();
    expect(row?.text).toMatch(answer);
  });

  it("sees in /help only what is theirs", async () => {
    const { wrote, owed } = await given();

    for (const who of ["bob", "ann", "ada"]) await wrote(who, "/help");

    const lines = (await owed()).map(({ text }) => text.split("\n").length);
    expect(lines).toEqual([8, 10, 16]);
  });

  it("is nobody who may not speak, and no other bot, and none whose command is for another bot", async () => {
    const { wrote, owed, rows, commands } = await given();

    const stranger = commands.recognise({
      text: "/status",
      role: "stranger",
      group: MAIN,
      assistant: "Bellhop",
      direct: false,
      mentionsUs: true,
      verdict: { verdict: "admitted" },
    });
    await wrote("robot", "/status", { sender: { id: "robot", name: "R2", bot: true } });
    await wrote("bob", "/status@OtherBot");
    await wrote("bob", "/roll 2d6");

    expect(stranger).toBeUndefined();
    expect(await owed()).toEqual([]);
    expect((await rows()).map(({ command, context }) => [command, context])).toEqual(
      Array.from({ length: 3 }, () => [null, 1]),
    );
  });

  it("names the assistant where several programs share a chat", async () => {
    const { wrote, owed } = await given();

    await wrote("bob", "/status@bellhop");
    await wrote("bob", "/status@bell_home_bot", { mentionsUs: true });
    await wrote("bob", "/roll@Bellhop 2d6");

    expect((await owed()).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^Nothing runs/),
      expect.stringMatching(/^Nothing runs/),
      "There is no command /roll; /help lists those there are.",
    ]);
  });
});

describe("/new", () => {
  it("ends the live turn, and what is said from its commit on is in a fresh conversation", async () => {
    const { says, said, sessions, dispatcher, turnRows, stateOf, advance } = await given();
    await says("web:kitchen", "one");
    expect(dispatcher.running()).toHaveLength(1);
    await advance(1);

    await says("web:kitchen", "/new");
    const { message } = await says("web:kitchen", "two");

    const [old, fresh] = await sessions();
    expect(old?.ended_at).not.toBeNull();
    expect(fresh).toMatchObject({ ended_at: null, recap: 0, tainted: 0 });
    expect((await turnRows()).map(({ state, session_id }) => [state, session_id])).toEqual([
      ["cancelled", old?.id],
      ["running", fresh?.id],
    ]);
    expect(await stateOf(message)).toBe("claimed");
    expect(await said("web:kitchen")).toEqual([
      expect.stringContaining("I stopped the answer under way. This is a new conversation"),
    ]);
  });

  it("takes along what was written before and waits", async () => {
    const { says, sessions, rows } = await given({ queue: "queue" });
    await says("web:kitchen", "one");
    await says("web:kitchen", "two");

    await says("web:kitchen", "/new");

    const [, fresh] = await sessions();
    const [, two] = await rows();
    expect(two).toMatchObject({ text: "two", session_id: fresh?.id, state: "claimed" });
  });

  it("has nothing to put away in a chat without a conversation", async () => {
    const { says, said, sessions } = await given();

    await says("web:kitchen", "/new");

    expect(await said("web:kitchen")).toEqual(["(notice) This is a new conversation already."]);
    expect(await sessions()).toEqual([]);
  });
});

describe("/stop", () => {
  it("ends the live turn, and says when there was none", async () => {
    const { says, said, turnRows } = await given();
    await says("web:kitchen", "one");

    await says("web:kitchen", "/stop");
    await says("web:kitchen", "/stop");

    expect(await turnRows()).toMatchObject([{ state: "cancelled" }]);
    expect(await said("web:kitchen")).toEqual([
      "(notice) Stopped.",
      "(notice) There is nothing to stop: I am not answering anything here.",
    ]);
  });
});

describe("/stop, where an answer waits for another attempt", () => {
  it("ends it, and what came behind it is answered", async () => {
    const { says, said, turnRows, engine, clock } = await given({ queue: "queue" });
    await says("web:kitchen", "one");
    engine.latest.fail({ class: "transient", detail: "a hiccup" });
    await settled();
    await says("web:kitchen", "two");
    expect(await turnRows()).toMatchObject([{ state: "waiting" }]);
    clock.advance(1);

    await says("web:kitchen", "/stop");

    expect((await turnRows()).map(({ state }) => state).toSorted()).toEqual(["cancelled", "running"]);
    expect(await said("web:kitchen")).toContain("(notice) Stopped.");
  });

  it("ends one that ran when its host died, as the next host finds it", async () => {
    const before = await given();
    await before.says("web:kitchen", "one");
    const { says, said, turnRows } = await middle({ after: before });

    await says("web:kitchen", "/stop");

    expect(await turnRows()).toMatchObject([{ state: "cancelled" }]);
    expect(await said("web:kitchen")).toEqual(["(notice) Stopped."]);
  });
});

describe("/why", () => {
  it("tells of a message, its turn, and what became of each part of the answer", async () => {
    const { says, said } = await answered();

    await says("web:kitchen", "/why");

    expect((await said("web:kitchen")).at(-1)).toMatch(
      new RegExp(
        [
          String.raw`^\(notice\) #1 from Ada: one`,
          String.raw`Admitted: the owner wrote in a chat of their own\.`,
          String.raw`Turn [0-9a-f]{8}: done, 1 attempt, 0 s, model a-model\.`,
          String.raw`Answer #2: sent, there known as \S+\.$`,
        ].join("\n"),
      ),
    );
  });

  it("finds a message by its number or as what it replies to, and nothing in other chats", async () => {
    const { says, said, rows } = await answered();
    const [one] = await rows();

    await says("web:kitchen", "/why #1");
    await says("web:kitchen", "/why", { replyTo: one?.id ?? "" });
    await says("web:kitchen", "/why", { replyTo: one?.platform_id ?? "" });
    await says("web:kitchen", "/why #99");
    await says("web:kitchen", "/why because");
    await says("web:hall", "/why", { replyTo: one?.id ?? "" });

    const heads = (await said("web:kitchen")).slice(1).map((text) => text.split("\n")[0]);
    expect(heads).toEqual([
      ...Array.from({ length: 3 }, () => "(notice) #1 from Ada: one"),
      "(notice) There is no such message in this chat.",
      "(notice) Reply to the message with /why, or give its number: /why #12",
    ]);
    expect(await said("web:hall")).toEqual(["(notice) There is no such message in this chat."]);
  });

  it("says what was refused, and what nobody called for", async () => {
    const { wrote, owed } = await given();
    await wrote("bob", "lovely weather");
    await wrote("bob", "/why");
    await wrote("bob", "/pause");

    await wrote("bob", "/why #4");

    const [noted, , refused] = (await owed()).map(({ text }) => text);
    expect(noted).toContain("Not answered: it did not call the assistant");
    expect(noted).toContain("It is kept and rides along with the next message that calls me.");
    expect(refused).toContain("Refused: only the owner may use /pause.");
  });

  it("does not show what is only the owner's to know, and no price for a rehearsal", async () => {
    const { wrote, owed, db } = await given();
    await wrote("bob", "@Bellhop hello");
    const turn = await db.selectFrom("turns").selectAll().executeTakeFirstOrThrow();
    await db
      .updateTable("turns")
      .set({ state: "failed", ended_at: 1, failure_class: "crashed", failure_detail: "at /srv/secret" })
      .execute();
    for (const [prices, cost] of [
      ["rehearsal", 0],
      ["2026-01", 1_500],
    ] as const)
      await db
        .insertInto("usage")
        .values({
          turn_id: turn.id,
          session_id: turn.session_id,
          group_id: turn.group_id,
          provider: "p",
          model_asked: "m",
          model_served: prices,
          kind: "turn",
          input_tokens: 10,
          output_tokens: 5,
          cache_read_tokens: 1,
          cache_write_tokens: 0,
          cost_micros: cost,
          prices,
          http_status: 200,
          duration_ms: 1,
          at: 1,
        })
        .execute();
    await db
      .insertInto("outbox")
      .values({
        id: newId(OutboxId),
        key: "k",
        chat_id: ChatId.parse("fake:family"),
        group_id: turn.group_id,
        turn_id: turn.id,
        kind: "notice",
        seq: 90,
        text: "sorry",
        sender_name: null,
        reply_to: null,
        state: "unknown",
        due_at: 0,
        platform_id: null,
        error: "the connection broke",
        created_at: 0,
        settled_at: 1,
      })
      .execute();

    await wrote("bob", "/why #1");
    await wrote("ada", "/why #1");

    const [, toBob, toAda] = (await owed()).map(({ text }) => text);
    expect(toBob).toContain("It failed: crashed.");
    expect(toBob).not.toContain("secret");
    expect(toAda).toContain("It failed: crashed (at /srv/secret).");
    expect(toAda).toContain("1 call of rehearsal: 11 tokens in, 5 tokens out. It was the rehearsal model");
    expect(toAda).toContain("1 call of 2026-01: 11 tokens in, 5 tokens out, $0.0015.");
    expect(toAda).toContain("Notice #90: may or may not have arrived (the connection broke).");
  });
});

/** Somebody wrote `one`, and was answered. */
async function answered() {
  const house = await given();
  await house.says("web:kitchen", "one");
  house.engine.latest.answer("two");
  await settled();
  return house;
}
