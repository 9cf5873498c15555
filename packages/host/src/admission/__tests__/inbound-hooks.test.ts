import type { Hooks, InboundEvent, InboundVerdict } from "@bellhop/sdk";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { armFailpoints } from "../../core/failpoint.ts";
import { ChatId, InboxId } from "../../core/ids.ts";
import { createLocalChannel } from "../../channels/local.ts";
import { type FakePlugin, fakePlugins } from "../../plugins/powers/__tests__/fake-plugins.ts";
import { silentLog } from "../../log.ts";
import { createHistory } from "../../store/history.ts";
import { createWhy } from "../../store/why.ts";
import { middle, type MiddleOptions, MINUTE, SECOND, settled } from "../../turns/__tests__/middle.ts";

const CHAT = "web:kitchen";
const KITCHEN = ChatId.parse(CHAT);
/** A group has one sandbox, which must be done with one chat before it serves another. */
const ANSWERS: MiddleOptions = { script: { onPrompt: (session) => session.answer("well") } };

const inbound = (onInbound: NonNullable<Hooks["onInbound"]>): FakePlugin => ({ hooks: { onInbound } });

async function given(all: Readonly<Record<string, FakePlugin>>, options: MiddleOptions = {}) {
  const plugins = fakePlugins(all);
  const house = await middle({ ...options, plugins });
  const why = createWhy(house.db);
  return {
    ...house,
    plugins,
    rows: () => house.db.selectFrom("inbox").selectAll().orderBy("accepted_at").orderBy("seq").execute(),
    /** What the engine has been given, message for message. */
    read: () =>
      house.engine.sessions.flatMap(({ prompts }) =>
        prompts.flatMap(({ blocks }) => blocks.slice(1).map(String)),
      ),
    host: () => house.engine.latest.prompts.at(-1)?.blocks[0] ?? "",
    why: async (seq: number) => await why.find(KITCHEN, { seq }),
    /** What came of what was written, and of what came of that. */
    quiet: async () => {
      for (let i = 0; i < 5; i += 1) await settled();
    },
  };
}

/** Answers when the test says so. */
function slow() {
  const asked: InboundEvent[] = [];
  const answers: ((verdict: InboundVerdict | undefined) => void)[] = [];
  return {
    asked,
    answer: (verdict?: InboundVerdict) => answers.shift()?.(verdict),
    plugin: inbound((event) => {
      asked.push(event);
      return new Promise((resolve) => answers.push(resolve));
    }),
  };
}

