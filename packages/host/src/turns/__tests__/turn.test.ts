import { TemporaryError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { armFailpoints } from "../../core/failpoint.ts";
import { SenderId, TurnId } from "../../core/ids.ts";
import type { EngineFailure } from "../engine.ts";
import { HELD, NO_ANSWER, STARTED_AFRESH, TOOK_TOO_LONG } from "../failure-words.ts";
import type { ScriptedSession } from "../testing.ts";
import { middle, type MiddleOptions, MINUTE, SECOND, SECRET, settled } from "./middle.ts";

const CHAT = "web:kitchen";

/** A chat with a question in it and an engine that was given it. */
async function asked(options: MiddleOptions = {}) {
  const house = await middle(options);
  const { message, session } = await house.says(CHAT, "what is for dinner?");
  if (session === undefined) throw new Error("nobody answers");
  return { ...house, message, session };
}

const failing = (first: EngineFailure, then = "soup") => {
  let left = 1;
  return (session: ScriptedSession) => (left-- > 0 ? session.fail(first) : session.answer(then));
};

describe("a turn", () => {
  it("answers, marks its message done and stores where to resume, all at its end", async () => {
    const { engine, said, stateOf, turnRows, message, db } = await asked();
    expect(await stateOf(message)).toBe("claimed");

    engine.latest.answer("soup", "entry-7");
    await settled();

    expect(await said(CHAT)).toEqual(["soup"]);
    expect(await stateOf(message)).toBe("done");
    expect(await turnRows()).toMatchObject([{ state: "done", attempt: 1 }]);
    expect(await db.selectFrom("sessions").selectAll().execute()).toMatchObject([
      { engine_session: "conversation-1", position: "entry-7" },
    ]);
  });

  it("filters secrets and internal text from deltas and from the answer", async () => {
    const { engine, said, shown } = await asked();

    engine.latest.emit({ type: "delta", text: `<internal>hm</internal>the key is ${SECRET.slice(0, 9)}` });
    engine.latest.emit({ type: "delta", text: `${SECRET.slice(9)}!` });
    engine.latest.emit({ type: "reply", text: `<internal>hm</internal>the key is ${SECRET}!` });
    engine.latest.emit({ type: "done", carried: [] });
    await settled();

    const live = shown.map((event) => (event.type === "delta" ? event.text : "")).join("");
    expect(live).toBe("the key is [hidden]!");
    expect(await said(CHAT)).toEqual(["the key is [hidden]!"]);
  });

  it("shows what was said before a tool, and answers with what is said after it", async () => {
    const { engine, said, dispatcher } = await asked();

    engine.latest.emit({ type: "reply", text: "Let me look." }, { type: "activity", tool: "Bash" });
    await settled();
    expect(dispatcher.snapshot(undefined)).toMatchObject([
      { type: "delta", text: "Let me look.", reset: true },
      { type: "activity", tool: "Bash" },
    ]);
    engine.latest.answer("It is soup.");
    await settled();

    expect(await said(CHAT)).toEqual(["It is soup."]);
  });

  it("delivers what was committed though an error hid that", async () => {
    const { engine, db } = await asked();
    let failing = true;
    armFailpoints((place) => {
      if (place !== "complete.committed" || !failing) return;
      failing = false;
      throw new Error("the disk says no, after it has written");
    });

    engine.latest.answer("soup");
    await settled();

    expect(await db.selectFrom("outbox").select(["text", "state"]).execute()).toEqual([
      { text: "soup", state: "sent" },
    ]);
  });

  it("never ends in silence", async () => {
    const { engine, said } = await asked();

    engine.latest.answer("<internal>nothing to say</internal>");
    await settled();

    expect(await said(CHAT)).toEqual([`(notice) ${NO_ANSWER}`]);
  });

  it("may end without words when a tool has spoken in its chat", async () => {
    const { engine, said } = await asked();
    const send = engine.latest.opened.tools.find(({ name }) => name === "send_message");

    await send?.call({ text: "On its way." }, { toolUseId: "t1" });
    engine.latest.answer("");
    await settled();

    expect(await said(CHAT)).toEqual(["On its way."]);
  });

  it("tells its own chat something when its tools spoke only elsewhere", async () => {
    const { engine, said, bind } = await asked();
    await bind("web:garden", "garden");
    const send = engine.latest.opened.tools.find(({ name }) => name === "send_message");

    await send?.call({ text: "Dinner!", chat: "web:garden" }, { toolUseId: "t1" });
    engine.latest.answer("");
    await settled();

    expect(await said("web:garden")).toEqual(["Dinner!"]);
    expect(await said(CHAT)).toEqual([`(notice) ${NO_ANSWER}`]);
  });

  it("fails once, not for ever, when its program talks without an end", async () => {
    const { engine, rooms, turnRows } = await asked();

    for (let i = 0; i < 3; i += 1) engine.latest.emit({ type: "delta", text: "x".repeat(500_000) });
    await settled();

    expect(rooms.list()).toEqual([]);
    expect(await turnRows()).toMatchObject([{ state: "waiting", failure_class: "crashed" }]);
  });
});

describe("what comes while a turn runs", () => {
  it("joins it when the engine takes it in", async () => {
    const { engine, says, said, stateOf, turnRows } = await asked();

    const { message } = await says(CHAT, "and for lunch?");
    expect(engine.latest.prompts.map(({ blocks }) => blocks.at(-1))).toEqual([
      "what is for dinner?",
      "and for lunch?",
    ]);
    expect(await stateOf(message)).toBe("waiting");
    engine.latest.emit({ type: "consumed", prompts: [message] });
    await settled();
    expect(await stateOf(message)).toBe("claimed");
    engine.latest.answer("soup, and soup");
    await settled();

    expect(await said(CHAT)).toEqual(["soup, and soup"]);
    expect(await turnRows()).toHaveLength(1);
    expect(await stateOf(message)).toBe("done");
  });

  it("waits for the next turn when the engine did not take it in", async () => {
    const { engine, says, turnRows, message } = await asked();
    await says(CHAT, "and for lunch?");

    engine.latest.emit({ type: "consumed", prompts: [message] }, { type: "reply", text: "soup" });
    engine.latest.emit({ type: "done", carried: [] });
    await settled();

    expect(await turnRows()).toMatchObject([{ state: "done" }, { state: "running" }]);
    expect(engine.latest.prompts.at(-1)?.blocks.at(-1)).toBe("and for lunch?");
    expect(engine.sessions).toHaveLength(1);
  });

  it("opens the next turn at once when the program goes on with it by itself", async () => {
    const { engine, says, said, broker, message } = await asked();
    const followUp = await says(CHAT, "and for lunch?");

    engine.latest.emit({ type: "consumed", prompts: [message] }, { type: "reply", text: "soup" });
    engine.latest.emit({ type: "done", carried: [followUp.message] });
    await settled();
    engine.latest.emit({ type: "consumed", prompts: [followUp.message] }, { type: "reply", text: "bread" });
    engine.latest.emit({ type: "done", carried: [] });
    await settled();

    expect(await said(CHAT)).toEqual(["soup", "bread"]);
    expect(engine.latest.prompts).toHaveLength(2); // each was given once
    const [first, second, after] = broker.doors[0]?.turns ?? [];
    expect([TurnId.safeParse(first).success, TurnId.safeParse(second).success]).toEqual([true, true]);
    expect(second).not.toBe(first);
    expect(after).toBeUndefined();
  });

  it("is given again when the program goes on with something else and has dropped it", async () => {
    const { engine, says, message } = await asked();
    const carried = await says(CHAT, "and for lunch?");
    await says(CHAT, "and for tea?");

    engine.latest.emit({ type: "consumed", prompts: [message] }, { type: "reply", text: "soup" });
    engine.latest.emit({ type: "done", carried: [carried.message] });
    await settled();

    expect(engine.latest.prompts.map(({ blocks }) => blocks.at(-1))).toEqual([
      "what is for dinner?",
      "and for lunch?",
      "and for tea?",
      "and for tea?",
    ]);
  });

  it("joins the first prompt when it comes before the sandbox is up, and is given once", async () => {
    const house = await middle();
    const door = Promise.withResolvers<void>();
    house.broker.held = door.promise;
    await house.says(CHAT, "one");
    await house.says(CHAT, "two");
    expect(house.engine.latest.prompts).toEqual([]);

    door.resolve();
    await settled();

    expect(house.engine.latest.prompts).toHaveLength(1);
    expect(house.engine.latest.prompts[0]?.blocks.slice(1)).toEqual(["one", "two"]);
  });

  it("is not given to an engine whose answer has just ended", async () => {
    const { engine, says, turnRows } = await asked();

    const coming = says(CHAT, "and for lunch?");
    engine.latest.answer("soup"); // before anybody could read that there is more
    await coming;
    await settled();

    expect(await turnRows()).toMatchObject([{ state: "done" }, { state: "running" }]);
    expect(engine.latest.prompts.map(({ blocks }) => blocks.at(-1))).toEqual([
      "what is for dinner?",
      "and for lunch?",
    ]);
  });

  it("is given once, though the reading of it outlasts the answer it was to join", async () => {
    const reads: (() => void)[] = [];
    const { engine, says } = await asked({
      between: (turns) => ({
        ...turns,
        async quoted(chat, ref) {
          await new Promise<void>((resolve) => reads.push(resolve));
          return await turns.quoted(chat, ref);
        },
      }),
    });
    await says(CHAT, "not that", { replyTo: "some message" });
    engine.latest.answer("soup");
    await settled();
    const [late, inTime] = reads; // the steering one, then that of the next turn
    inTime?.();
    await settled();

    late?.();
    await settled();

    expect(engine.latest.prompts.map(({ blocks }) => blocks.at(-1))).toEqual([
      "what is for dinner?",
      "not that",
    ]);
  });

  it("stays with the turn that took it in when that turn must start afresh", async () => {
    const { engine, says, said, stateOf } = await asked();
    const { message } = await says(CHAT, "and for lunch?");

    engine.latest.emit({ type: "consumed", prompts: [message] });
    engine.latest.fail({ class: "stale_session", detail: "No conversation found" });
    await settled();

    expect(engine.latest.prompts[0]?.blocks.slice(1)).toEqual(["what is for dinner?", "and for lunch?"]);
    engine.latest.answer("soup twice");
    await settled();
    expect(await stateOf(message)).toBe("done");
    expect(await said(CHAT)).toEqual([`(notice) ${STARTED_AFRESH}`, "soup twice"]);
  });
});

describe("a turn that is stopped", () => {
  it("is cancelled, its message answered by it, and resumes where the engine was after the stop", async () => {
    const { engine, dispatcher, stateOf, turnRows, message, db, rooms, session } = await asked();
    engine.latest.emit({ type: "activity", tool: "Bash" }, { type: "position", position: "entry-9" });
    await settled();

    expect(await dispatcher.stop(session, "stopped by Ada")).toBe("stopped");

    expect(await turnRows()).toMatchObject([{ state: "cancelled", attempt: 1 }]);
    expect(await stateOf(message)).toBe("done");
    expect(rooms.list()).toEqual([]);
    expect(await db.selectFrom("sessions").selectAll().execute()).toMatchObject([
      { engine_session: "conversation-1", position: "entry-9" },
    ]);
  });

  it("leaves the place to resume at as it was when the engine named none", async () => {
    const { engine, dispatcher, says, session, db } = await asked();
    engine.latest.answer("soup", "entry-7");
    await settled();
    await says(CHAT, "and now?");

    await dispatcher.stop(session, "stopped by Ada");

    expect(await db.selectFrom("sessions").select("position").execute()).toEqual([{ position: "entry-7" }]);
  });

  it("ends though its engine hangs, within three seconds", async () => {
    const { dispatcher, session, turnRows, advance } = await asked({ script: { stops: false } });

    const stop = dispatcher.stop(session, "stopped by Ada");
    await advance(2 * SECOND);
    expect(await turnRows()).toMatchObject([{ state: "running" }]);
    await advance(SECOND);

    expect(await stop).toBe("stopped");
    expect(await turnRows()).toMatchObject([{ state: "cancelled" }]);
  });

  it("ends while it waits for files that are still coming", async () => {
    const coming = new Promise<undefined>(() => undefined);
    const { dispatcher, session, turnRows, engine } = await asked({ filesSettled: () => coming });
    expect(engine.latest.prompts).toEqual([]);

    expect(await dispatcher.stop(session, "stopped by Ada")).toBe("stopped");

    expect(await turnRows()).toMatchObject([{ state: "cancelled" }]);
  });

  it("ends before its sandbox is up", async () => {
    const house = await middle();
    house.broker.held = new Promise(() => undefined);
    const { session } = await house.says(CHAT, "hello");
    if (!session) throw new Error("no session");

    // Its door never opens, so its place is not free; but the turn is over.
    void house.dispatcher.stop(session, "stopped by Ada");
    await settled();

    expect(await house.turnRows()).toMatchObject([{ state: "cancelled" }]);
  });

  it("may be one that waits for another attempt; what came behind it is answered", async () => {
    const { engine, dispatcher, says, session, turnRows, said } = await asked();
    engine.latest.fail({ class: "transient", detail: "503" });
    await settled();
    await says(CHAT, "and for lunch?");

    expect(await dispatcher.stop(session, "stopped by Ada")).toBe("stopped");
    await settled();
    engine.latest.answer("bread");
    await settled();

    expect(await turnRows()).toMatchObject([{ state: "cancelled" }, { state: "done" }]);
    expect(await said(CHAT)).toEqual(["bread"]);
    expect(await dispatcher.stop(session, "again")).toBe("nothing");
  });

  it("leaves what was not taken in to the next turn", async () => {
    const { engine, dispatcher, says, session, stateOf } = await asked();
    const { message } = await says(CHAT, "and for lunch?");

    await dispatcher.stop(session, "stopped by Ada");
    await settled();

    expect(await stateOf(message)).toBe("claimed");
    expect(engine.latest.prompts.map(({ blocks }) => blocks.at(-1))).toEqual(["and for lunch?"]);
  });
});

describe("a group's choice of what a follow-up does", () => {
  it("lets it wait for the next turn", async () => {
    const { engine, says, turnRows } = await asked({ queue: "queue" });

    await says(CHAT, "and for lunch?");
    expect(engine.latest.prompts).toHaveLength(1);
    engine.latest.answer("soup");
    await settled();

    expect(engine.latest.prompts.map(({ blocks }) => blocks.at(-1))).toEqual([
      "what is for dinner?",
      "and for lunch?",
    ]);
    expect(await turnRows()).toMatchObject([{ state: "done" }, { state: "running" }]);
  });

  it("lets it stop the answer under way and open the next turn", async () => {
    const { engine, says, turnRows, said } = await asked({ queue: "interrupt" });

    await says(CHAT, "no, for lunch!");
    await settled();
    engine.latest.answer("bread");
    await settled();

    expect(await turnRows()).toMatchObject([{ state: "cancelled" }, { state: "done" }]);
    expect(await said(CHAT)).toEqual(["bread"]);
  });
});

describe("a failed attempt", () => {
  it.each(["transient", "crashed", "resource"] as const)("is made again after a while: %s", async (kind) => {
    const onPrompt = failing({ class: kind, detail: "…" });
    const { said, advance, turnRows, engine } = await asked({ script: { onPrompt } });
    expect(await turnRows()).toMatchObject([{ state: "waiting", attempt: 1, failure_class: kind }]);
    expect(await said(CHAT)).toEqual([]);

    await advance(5 * MINUTE);

    expect(await said(CHAT)).toEqual(["soup"]);
    expect(await turnRows()).toMatchObject([{ state: "done", attempt: 2 }]);
    expect(engine.sessions).toHaveLength(2); // a failed engine is not used again
  });

  it.each(["permanent", "refused", "overflow"] as const)("is the last: %s", async (kind) => {
    const onPrompt = failing({ class: kind, detail: "…" });
    const { said, turnRows, stateOf, message } = await asked({ script: { onPrompt } });

    expect(await turnRows()).toMatchObject([{ state: "failed", failure_class: kind }]);
    expect(await said(CHAT)).toEqual([expect.stringMatching(/^\(notice\) [^.]+\.( [^.]+\.)?$/)]);
    expect(await stateOf(message)).toBe("done");
  });

  it("is the last when it is the third, and the person is told once", async () => {
    const onPrompt = (session: ScriptedSession) => session.fail({ class: "transient", detail: "…" });
    const { said, advance, turnRows } = await asked({ script: { onPrompt } });

    for (let i = 0; i < 5; i += 1) await advance(5 * MINUTE);

    expect(await turnRows()).toMatchObject([{ state: "failed", attempt: 3 }]);
    expect(await said(CHAT)).toHaveLength(1);
  });

  it("is not counted when the provider asks to wait, and a long wait is told once", async () => {
    let left = 4;
    const onPrompt = (session: ScriptedSession) =>
      left-- > 0
        ? session.fail({ class: "rate_limited", detail: "429", retryAfterMs: 20 * SECOND })
        : session.answer("soup");
    const { said, advance, turnRows } = await asked({ script: { onPrompt } });

    for (let i = 0; i < 8; i += 1) await advance(5 * MINUTE);

    expect(await turnRows()).toMatchObject([{ state: "done", attempt: 1 }]);
    expect(await said(CHAT)).toEqual([
      expect.stringContaining("asks us to wait. I'll try again at 12:00"),
      "soup",
    ]);
  });

  it("waits its time even when more is written meanwhile, and is still made", async () => {
    const onPrompt = failing({ class: "rate_limited", detail: "429", retryAfterMs: 20 * SECOND });
    const { says, said, advance, engine } = await asked({ script: { onPrompt } });

    await says(CHAT, "hello?");
    expect(engine.sessions).toHaveLength(1);
    await advance(30 * SECOND);

    expect(await said(CHAT)).toContain("soup");
  });

  it("is judged by what the broker saw, except where only the engine can know", async () => {
    const { engine, broker, turnRows } = await asked();

    for (const door of broker.doors) door.failure = { class: "permanent", detail: "400" };
    engine.latest.fail({ class: "crashed", detail: "gone" });
    await settled();

    expect(await turnRows()).toMatchObject([
      { state: "failed", failure_class: "permanent", failure_detail: "400" },
    ]);
  });

  it("gives back its place among the starts when the door cannot be opened", async () => {
    const house = await middle({ cores: 1, script: { onPrompt: (session) => session.answer("soup") } });
    house.broker.refusal = new TemporaryError("no more descriptors");
    await house.says(CHAT, "hello");
    expect(await house.turnRows()).toMatchObject([{ state: "waiting", failure_class: "transient" }]);

    house.broker.refusal = undefined;
    await house.advance(5 * MINUTE);

    expect(await house.said(CHAT)).toEqual(["soup"]);
  });

  it("tells the next one what it has already sent", async () => {
    const { engine, advance } = await asked();
    const send = engine.latest.opened.tools.find(({ name }) => name === "send_message");

    await send?.call({ text: "On its way." }, { toolUseId: "t1" });
    engine.latest.fail({ class: "transient", detail: "…" });
    await settled();
    await advance(5 * MINUTE);

    expect(engine.latest.prompts[0]?.blocks[0]).toContain('do not send it again:\n- "On its way."');
  });
});

describe("a tool's call", () => {
  it("acts once, though it is made twice, and is answered as the first time", async () => {
    const { engine, said } = await asked();
    const tools = engine.latest.opened.tools;
    const react = tools.find(({ name }) => name === "react");

    const first = await react?.call({ message_id: 1, emoji: "👍" }, { toolUseId: "t1" });
    const again = await react?.call({ message_id: 1, emoji: "👍" }, { toolUseId: "t1" });

    expect(again).toEqual(first);
    expect(await said(CHAT)).toEqual(["(reaction) 👍"]);
  });

  it("is told to the next attempt, with its result", async () => {
    const { engine, advance } = await asked();
    const react = engine.latest.opened.tools.find(({ name }) => name === "react");

    await react?.call({ message_id: 1, emoji: "👍" }, { toolUseId: "t1" });
    engine.latest.fail({ class: "transient", detail: "…" });
    await settled();
    await advance(5 * MINUTE);

    const [host] = engine.latest.prompts[0]?.blocks ?? [];
    expect(host).toContain(`- react {"message_id":1,"emoji":"👍"}: "Reacted to #1 with 👍."`);
  });
});

describe("a key that the model's service refuses", () => {
  async function refused() {
    const house = await asked();
    for (const door of house.broker.doors) door.failure = { class: "auth", detail: "401" };
    house.broker.usable = false;
    house.engine.latest.fail({ class: "auth", detail: "authentication_failed" });
    await settled();
    return house;
  }

  it("holds the turn uncharged; the person and the owner are told once", async () => {
    const { says, said, turnRows, told, engine } = await refused();

    await says("web:garden", "and here?");

    expect(await turnRows()).toMatchObject([
      { state: "waiting", held_for: "scripted", attempt: 0 },
      { state: "waiting", held_for: "scripted", attempt: 0 },
    ]);
    expect(await said(CHAT)).toEqual([`(notice) ${HELD}`]);
    expect(await said("web:garden")).toEqual([`(notice) ${HELD}`]);
    expect(told).toEqual([expect.stringContaining("401")]);
    expect(engine.sessions).toHaveLength(1); // nothing is tried with a key that is known to be refused
  });

  it("is asked about at no cost, ever more seldom; what was held goes on once it works again", async () => {
    const { broker, advance, engine, said, turnRows } = await refused();

    await advance(30 * SECOND);
    broker.usable = true;
    await advance(59 * SECOND);
    expect(engine.sessions).toHaveLength(1);
    await advance(SECOND);
    engine.latest.answer("soup");
    await settled();

    expect(await said(CHAT)).toEqual([`(notice) ${HELD}`, "soup"]);
    expect(await turnRows()).toMatchObject([{ state: "done", attempt: 1, held_for: null }]);
  });

  it("may be known and yet be refused: that is one incident, asked about ever more seldom", async () => {
    const { broker, advance, told, engine, turnRows } = await refused();
    broker.usable = true;

    await advance(30 * SECOND);
    for (const door of broker.doors) door.failure = { class: "auth", detail: "no money" };
    engine.latest.fail({ class: "auth", detail: "billing_error" });
    await settled();
    await advance(59 * SECOND);

    expect(engine.sessions).toHaveLength(2);
    expect(told).toHaveLength(1);
    await advance(SECOND);
    expect(engine.sessions).toHaveLength(3);
    expect(await turnRows()).toMatchObject([{ state: "running" }]);
  });

  it("is the broker's to see: what the agent's program says of it is an ordinary failure", async () => {
    const { engine, turnRows, told } = await asked();

    engine.latest.fail({ class: "auth", detail: "authentication_failed" });
    await settled();

    expect(await turnRows()).toMatchObject([
      { state: "waiting", held_for: null, failure_class: "transient" },
    ]);
    expect(told).toEqual([]);
  });
});

describe("a model's service that keeps failing", () => {
  it("is left alone by every turn for a while, and no attempt is charged for that", async () => {
    const house = await middle({ sandboxes: 10, script: { onPrompt: (session) => fail(session) } });
    let failing = true;
    function fail(session: ScriptedSession): void {
      if (!failing) return session.answer("soup");
      for (const door of house.broker.doors) door.failure = { class: "transient", detail: "503" };
      session.fail({ class: "transient", detail: "503" });
    }
    for (let i = 0; i < 5; i += 1) {
      await house.bind(`web:${i}`, `group-${i}`);
      await house.says(`web:${i}`, "hello");
    }
    failing = false;
    for (const door of house.broker.doors) door.failure = undefined;

    await house.bind("web:late", "late");
    await house.says("web:late", "hello");
    const late = (await house.turnRows()).find(({ chat_id }) => chat_id === "web:late");
    expect(late).toMatchObject({ state: "waiting", attempt: 0 });
    expect(await house.said("web:late")).toEqual([expect.stringContaining("I'll try again at")]);
    for (let i = 0; i < 10; i += 1) await house.advance(MINUTE);

    expect(await house.said("web:late")).toContain("soup");
    expect((await house.turnRows()).map(({ state }) => state)).toEqual(Array(6).fill("done"));
  });
});

describe("the ladder of a lost conversation", () => {
  /** A session that has a position. */
  async function resumed(onPrompt: (session: ScriptedSession, attempt: number) => void) {
    let house = await asked();
    house.engine.latest.answer("soup", "entry-1");
    await settled();
    await house.advance(11 * MINUTE); // the warm sandbox closes
    let attempt = 0;
    const after = await middle({
      after: house,
      script: { onPrompt: (session) => onPrompt(session, (attempt += 1)) },
    });
    house = { ...house, ...after };
    await house.says(CHAT, "and then?");
    return house;
  }

  it("begins at the position, then at the latest point, then afresh with a recap; nobody sees an error", async () => {
    const { engine, said, turnRows } = await resumed((session, attempt) => {
      if (attempt < 3) session.fail({ class: "stale_position", detail: "No message found" });
      else session.answer("bread");
    });

    expect(engine.sessions.map(({ opened }) => opened.resume)).toEqual([
      { engineSession: "conversation-1", position: "entry-1" },
      { engineSession: "conversation-1", position: undefined },
      undefined,
    ]);
    const [host] = engine.latest.prompts[0]?.blocks ?? [];
    expect(host).toContain('- "Ada": "what is for dinner?"\n- "you": "soup"');
    expect(host).toContain('Files in /workspace/group: "notes.md"');
    expect(await said(CHAT)).toEqual(["soup", `(notice) ${STARTED_AFRESH}`, "bread"]);
    expect((await turnRows()).at(-1)).toMatchObject({ state: "done", attempt: 1 });
  });

  it("starts afresh once only; the second time is an ordinary failure", async () => {
    const { engine, turnRows } = await resumed((session) =>
      session.fail({ class: "stale_session", detail: "No conversation found" }),
    );

    expect(engine.sessions).toHaveLength(2);
    expect((await turnRows()).at(-1)).toMatchObject({ state: "waiting", attempt: 1 });
  });

  it("never stores the name of the lost conversation again", async () => {
    const house = await asked({ script: { nameOf: () => "lost" } });
    house.engine.latest.answer("soup", "entry-1");
    await settled();
    await house.says(CHAT, "and then?");
    house.engine.latest.fail({ class: "stale_session", detail: "No conversation found" });
    await settled();

    house.engine.latest.answer("bread", "entry-2");
    await settled();

    const sessions = await house.db
      .selectFrom("sessions")
      .selectAll()
      .where("ended_at", "is", null)
      .execute();
    expect(sessions).toMatchObject([{ engine_session: null, position: null }]);
  });

  it("starts afresh where the engine's record was cut, which it would resume without a word", async () => {
    let bytes = 900;
    const house = await asked({ script: { measure: async () => bytes } });
    house.engine.latest.answer("soup", "entry-1");
    await settled();
    await house.advance(11 * MINUTE);
    bytes = 899;

    await house.says(CHAT, "and then?");
    house.engine.latest.answer("bread", "entry-2");
    await settled();

    expect(house.engine.sessions.map(({ opened }) => opened.resume)).toEqual([undefined, undefined]);
    expect(await house.said(CHAT)).toEqual(["soup", `(notice) ${STARTED_AFRESH}`, "bread"]);
  });

  it.each(["transient", "rate_limited", "auth", "overflow", "resource", "crashed"] as const)(
    "is not entered for %s, which keeps the position",
    async (kind) => {
      const { db } = await resumed((session) => session.fail({ class: kind, detail: "…" }));

      expect(await db.selectFrom("sessions").selectAll().execute()).toMatchObject([
        { engine_session: "conversation-1", position: "entry-1", ended_at: null },
      ]);
    },
  );
});

describe("the clocks over a turn", () => {
  it("give the program a minute to come up", async () => {
    const { advance, turnRows, rooms } = await asked({ script: { comesUp: () => false } });

    await advance(59 * SECOND);
    expect(await turnRows()).toMatchObject([{ state: "running" }]);
    await advance(SECOND);

    expect(await turnRows()).toMatchObject([{ state: "waiting", failure_class: "transient" }]);
    expect(rooms.list()).toEqual([]);
  });

  it("let one that comes up late in a row of starts have its own minute", async () => {
    const house = await middle({ cores: 1, script: { comesUp: () => false } });
    await house.bind("web:garden", "garden");
    await house.says(CHAT, "one");
    await house.says("web:garden", "two");

    await house.advance(60 * SECOND);
    expect((await house.turnRows()).map(({ state }) => state).toSorted()).toEqual(["running", "waiting"]);
    await house.advance(59 * SECOND);
    expect((await house.turnRows()).filter(({ state }) => state === "running")).not.toEqual([]);
  });

  it("end an attempt after ten minutes of silence, but not while it shows life", async () => {
    const { engine, advance, turnRows } = await asked();

    for (let i = 0; i < 3; i += 1) {
      await advance(9 * MINUTE);
      engine.latest.emit({ type: "activity" });
      await settled();
    }
    expect(await turnRows()).toMatchObject([{ state: "running" }]);
    await advance(10 * MINUTE);

    expect(await turnRows()).toMatchObject([{ state: "waiting", failure_class: "crashed" }]);
  });

  it("let the model think as long as its call is under way, but not beyond the whole", async () => {
    const { engine, broker, advance, turnRows } = await asked();
    for (const door of broker.doors) door.calls = 1;

    await advance(31 * MINUTE);
    expect(await turnRows()).toMatchObject([{ state: "running" }]);
    for (const door of broker.doors) door.calls = 0;
    engine.latest.emit({ type: "activity" });
    await settled();
    await advance(10 * MINUTE);

    expect(await turnRows()).toMatchObject([{ state: "waiting", failure_class: "crashed" }]);
  });

  it("wait as long for a silent tool as it said it takes, and half an hour at most", async () => {
    const { engine, advance, turnRows } = await asked();

    engine.latest.emit({ type: "activity", tool: "Bash", forMs: 60 * MINUTE });
    await settled();
    await advance(29 * MINUTE);
    expect(await turnRows()).toMatchObject([{ state: "running" }]);
    await advance(2 * MINUTE);

    expect(await turnRows()).toMatchObject([{ state: "waiting", failure_class: "crashed" }]);
  });

  it("end the whole after two hours, in plain words, whatever it does", async () => {
    const { engine, advance, said, turnRows } = await asked();

    for (let i = 0; i < 13; i += 1) {
      await advance(9 * MINUTE + 30 * SECOND);
      if (!engine.latest.closed) engine.latest.emit({ type: "activity" });
      await settled();
    }

    expect(await said(CHAT)).toEqual([`(notice) ${TOOK_TOO_LONG}`]);
    expect(await turnRows()).toMatchObject([{ state: "failed" }]);
  });

  it("do not try again for ever: after two hours of being turned away it is given up", async () => {
    const onPrompt = (session: ScriptedSession) => session.fail({ class: "rate_limited", detail: "429" });
    const { advance, turnRows, said } = await asked({ script: { onPrompt } });

    for (let i = 0; i < 60; i += 1) await advance(5 * MINUTE);

    expect(await turnRows()).toMatchObject([{ state: "failed", failure_class: "rate_limited" }]);
    expect((await said(CHAT)).at(-1)).toContain("still asking us to wait");
  });
});

describe("work that ends beside the conversation", () => {
  const ended = { type: "background", running: 0, ended: "the build is done" } as const;

  /** A warm room whose engine goes on by itself. */
  async function goingOn() {
    const house = await asked();
    house.engine.latest.answer("It runs; I'll tell you.", "entry-1");
    await settled();
    house.engine.latest.emit(ended);
    await settled();
    return house;
  }

  it("opens a turn of the host's, in the chat that was answered last, and its answer is said there", async () => {
    const { engine, said, turnRows, broker, db } = await goingOn();
    expect(broker.doors[0]?.turns.at(-1)).toBeDefined(); // its model calls belong to a turn

    engine.latest.emit(
      { type: "reply", text: "The build is done." },
      { type: "position", position: "entry-2" },
    );
    engine.latest.emit({ type: "done", carried: [] });
    await settled();

    expect(await said(CHAT)).toEqual(["It runs; I'll tell you.", "The build is done."]);
    expect((await turnRows()).find(({ kind }) => kind === "background")).toMatchObject({
      state: "done",
      cause: "the build is done",
    });
    expect(broker.doors[0]?.turns.at(-1)).toBeUndefined();
    expect(await db.selectFrom("sessions").select("position").execute()).toEqual([{ position: "entry-2" }]);
    expect(engine.latest.prompts).toHaveLength(1); // the engine was asked nothing
  });

  it("may have nothing to say", async () => {
    const { engine, said } = await goingOn();

    engine.latest.emit({ type: "done", carried: [] });
    await settled();

    expect(await said(CHAT)).toEqual(["It runs; I'll tell you."]);
  });

  it("is told to a later attempt by the host, where the first one failed", async () => {
    const { engine, said, advance } = await goingOn();

    engine.latest.die("gone");
    await settled();
    await advance(5 * MINUTE);
    expect(engine.latest.prompts.map(({ blocks }) => blocks)).toEqual([
      [
        expect.stringContaining(
          'has ended, and nobody waits at the keyboard. What is known of it:\n"the build is done"',
        ),
      ],
    ]);
    engine.latest.answer("The build is done.");
    await settled();

    expect(await said(CHAT)).toEqual(["It runs; I'll tell you.", "The build is done."]);
  });

  it("takes a message in that comes meanwhile", async () => {
    const { engine, says, said, stateOf, turnRows } = await goingOn();

    const { message } = await says(CHAT, "is it done?");
    engine.latest.emit({ type: "consumed", prompts: [message] }, { type: "reply", text: "Yes." });
    engine.latest.emit({ type: "done", carried: [] });
    await settled();

    expect(await stateOf(message)).toBe("done");
    expect(await said(CHAT)).toEqual(["It runs; I'll tell you.", "Yes."]);
    expect(await turnRows()).toHaveLength(2);
  });

  it("opens one as well where it ended just before the answer did", async () => {
    const { engine, said } = await asked();
    engine.latest.answer("It runs.", "entry-1");
    engine.latest.emit(ended);
    await settled();

    engine.latest.emit({ type: "reply", text: "The build is done." }, { type: "done", carried: [] });
    await settled();

    expect(await said(CHAT)).toEqual(["It runs.", "The build is done."]);
  });

  it("is ended when it takes too long, and whoever waits for it is to be told", async () => {
    const { engine, advance, rooms, cut } = await asked();
    engine.latest.emit({ type: "background", running: 1 });
    engine.latest.answer("It runs; I'll tell you.");
    await settled();

    await advance(29 * MINUTE);
    expect(rooms.list()).toHaveLength(1);
    await advance(MINUTE);

    expect(rooms.list()).toEqual([]);
    expect(cut).toEqual([CHAT]);
  });

  it("can be stopped like any other turn", async () => {
    const { dispatcher, session, turnRows, rooms } = await goingOn();

    expect(await dispatcher.stop(session, "stopped by Ada")).toBe("stopped");

    expect((await turnRows()).find(({ kind }) => kind === "background")).toMatchObject({
      state: "cancelled",
    });
    expect(rooms.list()).toEqual([]);
  });
});

describe("a warm sandbox", () => {
  it("serves the next turn of its session without a new start", async () => {
    const { engine, says, said } = await asked({ script: { onPrompt: (session) => session.answer("soup") } });

    await says(CHAT, "again?");

    expect(engine.sessions).toHaveLength(1);
    expect(await said(CHAT)).toEqual(["soup", "soup"]);
  });

  it("frees its place when its program ends by itself, unnoticed by the next turn", async () => {
    const { engine, says, said, rooms, turnRows } = await asked({
      script: { onPrompt: (session) => session.answer("soup") },
    });

    engine.latest.die("out of memory");
    await settled();
    expect(rooms.list()).toEqual([]);
    await says(CHAT, "again?");

    expect(await said(CHAT)).toEqual(["soup", "soup"]);
    expect(await turnRows()).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
  });

  it("closes after ten minutes in which nobody wrote", async () => {
    const { advance, rooms, broker } = await asked({
      script: { onPrompt: (session) => session.answer("soup") },
    });

    await advance(10 * MINUTE - 1);
    expect(rooms.list()).toMatchObject([{ state: "idle" }]);
    await advance(1);

    expect(rooms.list()).toEqual([]);
    expect(broker.doors).toMatchObject([{ closed: true }]);
  });

  it("is not used when it begins to close while its session is being claimed", async () => {
    const gone = Promise.withResolvers<void>();
    const { admission, clock, rooms, engine, said, turnRows } = await asked({
      script: { onPrompt: (session) => session.answer("soup"), ends: () => gone.promise },
    });
    clock.advance(10 * MINUTE - 1);
    await admission.accept(
      { name: "web", account: "" },
      { ...WRITTEN, platformId: "2", text: "again?" },
      { sender: SenderId.parse("web:ada"), name: "Ada", role: "owner" },
    );
    await Promise.resolve(); // it is found idle, and its session is claimed

    clock.advance(1);
    expect(rooms.list()).toMatchObject([{ state: "closing" }]);
    await settled();
    expect(engine.sessions).toHaveLength(1);
    gone.resolve();
    await settled();

    expect(await said(CHAT)).toEqual(["soup", "soup"]);
    expect(await turnRows()).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
  });

  it("lets nothing through its door between turns", async () => {
    const { broker } = await asked({ script: { onPrompt: (session) => session.answer("soup") } });

    expect(broker.doors[0]?.turns.at(-1)).toBeUndefined();
    expect(broker.doors[0]?.turns).toHaveLength(2);
  });
});

const WRITTEN = {
  kind: "message",
  version: 0,
  chat: "kitchen",
  sender: { id: "ada", name: "Ada" },
} as const;
