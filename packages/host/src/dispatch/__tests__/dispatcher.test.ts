import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatId, SenderId } from "../../core/ids.ts";
import type { EngineScript } from "../../turns/testing.ts";
import { middle, MINUTE, SECOND, settled } from "../../turns/__tests__/middle.ts";
import { createLocalChannel } from "../../channels/local.ts";

/** Chats of groups of their own: `web:a` belongs to the group `a`. */
async function given(groups: readonly string[], options: Parameters<typeof middle>[0] = {}) {
  const house = await middle(options);
  for (const group of groups) await house.bind(`web:${group}`, group);
  return {
    ...house,
    /** The chats whose turns run, in no order. */
    running: () =>
      house.dispatcher
        .running()
        .map(({ claim }) => claim.chat.native)
        .toSorted(),
    /** Ends the turn that runs for this chat. */
    async end(native: string) {
      const turn = house.dispatcher.running().find(({ claim }) => claim.chat.native === native);
      const place = house.broker.doors.findLast(({ spec }) => spec.session === turn?.claim.session.id);
      const session = house.engine.sessions[place ? house.broker.doors.indexOf(place) : -1];
      session?.answer("done");
      await settled();
    },
    rooms: () =>
      house.rooms
        .list()
        .map(({ group, state }) => `${group} ${state}`)
        .toSorted(),
  };
}

const answering: EngineScript = { onPrompt: (session) => session.answer("done") };

