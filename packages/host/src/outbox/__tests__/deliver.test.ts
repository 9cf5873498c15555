import {
  type Channel,
  ConfigError,
  type Outbound,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { createEventBus } from "../../core/events.ts";
import { ChatId, MAIN } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { owe } from "../../store/outbox.ts";
import { house } from "../../store/__tests__/house.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { createSpeaker } from "../speaker.ts";
import { createDelivery } from "../deliver.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const [KITCHEN, GARDEN] = [ChatId.parse("fake:kitchen"), ChatId.parse("fake:garden")];

/** A channel that does with each message what the test says; by default it takes it. */
async function given({ idempotent = false, random = 0 } = {}) {
  const store = await house();
  const sent: string[] = [];
  const tried: string[] = [];
  const told: string[] = [];
  let act: (text: string, signal: AbortSignal) => Promise<void> | void = () => undefined;
  const channel: Channel = {
    name: "fake",
    account: "",
    abilities: {
      maxTextLength: 100,
      lengthUnit: "utf16",
      resend: { how: idempotent ? "once" : "twice" },
      reactions: true,
      quotes: true,
      edits: false,
    },
    async send(message: Outbound, signal) {
      const text = message.kind === "reaction" ? `${message.emoji} on ${message.to}` : message.text;
      tried.push(text);
      await act(text, signal);
      sent.push(text);
      return { platformId: `p:${message.key}` };
    },
  };
  const held = { by: new AbortController() };
  const newDelivery = () =>
    createDelivery({
      outbox: store.outbox,
      channelOf: () => channel,
      fileOf: async () => undefined,
      secrets: createKnownSecrets([{ name: "A_KEY", value: "canary-0123456789" }]),
      speaker: createSpeaker(async () => "Bellhop"),
      notices: { tell: async (_key, text) => void told.push(text) },
      bus: createEventBus(),
      hold: () => held.by.signal,
      clock: store.clock,
      random: () => random,
      log: silentLog,
    });
  const delivery = newDelivery();
  return {
    ...store,
    channel,
    delivery,
    held,
    /** The next life of the host. */
    newDelivery,
    sent,
    tried,
    told,
    when(what: typeof act) {
      act = what;
    },
    async owes(chat: ChatId, ...texts: string[]) {
      const { group_id: groupId } = await store.chats.ensure(chat, MAIN);
      const to = { chat, groupId, turn: undefined, now: store.clock.now() };
      const rows = texts.map((text) => ({ key: `${chat} ${text}`, kind: "text", text }) as const);
      const ids = await store.db.transaction().execute((trx) => owe(trx, to, rows));
      delivery.wake(chat);
      await settled();
      return ids;
    },
    async advance(ms: number) {
      store.clock.advance(ms);
      await settled();
    },
    states: async () => (await store.owed()).map(({ state }) => state),
  };
}

/** Fails with these, one after the other, then works. */
function failing(...errors: Error[]) {
  return () => {
    const error = errors.shift();
    if (error) throw error;
  };
}

describe("delivery", () => {
  it("lets no secret out, whoever owed it", async () => {
    const { owes, sent } = await given();

    await owes(KITCHEN, "the platform said: bad token canary-0123456789");

    expect(sent).toEqual(["the platform said: bad token [hidden]"]);
  });

  it("sends in order within a chat, and lets no chat wait for another", async () => {
    const { owes, sent, when } = await given();
    const slow = Promise.withResolvers<void>();
    when((text) => (text === "k1" ? slow.promise : undefined));

    await owes(KITCHEN, "k1", "k2");
    await owes(GARDEN, "g1", "g2");
    expect(sent).toEqual(["g1", "g2"]);
    slow.resolve();
    await settled();

    expect(sent).toEqual(["g1", "g2", "k1", "k2"]);
  });

  it("shows what was sent in the timeline, once, in the order it arrived", async () => {
    const { owes, timeline, when, advance } = await given();
    when(failing(new TemporaryError("busy")));

    await owes(KITCHEN, "one", "two");
    await advance(MINUTE);

    const { events } = await timeline.before(KITCHEN, undefined, 10);
    expect(events.map((event) => event.type === "message" && event.text)).toEqual(["one", "two"]);
  });

  it("does nothing while nothing is due", async () => {
    const { owes, tried, when, advance, outbox } = await given();
    when(failing(new TemporaryError("busy", { retryAfterMs: 30 * SECOND })));
    await owes(KITCHEN, "one");

    await advance(29 * SECOND);
    expect(tried).toEqual(["one"]);
    expect((await outbox.counts()).open).toBe(1);
    await advance(SECOND);

    expect(tried).toEqual(["one", "one"]);
  });

  it("may be told to look at everything at any time: nothing goes early or twice", async () => {
    const { owes, tried, sent, when, advance, delivery } = await given({ random: 0.5 });
    const slow = Promise.withResolvers<void>();
    when((text) => {
      if (text === "slow") return slow.promise;
      if (tried.length === 1) throw new TemporaryError("busy");
      return undefined;
    });
    await owes(KITCHEN, "one");
    await owes(GARDEN, "slow");

    for (let i = 0; i < 3; i += 1) await delivery.recover();
    await settled();
    expect(tried).toEqual(["one", "slow"]);
    slow.resolve();
    await advance(30 * SECOND);

    expect(sent).toEqual(["slow", "one"]);
  });

  it("keeps the order while the first of a chat waits for its time", async () => {
    const { owes, sent, when, advance } = await given();
    when(failing(new TemporaryError("busy", { retryAfterMs: 30 * SECOND })));

    await owes(KITCHEN, "one");
    await owes(KITCHEN, "two");
    expect(sent).toEqual([]);
    await advance(30 * SECOND);

    expect(sent).toEqual(["one", "two"]);
  });

  it("backs off from what surely was not taken, again and again, and sends it once", async () => {
    const { owes, sent, tried, when, advance } = await given({ random: 0.5 });
    when(failing(...Array.from({ length: 9 }, () => new TemporaryError("refused"))));

    await owes(KITCHEN, "one");
    for (let i = 0; i < 40; i += 1) await advance(5 * MINUTE);

    expect(tried).toHaveLength(10);
    expect(sent).toEqual(["one"]);
  });

  it("gives up after a day, goes on with the next, and says so", async () => {
    const { owes, states, when, advance, sent, told } = await given({ random: 0.5 });
    when((text) => {
      if (text === "one") throw new TemporaryError("down");
    });

    await owes(KITCHEN, "one", "two");
    for (let i = 0; i < 300; i += 1) await advance(5 * MINUTE);

    expect(await states()).toEqual(["dead", "sent", "sent"]);
    expect(sent).toEqual(["two", "A part of my answer could not be delivered. It begins: “one”"]);
    expect(told).toEqual([`A message to ${KITCHEN} could not be delivered: down`]);
  });

  it("buries what is rejected for good, goes on, and says so once (G13)", async () => {
    const { owes, sent, states, when, owed, told } = await given();
    when(failing(new RejectedError("chat not found")));

    await owes(KITCHEN, "one", "two");

    expect(await states()).toEqual(["dead", "sent", "sent"]);
    expect(sent).toEqual(["two", expect.stringContaining("could not be delivered. It begins: “one”")]);
    expect((await owed())[0]?.error).toBe("chat not found");
    expect(told).toHaveLength(1);
  });

  it("tells nobody about what could not be told", async () => {
    const { owes, when, states, told } = await given();
    when(() => {
      throw new RejectedError("the chat is gone");
    });

    await owes(KITCHEN, "one", "two");

    // The words about each: no turn owes them, so there are two.
    expect(await states()).toEqual(["dead", "dead", "dead", "dead"]);
    expect(told).toEqual([`A message to ${KITCHEN} could not be delivered: the chat is gone`]);
  });

  it("keeps what it owes to an account that needs its operator, and tells the owner once", async () => {
    const { owes, states, when, advance, sent, tried, told } = await given();
    when(failing(...Array.from({ length: 3 }, () => new ConfigError("the token is refused"))));

    await owes(KITCHEN, "one");
    await owes(GARDEN, "two");
    expect((await states()).toSorted()).toEqual(["pending", "retry"]);
    await advance(5 * MINUTE);
    await advance(5 * MINUTE);
    expect(tried).toHaveLength(3);
    expect(told).toEqual(["The channel fake needs you: the token is refused. What it owes is kept."]);
    await advance(5 * MINUTE);

    expect(sent.toSorted()).toEqual(["one", "two"]);
  });

  it("tries again at once when an account may work again", async () => {
    const { owes, when, sent, delivery, channel } = await given();
    when(failing(new ConfigError("the token is refused")));
    await owes(KITCHEN, "one");

    delivery.accountReady(channel);
    await settled();

    expect(sent).toEqual(["one"]);
  });
});

describe("what may have arrived (G14)", () => {
  it.each([new UnknownOutcomeError("timeout"), new Error("unforeseen")])(
    "is sent a second time at most where a platform would show it twice: %s",
    async (error) => {
      const { owes, tried, states, when, advance } = await given();
      when((text) => {
        if (text === "one") throw error;
      });

      await owes(KITCHEN, "one", "two");
      await advance(MINUTE);

      expect(tried.slice(0, 3)).toEqual(["one", "one", "two"]);
      expect(tried.slice(3)).toEqual(["A part of my answer may not have arrived. It begins: “one”"]);
      expect(await states()).toEqual(["unknown", "sent", "sent"]);
    },
  );

  it("is sent until it is known to have arrived where the key makes it one message", async () => {
    const { owes, tried, states, when, advance } = await given({ idempotent: true });
    when(failing(...Array.from({ length: 5 }, () => new UnknownOutcomeError("timeout"))));

    await owes(KITCHEN, "one");
    for (let i = 0; i < 20; i += 1) await advance(MINUTE);

    expect(tried).toHaveLength(6);
    expect(await states()).toEqual(["sent"]);
  });

  it.each([
    { idempotent: true, uncertain: 5, outcome: "sent" },
    { idempotent: false, uncertain: 0, outcome: "sent" },
    { idempotent: false, uncertain: 1, outcome: "unknown" },
  ])("is judged alike after the host died while sending: %o", async ({ idempotent, uncertain, outcome }) => {
    const { owes, states, newDelivery, when, db } = await given({ idempotent });
    when(() => new Promise(() => undefined)); // and then the host is gone
    await owes(KITCHEN, "one", "two");
    await db.updateTable("outbox").set({ uncertain }).where("state", "=", "sending").execute();

    when(() => undefined);
    const next = newDelivery();
    await next.recover();
    await settled();

    expect((await states()).slice(0, 2)).toEqual([outcome, "sent"]);
  });

  it("is left to the next start when this one ends in the middle", async () => {
    const { owes, states, delivery, when } = await given();
    when(
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(new Error("aborted"))),
        ),
    );
    await owes(KITCHEN, "one");

    await delivery.close();

    expect(await states()).toEqual(["sending"]);
  });
});