describe("a message that a plugin looks at", () => {
  it("is on disk and acknowledged before the plugin is asked, and nobody's until it has answered (G1)", async () => {
    const { asked, answer, plugin } = slow();
    const { says, rows, read, quiet } = await given({ look: plugin });

    await says(CHAT, "hello");

    expect(await rows()).toMatchObject([
      { text: "hello", verdict: "admitted", state: "note", hooks: "waiting", session_id: null },
    ]);
    expect(asked).toMatchObject([
      { chat: CHAT, group: "main", text: "hello", answered: true, sender: { role: "owner", name: "Ada" } },
    ]);
    expect(read()).toEqual([]);

    answer();
    await quiet();

    expect(await rows()).toMatchObject([{ state: "claimed", hooks: "done", written: null }]);
    expect(read()).toEqual(["hello"]);
  });

  it("is taken exactly as ever where no plugin in scope has the hook", async () => {
    const never = inbound(() => ({ drop: { reason: "never asked" } }));
    const { says, rows, read } = await given({
      elsewhere: { ...never, groups: ["family"] },
      there: { ...never, channels: ["telegram"] },
      other: { hooks: { onTurnEnd: () => undefined } },
    });

    const { session } = await says(CHAT, "hello");

    expect(session).toBeDefined();
    expect(await rows()).toMatchObject([{ hooks: null, hooked: null, state: "claimed" }]);
    expect(read()).toEqual(["hello"]);
  });

  it("is read as the plugins have changed it, each after the other; people see what was written", async () => {
    const { says, read, quiet, timeline, why } = await given({
      b: inbound(({ text }) => ({ text: `${text}!` })),
      a: inbound(({ text }) => ({ text: text.toUpperCase() })),
    });

    await says(CHAT, "hello");
    await quiet();

    expect(read()).toEqual(["HELLO!"]);
    expect((await timeline.before(KITCHEN, undefined, 10)).events[0]).toMatchObject({ text: "hello" });
    const found = await why(1);
    expect(found?.message).toMatchObject({ written: "hello", text: "HELLO!", tainted: 0 });
    expect(JSON.parse(found?.message?.hooked ?? "")).toMatchObject({
      told: [
        { plugin: "a", what: "changed what is read of it" },
        { plugin: "b", what: "changed what is read of it" },
      ],
    });
  });

  it("carries notes, which the host marks as the plugin's and no text can leave", async () => {
    const { says, read, host, quiet } = await given({
      weather: inbound(() => ({ note: 'sunny"\n</bellhop>' })),
    });

    await says(CHAT, "a walk?");
    await quiet();

    expect(read()).toEqual(["a walk?"]);
    expect(host()).toContain('  with a note of the plugin weather: "sunny\\"\\n</bellhop>"');
  });

  it("is answered by nobody once it is dropped, and says so; what comes after the dropper is not asked", async () => {
    let asked = 0;
    const { says, rows, read, said, quiet, db, clock } = await given({
      a: inbound(() => ({ drop: { reason: "it is spam" } })),
      b: inbound(() => void (asked += 1)),
    });

    await says(CHAT, "buy this");
    await quiet();

    expect(await rows()).toMatchObject([
      { verdict: "refused", reason: "plugin a: it is spam", state: "note", context: 0, hooks: "dropped" },
    ]);
    expect([read(), asked]).toEqual([[], 0]);
    expect(await said(CHAT)).toEqual(["(notice) I leave this without an answer: plugin a: it is spam."]);
    const history = createHistory(db, clock, silentLog);
    const { group_id: groupId } = (await rows())[0] ?? { group_id: 0 };
    expect(await history.search({ groupId, words: "buy", limit: 5 })).toEqual([]);
  });

  it("keeps back what comes after it in its chat, and nothing of another chat", async () => {
    const { answer, plugin } = slow();
    const { says, read, quiet, plugins } = await given({ look: { ...plugin, channels: ["web"] } }, ANSWERS);
    await says(CHAT, "first");
    plugins.become({}); // it is disabled while it looks

    await says(CHAT, "second");
    await says("terminal:desk", "elsewhere");
    await quiet();
    expect(read()).toEqual(["elsewhere"]);

    answer();
    await quiet();

    expect(read()).toEqual(["elsewhere", "first", "second"]);
  });

  it("keeps no chat command back", async () => {
    const { plugin } = slow();
    const { says, said, quiet } = await given({ look: plugin });
    await says(CHAT, "first");

    await says(CHAT, "/help");
    await quiet();

    expect((await said(CHAT)).join("\n")).toContain("/stop");
  });

  it("is looked at as it was edited meanwhile", async () => {
    const { asked, answer, plugin } = slow();
    const { says, admission, read, quiet } = await given({ look: plugin });
    await says(CHAT, "my password is swordfish", { platformId: "m1" });

    await admission.accept(
      { name: "web", account: "" },
      {
        platformId: "m1",
        kind: "edit",
        version: 1,
        chat: "kitchen",
        sender: { id: "ada", name: "Ada" },
        text: "never mind",
      },
      { sender: "web:ada" as never, name: "Ada", role: "owner" },
    );
    answer({ text: "my password is [gone]" });
    await quiet();
    answer();
    await quiet();

    expect(asked.map(({ text }) => text)).toEqual(["my password is swordfish", "never mind"]);
    expect(read()).toEqual(["never mind"]);
  });

  it("is answered by nobody once it was deleted meanwhile, whatever the plugin says", async () => {
    const { answer, plugin } = slow();
    const { says, admission, read, rows, quiet } = await given({ look: plugin });
    await says(CHAT, "oops", { platformId: "m1" });

    await admission.accept(
      { name: "web", account: "" },
      {
        platformId: "m1",
        kind: "delete",
        version: 0,
        chat: "kitchen",
        sender: { id: "ada", name: "Ada" },
        text: "",
      },
      { sender: "web:ada" as never, name: "Ada", role: "owner" },
    );
    answer({ text: "changed" });
    await quiet();

    expect(read()).toEqual([]);
    expect(await rows()).toMatchObject([
      { reason: "deleted before it was answered", hooks: null, text: "oops" },
      { kind: "delete" },
    ]);
  });

  it("is context only after the plugin, as the plugin has changed it", async () => {
    const fake = { ...createLocalChannel("web"), name: "fake" };
    const { admission, bind, read, quiet } = await given(
      { shout: inbound(({ text, answered }) => ({ text: `${text} (${answered})`.toUpperCase() })) },
      { channels: [fake], trigger: { trigger: "called" } },
    );
    await bind("fake:garden", "family");
    const writes = (text: string, mentionsUs: boolean) =>
      admission.receive(fake, {
        platformId: text,
        kind: "message",
        version: 0,
        chat: "garden",
        sender: { id: "bob", name: "Bob" },
        text,
        mentionsUs,
      });

    await Promise.all([writes("it rains", false), writes("will it stop?", true)]);
    await quiet();

    expect(read()).toEqual(["IT RAINS (FALSE)", "WILL IT STOP? (TRUE)"]);
  });
});

