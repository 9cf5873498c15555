import { type Channel, type Hooks, type OutboundEvent, UnknownOutcomeError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { createEventBus } from "../../core/events.ts";
import { createHookCalls } from "../../core/hook-calls.ts";
import { ChatId, MAIN } from "../../core/ids.ts";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { COMMAND_KEY } from "../../core/pause.ts";
import { silentLog } from "../../log.ts";
import { type FakePlugin, fakePlugins } from "../../plugins/powers/__tests__/fake-plugins.ts";
import { house } from "../../store/__tests__/house.ts";
import { type NewOutbound, owe } from "../../store/outbox.ts";
import { middle, SECOND, settled } from "../../turns/__tests__/middle.ts";
import { createDelivery } from "../deliver.ts";
import { createOutboundHooks } from "../outbound-hooks.ts";
import { createSpeaker } from "../speaker.ts";

const KITCHEN = ChatId.parse("fake:kitchen");
const SECRET = "canary-0123456789";

const outbound = (onOutbound: NonNullable<Hooks["onOutbound"]>): FakePlugin => ({ hooks: { onOutbound } });

async function given(all: Readonly<Record<string, FakePlugin>>, chat = KITCHEN) {
  const store = await house();
  const plugins = fakePlugins(all);
  const sent: string[] = [];
  const told: string[] = [];
  let act: () => Promise<void> | void = () => undefined;
  const channel: Channel = {
    name: "fake",
    account: "",
    abilities: {
      maxTextLength: 40,
      lengthUnit: "utf16",
      resend: { how: "twice" },
      reactions: true,
      quotes: true,
      edits: false,
    },
    async send(message) {
      const text = message.kind === "reaction" ? message.emoji : message.text;
      sent.push(`${message.kind}: ${text}`);
      await act();
      return { platformId: `p:${message.key}` };
    },
  };
  const secrets = createKnownSecrets([{ name: "A_KEY", value: SECRET }]);
  const newDelivery = () =>
    createDelivery({
      outbox: store.outbox,
      channelOf: () => channel,
      fileOf: async () => undefined,
      secrets,
      speaker: createSpeaker(async () => "Bellhop"),
      notices: { tell: async () => undefined },
      hooks: createOutboundHooks({
        calls: createHookCalls({
          plugins,
          tell: (_key, text) => void told.push(text),
          clock: store.clock,
        }),
        outbox: store.outbox,
        groupOf: async (id) => (await store.chats.find(id))?.folder,
        secrets,
        sizeOf: () => ({ limit: 40, unit: "utf16" }),
      }),
      bus: createEventBus(),
      hold: () => new AbortController().signal,
      clock: store.clock,
      random: () => 0,
      log: silentLog,
    });
  const { group_id: groupId } = await store.chats.ensure(chat, MAIN);
  return {
    ...store,
    plugins,
    sent,
    told,
    newDelivery,
    delivery: newDelivery(),
    when(what: typeof act) {
      act = what;
    },
    async owes(...messages: (Omit<NewOutbound, "key"> & { key?: string })[]) {
      await store.db.transaction().execute((trx) =>
        owe(
          trx,
          { chat, groupId, turn: undefined, now: store.clock.now() },
          messages.map((one) => ({ key: crypto.randomUUID(), ...one })),
        ),
      );
    },
    rows: () => store.db.selectFrom("outbox").selectAll().orderBy("seq").execute(),
  };
}

async function delivered({ wake, settled: done }: ReturnType<typeof createDelivery>, chat = KITCHEN) {
  wake(chat);
  await done();
}

describe("what goes out, where a plugin sees it", () => {
  it("is what each plugin made of it in turn, and that is what is stored", async () => {
    const { owes, delivery, sent, rows } = await given({
      b: outbound(({ text }) => ({ text: `${text}!` })),
      a: outbound(({ text }) => ({ text: text.toUpperCase() })),
    });
    await owes({ kind: "text", text: "soup" });

    await delivered(delivery);

    expect(sent).toEqual(["text: SOUP!"]);
    expect(await rows()).toMatchObject([{ state: "sent", text: "SOUP!" }]);
    expect(JSON.parse((await rows())[0]?.hooked ?? "")).toMatchObject({
      told: [
        { plugin: "a", what: "changed it" },
        { plugin: "b", what: "changed it" },
      ],
    });
  });

  it("is the same when it is sent again, and no plugin is asked twice (G14)", async () => {
    let asked = 0;
    const { owes, delivery, sent, when } = await given({
      count: outbound(({ text }) => ({ text: `${text} ${(asked += 1)}` })),
    });
    await owes({ kind: "text", text: "soup" });
    when(() => {
      if (sent.length === 1) throw new UnknownOutcomeError("no answer came");
    });

    await delivered(delivery);

    expect(sent).toEqual(["text: soup 1", "text: soup 1"]);
    expect(asked).toBe(1);
  });

  it("was not sent at all, for sure, while a plugin is still looking at it", async () => {
    const asked: OutboundEvent[] = [];
    const { owes, delivery, newDelivery, sent, rows, plugins } = await given({
      hangs: outbound((event) => {
        asked.push(event);
        return new Promise(() => undefined);
      }),
    });
    await owes({ kind: "text", text: "soup" });
    delivery.wake(KITCHEN);
    await settled();
    expect(asked).toEqual([{ chat: "fake:kitchen", group: "main", kind: "text", text: "soup" }]);
    expect(await rows()).toMatchObject([{ state: "pending", attempts: 0, hooked: null }]);

    // The host dies here; the next one asks again and has nothing to be unsure of.
    plugins.become({ works: outbound(() => ({ text: "stew" })) });
    await delivered(newDelivery());

    expect(sent).toEqual(["text: stew"]);
    expect(await rows()).toMatchObject([{ state: "sent", uncertain: 0 }]);
  });

  it("holds no secret when a plugin sees it, and none when the plugin has put one in", async () => {
    const { owes, delivery, sent, rows } = await given({
      leaks: outbound(({ text }) => ({ text: `${text}, ${SECRET}` })),
    });
    await owes({ kind: "text", text: `key ${SECRET}` });

    await delivered(delivery);

    expect(sent).toEqual(["text: key [hidden], [hidden]"]);
    expect((await rows())[0]?.text).toBe("key [hidden], [hidden]");
  });

  it.each([
    ["more than a message holds", "word ".repeat(20), "more than one message"],
    ["nothing", " ", "an empty text"],
  ])("goes as it was where a plugin makes %s of it, and the owner is told", async (_what, text, why) => {
    const { owes, delivery, sent, told } = await given({ grows: outbound(() => ({ text })) });
    await owes({ kind: "text", text: "soup" });

    await delivered(delivery);

    expect(sent).toEqual(["text: soup"]);
    expect(told).toEqual([expect.stringContaining(why)]);
  });

  it("goes without a plugin that fails or is late", async () => {
    const { owes, delivery, sent, told, clock } = await given({
      a: outbound(() => Promise.reject(new Error("no"))),
      b: { ...outbound(() => new Promise(() => undefined)), hookTimeoutsMs: { onOutbound: 100 } },
      c: outbound(({ text }) => ({ text: `${text}!` })),
    });
    await owes({ kind: "text", text: "soup" });

    delivery.wake(KITCHEN);
    await settled();
    clock.advance(100);
    await delivery.settled();

    expect(sent).toEqual(["text: soup!"]);
    expect(told).toHaveLength(2);
  });

  it("is not sent where a plugin keeps it back: that is final, has its reason, and is no failure", async () => {
    const { owes, delivery, sent, rows, outbox } = await given({
      quiet: outbound(({ text }) =>
        text.startsWith("psst") ? { suppress: { reason: "not here" } } : undefined,
      ),
    });
    await owes({ kind: "text", text: "psst, a secret" }, { kind: "text", text: "soup" });

    await delivered(delivery);

    expect(sent).toEqual(["text: soup"]);
    expect(await rows()).toMatchObject([
      { state: "dead", error: "plugin quiet: not here", attempts: 0 },
      { state: "sent" },
    ]);
    expect(await outbox.counts()).toEqual({ open: 0, unknown: 0, dead: 0 });
  });

  it("is no word of the host's, which passes no plugin: notices, answers to commands, reactions", async () => {
    const { owes, delivery, sent } = await given({ never: outbound(() => ({ suppress: { reason: "x" } })) });
    await owes(
      { kind: "notice", text: "I could not answer" },
      { kind: "text", text: "stopped", key: `${COMMAND_KEY}1` },
    );

    await delivered(delivery);

    expect(sent).toEqual(["text: I could not answer", "text: stopped"]);
  });

  it("is left alone in a chat that is out of scope", async () => {
    const never = outbound(() => ({ text: "never" }));
    const { owes, delivery, sent, rows } = await given({
      a: { ...never, channels: ["web"] },
      b: { ...never, groups: ["family"] },
    });
    await owes({ kind: "text", text: "soup" });

    await delivered(delivery);

    expect(sent).toEqual(["text: soup"]);
    expect(await rows()).toMatchObject([{ hooked: null }]);
  });

  it("is replaced by a word of the host's at the owner's own desk, where everything asked has an answer", async () => {
    const { says, engine, said, db } = await middle({
      plugins: fakePlugins({ quiet: outbound(() => ({ suppress: { reason: "not today" } })) }),
    });
    await says("web:kitchen", "what is for dinner?");

    engine.latest.answer("soup");
    for (let i = 0; i < 4; i += 1) await settled();

    expect(await said("web:kitchen")).toEqual([
      "(notice) The plugin quiet has kept my answer back: not today",
    ]);
    expect(await db.selectFrom("events").select("kind").execute()).toContainEqual({ kind: "out" });
  });
});

describe("an answer that a plugin is to see whole", () => {
  const watched = { see: outbound(() => undefined) };

  it.each([
    ["is shown growing where no plugin sees it", {}, ["so", "up"]],
    ["is shown to nobody while it grows", watched, []],
  ])("%s", async (_what, plugins, expected) => {
    const { says, engine, shown, dispatcher, said } = await middle({ plugins: fakePlugins(plugins) });
    await says("web:kitchen", "what is for dinner?");

    engine.latest.emit({ type: "delta", text: "so" }, { type: "delta", text: "up" });
    await settled();
    const growing = shown.flatMap((event) => (event.type === "delta" ? event.text : []));
    const snapshot = dispatcher.snapshot(undefined).filter(({ type }) => type === "delta");
    engine.latest.answer("soup");
    for (let i = 0; i < 4; i += 1) await settled();

    expect(growing).toEqual(expected);
    expect(snapshot).toHaveLength(expected.length === 0 ? 0 : 1);
    expect(await said("web:kitchen")).toEqual(["soup"]);
  });

  it("has no draft on a platform that could show one", async () => {
    const edits: string[] = [];
    const fake: Channel = {
      name: "fake",
      account: "",
      abilities: {
        maxTextLength: 1_000,
        lengthUnit: "utf16",
        resend: { how: "twice" },
        reactions: false,
        quotes: false,
        edits: true,
      },
      send: async ({ key }) => ({ platformId: key }),
      edit: async ({ text }) => void edits.push(text),
    };
    const { admission, bind, engine, said, advance } = await middle({
      plugins: fakePlugins(watched),
      channels: [fake],
    });
    await bind("fake:garden", "family");
    await admission.receive(fake, {
      platformId: "1",
      kind: "message",
      version: 0,
      chat: "garden",
      direct: true,
      sender: { id: "ada", name: "Ada" },
      text: "dinner?",
    });
    for (let i = 0; i < 4; i += 1) await settled();

    engine.latest.emit({ type: "delta", text: "soup and " });
    await settled();
    await advance(5 * SECOND);
    engine.latest.answer("soup and bread");
    for (let i = 0; i < 4; i += 1) await settled();

    expect(edits).toEqual([]);
    expect(await said("fake:garden")).toEqual(["soup and bread"]);
  });
});