describe("the dispatcher", () => {
  it("keeps to the cap over all groups, and goes on when a place is free", async () => {
    const { says, running, end } = await given(["a", "b", "c"], { sandboxes: 2 });
    for (const group of ["a", "b", "c"]) await says(`web:${group}`, "hello");
    expect(running()).toEqual(["a", "b"]);

    await end("a");

    expect(running()).toEqual(["b", "c"]);
  });

  it("gives a group one sandbox at a time, which moves to the conversation that waits", async () => {
    const { says, running, end, rooms } = await given([]);
    await says("web:one", "hello");
    await says("web:two", "hello");
    expect(running()).toEqual(["one"]);

    await end("one");

    expect(running()).toEqual(["two"]);
    expect(rooms()).toEqual(["main busy"]);
  });

  it("lets the other conversation of a group go first when both have more to say", async () => {
    const { says, running, end } = await given([], { script: { steers: false } });
    await says("web:one", "hello");
    await says("web:two", "hello");
    await says("web:one", "and another thing");

    await end("one");

    expect(running()).toEqual(["two"]);
    await end("two");
    expect(running()).toEqual(["one"]);
  });

  it("closes the sandbox that was idle longest, and one that nobody waits for before one that is wanted", async () => {
    const { says, rooms, advance } = await given(["a", "b", "c"], { sandboxes: 2, script: answering });
    await says("web:a", "hello");
    await advance(SECOND);
    await says("web:b", "hello");
    await advance(SECOND);

    await says("web:c", "hello");

    expect(rooms()).toEqual(["b idle", "c idle"]);
  });

  it("never closes a busy sandbox", async () => {
    const { says, rooms, dispatcher } = await given(["a", "b"], { sandboxes: 1 });
    await says("web:a", "hello");
    const { session, groupId } = await says("web:b", "hello");

    expect(rooms()).toEqual(["a busy"]);
    expect(session && dispatcher.explain(session, groupId)).toBe("all 1 sandboxes are in use");
  });

  it("takes no place away for a conversation that waits to try again, and says why it waits", async () => {
    let left = 1;
    const { says, rooms, said, dispatcher, advance } = await given(["a", "b"], {
      sandboxes: 1,
      script: {
        onPrompt: (session) =>
          left-- > 0
            ? session.fail({ class: "rate_limited", detail: "429", retryAfterMs: MINUTE })
            : session.answer("done"),
      },
    });
    await says("web:a", "hello");
    await says("web:b", "hello");

    const { session, groupId } = await says("web:a", "hello?");

    expect(rooms()).toEqual(["b idle"]);
    expect(session && dispatcher.explain(session, groupId)).toMatch(/^waiting to try again, \d+ s from now$/);
    await advance(2 * MINUTE);
    expect((await said("web:a")).filter((text) => text === "done")).not.toEqual([]);
  });

  it("tries again at once after a jump of the clock, when it finds out that it is due", async () => {
    let left = 1;
    const house = await given(["a"], {
      script: {
        onPrompt: (session) =>
          left-- > 0
            ? session.fail({ class: "rate_limited", detail: "429", retryAfterMs: MINUTE })
            : session.answer("done"),
      },
    });
    await house.says("web:a", "hello");
    await house.db.updateTable("turns").set({ retry_at: house.clock.now() }).execute(); // as if it had jumped

    await house.dispatcher.sweep();
    await settled();

    expect((await house.said("web:a")).at(-1)).toBe("done");
  });

  it("does not use a sandbox that is closing: whoever writes then waits until it has gone", async () => {
    const house = await given(["a"], { script: answering });
    await house.says("web:a", "hello");

    house.clock.advance(10 * MINUTE); // it begins to close, and has not ended yet
    const coming = house.says("web:a", "still there?");
    await coming;
    await settled();

    expect(await house.said("web:a")).toEqual(["done", "done"]);
    expect(await house.turnRows()).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
    expect(house.engine.sessions).toHaveLength(2);
  });

  it("serves everything that comes at once, though a turn takes only so much of it", async () => {
    const { admission, said, engine } = await given([], { script: answering });
    const write = (text: string) =>
      admission.accept(
        { name: "web", account: "" },
        {
          platformId: text,
          kind: "message",
          version: 0,
          chat: "a",
          sender: { id: "ada", name: "Ada" },
          text,
        },
        { sender: SenderId.parse("web:ada"), name: "Ada", role: "owner" },
      );

    await Promise.all(Array.from({ length: 120 }, (_, i) => write(`message ${i}`)));
    await settled();

    const asked = engine.sessions.flatMap(({ prompts }) => prompts.flatMap(({ blocks }) => blocks.slice(1)));
    expect(asked).toEqual(Array.from({ length: 120 }, (_, i) => `message ${i}`));
    expect((await said("web:a")).length).toBeGreaterThan(0);
  });

  it("takes up at the start what a dead host left running, and counts that apart", async () => {
    const dead = await given(["a"]);
    await dead.says("web:a", "hello");
    expect(await dead.turnRows()).toMatchObject([{ state: "running", attempt: 1, lost: 0 }]);

    const next = await middle({ after: dead, script: answering });
    await next.dispatcher.sweep();
    await settled();

    expect(await next.turnRows()).toMatchObject([{ state: "done", attempt: 1, lost: 1 }]);
    expect(await next.said("web:a")).toEqual(["done"]);
  });

  it("buries a turn that took its host down ten times, tells the person, and goes on behind it", async () => {
    const first = await given(["a"]);
    await first.says("web:a", "poison");
    for (let i = 0; i < 9; i += 1) {
      const { dispatcher } = await middle({ after: first });
      await dispatcher.sweep();
      await settled();
    }
    expect(await first.turnRows()).toMatchObject([{ state: "running", lost: 9 }]);
    await first.says("web:a", "something else");

    const last = await middle({ after: first, script: answering });
    await last.dispatcher.sweep();
    await settled();

    expect(await last.turnRows()).toMatchObject([{ state: "failed", lost: 10 }, { state: "done" }]);
    expect(await last.said("web:a")).toEqual([expect.stringContaining("stopped unexpectedly"), "done"]);
  });

  it("claims again what ended without being written, once the database works", async () => {
    const house = await given(["a"]);
    await house.says("web:a", "hello");
    await house.db.schema.alterTable("outbox").renameTo("outbox_away").execute();
    house.engine.latest.answer("lost");
    await settled();
    expect(house.running()).toEqual([]);

    await house.advance(SECOND);
    expect(house.running()).toEqual([]); // it cannot be claimed either
    await house.db.schema.alterTable("outbox_away").renameTo("outbox").execute();
    await house.advance(SECOND);
    house.engine.latest.answer("found");
    await settled();

    expect(await house.said("web:a")).toEqual(["found"]);
    expect(await house.turnRows()).toMatchObject([{ state: "done", attempt: 1 }]);
  });

  it("wakes for messages of other chats that moved along with a session that started afresh", async () => {
    const { says, engine, said, bind, running } = await middleOf("telegram");
    await bind("telegram:1", "family");
    await bind("telegram:2", "family");
    await says("telegram:1", "hello");
    await says("telegram:2", "and I?"); // the same session: the group's

    engine.latest.fail({ class: "stale_session", detail: "No conversation found" });
    await settled();
    engine.latest.answer("one");
    await settled();

    expect(running()).toEqual(["2"]);
    engine.latest.answer("two");
    await settled();
    expect(await said("telegram:2")).toEqual(["two"]);
  });
});