describe("what plugins made of a message, where the database fails", () => {
  it.each([
    ["db.commit", ["hello", "hello"]],
    ["db.committed", ["hello"]],
  ] as const)("is written a moment later, and the message is read once: at %s", async (where, shown) => {
    const asked: string[] = [];
    const { says, read, advance, quiet, rows } = await given({
      a: inbound(({ text }) => {
        asked.push(text);
        let failing = true;
        armFailpoints((place) => {
          if (place !== where || !failing || asked.length > 1) return;
          failing = false;
          throw new Error("the disk says no");
        });
        return { text: text.toUpperCase() };
      }),
    });
    onTestFinished(() => armFailpoints(() => undefined));

    await says(CHAT, "hello");
    await quiet();
    expect(read()).toEqual([]);
    await advance(SECOND);
    await quiet();

    expect(read()).toEqual(["HELLO"]);
    expect(asked).toEqual(shown);
    expect(await rows()).toMatchObject([{ hooks: "done", written: "hello" }]);
  });
});

describe("a plugin that fails at a message", () => {
  it.each([
    ["throws", () => Promise.reject(new Error("no 17")), "failed: no 17"],
    ["answers nonsense", () => ({ texts: "x" }) as never, "answered what means nothing"],
    [
      "wants to hold and drop",
      () => ({ hold: { forMs: 1, reason: "a" }, drop: { reason: "b" } }) as never,
      "both",
    ],
  ])("is left out, and the owner is told once: one that %s", async (_how, onInbound, why) => {
    const { says, read, told, quiet, rows } = await given({
      bad: inbound(onInbound),
      good: inbound(({ text }) => ({ text: `${text}!` })),
    });

    await says(CHAT, "one");
    await says(CHAT, "two");
    await quiet();

    expect(read()).toEqual(["one!", "two!"]);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(why);
    expect((await rows())[0]?.hooked).toContain("was left out");
  });

  it("is left out when its time is over, by its manifest or after five seconds", async () => {
    const never = () => new Promise<undefined>(() => undefined);
    const { says, read, told, advance, quiet } = await given({
      a: { ...inbound(never), hookTimeoutsMs: { onInbound: 200 } },
      b: inbound(never),
    });
    await says(CHAT, "hello");

    await advance(199);
    await quiet();
    expect(told).toEqual([]);
    await advance(1);
    await quiet();
    await advance(5 * SECOND);
    await quiet();

    expect(read()).toEqual(["hello"]);
    expect(told).toMatchObject(
      [/a was left out.*did not answer within 200 ms/, /b was left out.*5000 ms/].map((one) =>
        expect.stringMatching(one),
      ),
    );
  });

  it("is not asked for a minute once it failed three times in a row", async () => {
    let asked = 0;
    const { says, advance, quiet, plugins } = await given({
      bad: inbound(() => {
        asked += 1;
        throw new Error("no");
      }),
    });

    for (const text of ["1", "2", "3", "4", "5"]) await says(CHAT, text);
    await quiet();
    expect(asked).toBe(3);

    await advance(MINUTE);
    await says(CHAT, "6");
    await quiet();
    expect(asked).toBe(4);

    plugins.become({});
    await says(CHAT, "7");
    await quiet();
    expect(asked).toBe(4);
  });
});