describe("what has arrived", () => {
  it("is not sent again because the database could not be told", async () => {
    const { owes, tried, states, advance, db } = await given();
    await db.schema.alterTable("events").renameTo("events_away").execute();
    await owes(KITCHEN, "one");
    expect(await states()).toEqual(["sending"]);

    await advance(SECOND);
    await db.schema.alterTable("events_away").renameTo("events").execute();
    await advance(SECOND);

    expect(tried).toEqual(["one"]);
    expect(await states()).toEqual(["sent"]);
  });
});

describe("a reaction", () => {
  it("goes to the platform's own id of its message, or nowhere", async () => {
    const { owes, sent, states, db, chats, clock, delivery, when } = await given();
    when((text) => {
      if (text === "lost") throw new RejectedError("no");
    });
    const [lost, arrived] = await owes(KITCHEN, "lost", "arrived");
    const { group_id: groupId } = await chats.ensure(KITCHEN, MAIN);
    const to = { chat: KITCHEN, groupId, turn: undefined, now: clock.now() };
    const rows = [lost, arrived].map(
      (replyTo, i) => ({ key: `r${i}`, kind: "reaction", text: "👍", replyTo }) as const,
    );

    await db.transaction().execute((trx) => owe(trx, to, rows));
    delivery.wake(KITCHEN);
    await settled();

    expect(sent.filter((text) => text !== "arrived" && !text.startsWith("A part"))).toEqual([
      `👍 on p:${KITCHEN} arrived`,
    ]);
    expect(await states()).toEqual(["dead", "sent", "sent", "dead", "sent"]);
  });
});