async function middleOf(name: string) {
  const house = await middle({
    channels: [
      {
        name,
        account: "",
        abilities: createLocalChannel("web").abilities,
        send: async ({ key }) => ({ platformId: key }),
      },
    ],
  });
  return { ...house, running: () => house.dispatcher.running().map(({ claim }) => claim.chat.native) };
}

describe("what keeps a session from starting", () => {
  it("waits until a chat has been quiet for as long as its group wants, counted from the last message", async () => {
    const { says, running, advance, dispatcher, turnRows } = await given(["a"], { quietMs: 3 * SECOND });
    const { session, groupId } = await says("web:a", "hello");
    await advance(2 * SECOND);
    await says("web:a", "and another thing");
    await advance(2 * SECOND);
    expect(await turnRows()).toEqual([]);
    expect(session && dispatcher.explain(session, groupId)).toBe(
      "waiting for the rest of what is being written, 1 s from now",
    );

    await advance(SECOND);

    expect(running()).toEqual(["a"]);
    expect(dispatcher.running()[0]?.claim.inputs).toHaveLength(2);
  });

  it("lets what comes during an answer join it at once, however long a chat is to be quiet before one", async () => {
    const { says, advance, engine } = await given(["a"], { quietMs: 3 * SECOND });
    await says("web:a", "hello");
    await advance(3 * SECOND);

    await says("web:a", "and another thing");

    expect(engine.latest.prompts).toHaveLength(2);
  });

  it("starts nothing while everything is paused, says so, and goes on when somebody looks again", async () => {
    let paused = true;
    const { says, running, dispatcher } = await given(["a"], { paused: () => paused });
    const { session, groupId } = await says("web:a", "hello");
    expect(running()).toEqual([]);
    expect(session && dispatcher.explain(session, groupId)).toBe("everything is paused");

    paused = false;
    dispatcher.look();
    await settled();

    expect(running()).toEqual(["a"]);
  });

  it("asks before each claim whether it may start, and again when it was told to", async () => {
    let open = false;
    const house = await given(["a", "b"], {
      mayStart: (_session, groupId) =>
        open || groupId !== groupOfA
          ? { yes: true }
          : { yes: false, why: "the model's service is down", until: house.clock.now() + MINUTE },
    });
    const groupOfA = (await house.chats.find(ChatId.parse("web:a")))?.group_id;
    const { session, groupId } = await house.says("web:a", "hello");
    await house.says("web:b", "hello");
    expect(house.running()).toEqual(["b"]);
    expect(session && house.dispatcher.explain(session, groupId)).toBe(
      "the model's service is down, 60 s from now",
    );

    open = true;
    await house.advance(MINUTE);

    expect(house.running()).toEqual(["a", "b"]);
  });

  it("takes up everything that waits at the start, whoever it is", async () => {
    const dead = await middle({ paused: () => true });
    const names = Array.from({ length: 300 }, (_, n) => `g${n}`);
    for (const name of names) await dead.bind(`web:${name}`, name);
    for (const name of names) await dead.says(`web:${name}`, "hello");

    const next = await middle({ after: dead, script: answering });
    await next.dispatcher.sweep();
    for (let i = 0; i < 100 && (await next.turnRows()).length < 300; i += 1) await settled();

    expect(await next.turnRows()).toHaveLength(300);
  });
});