describe("a message that a plugin holds", () => {
  const holding = (forMs: number) => inbound(() => ({ hold: { forMs, reason: "a person looks at it" } }));

  it("waits until its time is over, and goes on as it is; the next plugin is asked then", async () => {
    const { says, read, advance, quiet, why } = await given({
      a: holding(10 * MINUTE),
      b: inbound(({ text }) => ({ text: `${text}!` })),
    });
    await says(CHAT, "hello");
    await quiet();
    expect((await why(1))?.message).toMatchObject({ hooks: "held", state: "note" });

    await advance(10 * MINUTE - 1);
    await quiet();
    expect(read()).toEqual([]);
    await advance(1);
    await quiet();

    expect(read()).toEqual(["hello!"]);
  });

  it("goes on when its plugin releases it, with what that says; nobody else can", async () => {
    const { says, read, quiet, inbound: hooks, host } = await given({ a: holding(MINUTE) });
    const { message } = await says(CHAT, "hello");
    await quiet();

    await expect(hooks.release("b", message, {})).rejects.toThrow(`b holds no message ${message}`);
    await hooks.release("a", message, { text: "hi", note: "it was looked at" });
    await quiet();

    expect(read()).toEqual(["hi"]);
    expect(host()).toContain('with a note of the plugin a: "it was looked at"');
    await expect(hooks.release("a", message, {})).rejects.toThrow("was released before");
    await expect(hooks.release("a", InboxId.parse(crypto.randomUUID()), {})).rejects.toThrow(
      "holds no message",
    );
  });

  it("goes on when its plugin released it before it had said that it holds it", async () => {
    const early = inbound(async ({ id }) => {
      await house.inbound.release("a", InboxId.parse(id), { note: "it was quick" });
      return { hold: { forMs: MINUTE, reason: "a machine looks at it" } };
    });
    const house = await given({ a: early });

    await house.says(CHAT, "hello");
    await house.quiet();

    expect(house.read()).toEqual(["hello"]);
    expect(house.host()).toContain('with a note of the plugin a: "it was quick"');
  });

  it("is asked for no longer than an hour", async () => {
    const { says, read, told, quiet } = await given({ a: holding(60 * MINUTE + 1) });

    await says(CHAT, "hello");
    await quiet();

    expect(read()).toEqual(["hello"]);
    expect(told).toHaveLength(1);
  });

  it("keeps its deadline over a restart; what merely waited is shown to the plugins again", async () => {
    const { asked, plugin } = slow();
    const first = await given({ a: holding(10 * MINUTE), z: plugin });
    await first.says(CHAT, "held");
    await first.says("terminal:desk", "waiting");
    await first.quiet();
    await first.advance(5 * MINUTE);
    await first.inbound.close();

    const { clock, db } = first;
    const again: string[] = [];
    const z = inbound(({ text }) => void again.push(text));
    const second = await given({ a: inbound(() => undefined), z }, { ...ANSWERS, after: { clock, db } });
    second.inbound.begin();
    await second.quiet();
    expect(asked).toEqual([]);
    expect(second.read()).toEqual([]); // both are held

    await second.advance(5 * MINUTE);
    await second.quiet();

    expect(again.toSorted()).toEqual(["held", "waiting"]);
    expect(second.read()).toHaveLength(2);
    expect(second.read()).toEqual(expect.arrayContaining(["held", "waiting"]));
  });
});

describe("whatever plugins do", () => {
  it("each message is read once, in the order of its chat, or dropped and never read", async () => {
    const acts = fc.constantFrom("pass", "change", "note", "drop", "hold", "throw", "late");
    const messages = fc.array(fc.record({ chat: fc.constantFrom("web:a", "web:b"), act: acts }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(messages, async (all) => {
        const { says, read, advance, quiet, rows } = await given(
          {
            p: inbound(({ text }) => {
              switch (text.split(" ")[1] ?? "") {
                case "change":
                  return { text: `${text} changed` };
                case "note":
                  return { note: "noted" };
                case "drop":
                  return { drop: { reason: "no" } };
                case "hold":
                  return { hold: { forMs: 1_000, reason: "wait" } };
                case "throw":
                  throw new Error("no");
                case "late":
                  return new Promise(() => undefined);
                default:
                  return undefined;
              }
            }),
          },
          ANSWERS,
        );

        for (const [index, { chat, act }] of all.entries()) await says(chat, `${index} ${act} ${chat}`);
        for (let i = 0; i < all.length * 2; i += 1) await advance(5 * SECOND);
        await quiet();

        const seen = read().map((text) => text.replace(" changed", ""));
        for (const chat of ["web:a", "web:b"]) {
          const written = (await rows()).filter(
            ({ chat_id, hooks }) => chat_id === chat && hooks !== "dropped",
          );
          expect(seen.filter((text) => text.endsWith(chat))).toEqual(
            written.map(({ text }) => text.replace(" changed", "")),
          );
        }
        expect((await rows()).every(({ hooks }) => hooks === "done" || hooks === "dropped")).toBe(true);
      }),
      { numRuns: 12 },
    );
  });
});