describe("delivery while everything is held", () => {
  it("sends nothing but the answers to commands, and the rest in order afterwards", async () => {
    const { owes, sent, held, chats, clock, db, delivery } = await given();
    held.by.abort();
    await owes(KITCHEN, "one", "two");
    const { group_id: groupId } = await chats.ensure(KITCHEN, MAIN);
    const to = { chat: KITCHEN, groupId, turn: undefined, now: clock.now() };
    await owe(db, to, [{ key: "command:1", kind: "notice", text: "paused" }]);
    delivery.wake(KITCHEN);
    await settled();
    expect(sent).toEqual(["paused"]);

    held.by = new AbortController();
    await delivery.recover();
    await settled();

    expect(sent).toEqual(["paused", "one", "two"]);
  });

  it.each([
    { idempotent: true, what: "again" },
    { idempotent: false, what: "at most once more" },
  ])("breaks off what is being sent, and sends it $what afterwards", async ({ idempotent }) => {
    const { owes, sent, tried, when, held, delivery } = await given({ idempotent });
    when(
      (_text, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new UnknownOutcomeError("broken off")));
        }),
    );
    await owes(KITCHEN, "one");

    held.by.abort();
    await settled();
    expect(sent).toEqual([]);
    when(() => undefined);
    held.by = new AbortController();
    await delivery.recover();
    await settled();

    expect(tried).toEqual(["one", "one"]);
    expect(sent).toEqual(["one"]);
  });
});

describe("delivery that is closed", () => {
  it("does not wait for ever for a channel that does not let go", async () => {
    const { owes, when, delivery, advance, states } = await given();
    when(() => new Promise(() => undefined));
    await owes(KITCHEN, "one");
    let closed = false;

    void delivery.close().then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);
    await advance(2 * SECOND);

    expect(closed).toBe(true);
    expect(await states()).toEqual(["sending"]);
  });
});