describe("draining", () => {
  it("waits for the turns under way and claims nothing more", async () => {
    const { says, dispatcher, end, rooms, said, running } = await given(["a", "b"], { sandboxes: 1 });
    await says("web:a", "hello");
    const { session, groupId } = await says("web:b", "hello");

    const drained = dispatcher.drain(MINUTE, new Promise(() => undefined));
    expect(await Promise.race([drained, settled().then(() => "not yet")])).toBe("not yet");
    expect(session && dispatcher.explain(session, groupId)).toBe("Bellhop is shutting down");
    await end("a");
    await drained;

    expect(await said("web:a")).toEqual(["done"]);
    expect([running(), rooms()]).toEqual([[], []]);
  });

  it.each(["its time is over", "somebody is in a hurry"])(
    "gives back uncharged what runs when %s",
    async (why) => {
      const { says, dispatcher, advance, turnRows, clock } = await given(["a"]);
      await says("web:a", "hello");
      const hurry = Promise.withResolvers<void>();

      const drained = dispatcher.drain(MINUTE, hurry.promise);
      if (why === "its time is over") await advance(MINUTE);
      else hurry.resolve();
      await drained;

      expect(await turnRows()).toMatchObject([{ state: "waiting", attempt: 0, lost: 0 }]);
      let alarms = 0;
      const after = clock.after(0, () => (alarms += 1));
      clock.advance(60 * MINUTE); // nothing of ours wakes up any more
      after();
      expect([alarms, dispatcher.running()]).toEqual([1, []]);
    },
  );
});

describe("fairness", () => {
  it("lets no group wait behind two turns of another", async () => {
    const groups = ["a", "b", "c", "d"] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...groups), { minLength: 4, maxLength: 24 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(), { minLength: 24, maxLength: 24 }),
        async (writers, sandboxes, picks) => {
          const { says, running, end } = await given(groups, { sandboxes });
          const open = new Map<string, number>();
          const passed = new Map<string, string[]>();
          let before: string[] = [];

          /** What has just been started is counted against everybody who waits. */
          const look = () => {
            const now = running();
            for (const started of now.filter((group) => !before.includes(group))) {
              passed.delete(started);
              for (const [waiting, starts] of passed) if (waiting !== started) starts.push(started);
            }
            for (const [waiting, starts] of passed) {
              for (const group of groups) {
                const times = starts.filter((one) => one === group).length;
                expect(times, `${waiting} waited behind ${starts.join()}`).toBeLessThan(2);
              }
            }
            before = now;
          };

          for (const writer of writers) {
            await says(`web:${writer}`, "hello");
            open.set(writer, (open.get(writer) ?? 0) + 1);
            if (!running().includes(writer) && !passed.has(writer)) passed.set(writer, []);
            look();
          }
          for (const pick of picks) {
            const now = running();
            const group = now[pick % Math.max(1, now.length)];
            if (group === undefined) break;
            before = before.filter((one) => one !== group);
            await end(group);
            look();
            await says(`web:${group}`, "more"); // everybody always has more to say
            if (!running().includes(group) && !passed.has(group)) passed.set(group, []);
            look();
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("a dispatcher that is held", () => {
  it("claims nothing, says why, and goes on when it is told to look again", async () => {
    const { says, running, held, dispatcher } = await given(["a"]);
    held.by.abort();
    const { session, groupId } = await says("web:a", "hello");
    if (session === undefined) throw new Error("a message for a turn has a session");
    expect(running()).toEqual([]);
    expect(dispatcher.explain(session, groupId)).toBe("everything is paused");

    held.by = new AbortController();
    await dispatcher.sweep();
    await settled();

    expect(running()).toEqual(["a"]);
  });
});
