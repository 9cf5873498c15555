/** Delivery against a platform that writes down what people really saw. */
import { type ChannelAbilities, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { type Fault, fakePlatform } from "../../../test/fake-channel.ts";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { createEventBus } from "../../core/events.ts";
import { ChatId, MAIN, type OutboxId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { amend } from "../../store/amendments.ts";
import { type NewOutbound, owe } from "../../store/outbox.ts";
import { house } from "../../store/__tests__/house.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { createSpeaker } from "../speaker.ts";
import { createDelivery } from "../deliver.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
type Resend = ChannelAbilities["resend"];

async function given(abilities: Partial<ChannelAbilities> = {}) {
  const store = await house();
  const platform = fakePlatform({ abilities });
  const told: string[] = [];
  const newDelivery = () =>
    createDelivery({
      outbox: store.outbox,
      channelOf: () => platform.channel,
      fileOf: async () => undefined,
      secrets: createKnownSecrets(),
      speaker: createSpeaker(async () => "Bellhop"),
      notices: { tell: async (_key, text) => void told.push(text) },
      bus: createEventBus(),
      hold: () => new AbortController().signal,
      clock: store.clock,
      random: () => 0.5,
      log: silentLog,
    });
  let delivery = newDelivery();
  return {
    ...store,
    platform,
    told,
    get delivery() {
      return delivery;
    },
    async owes(native: string, ...rows: readonly (string | NewOutbound)[]): Promise<OutboxId[]> {
      const chat = ChatId.parse(`fake:${native}`);
      const { group_id: groupId } = await store.chats.ensure(chat, MAIN);
      const to = { chat, groupId, turn: undefined, now: store.clock.now() };
      const messages = rows.map((row) =>
        typeof row === "string" ? { key: `${chat} ${row}`, kind: "text" as const, text: row } : row,
      );
      const ids = await store.db.transaction().execute((trx) => owe(trx, to, messages));
      delivery.wake(chat);
      await settled();
      return ids;
    },
    /** From now on what was owed under this key reads so. */
    async amends(key: string, text: string) {
      const amended = { key, below: `${key}:`, text, now: store.clock.now() };
      const chats = await store.db.transaction().execute((trx) => amend(trx, amended));
      for (const chat of chats) delivery.wake(chat);
      await settled();
      return chats;
    },
    async advance(ms: number, steps = 1) {
      for (let i = 0; i < steps; i += 1) {
        store.clock.advance(ms / steps);
        await settled();
      }
    },
    /** The host dies and is started again. */
    async dies() {
      await delivery.close();
      delivery = newDelivery();
      await delivery.recover();
      await settled();
    },
    states: async () => (await store.owed()).map(({ state }) => state),
  };
}

const ONCE: Resend = { how: "once" };
const TWO_MINUTES: Resend = { how: "once", forMs: 2 * MINUTE };
const LOOKUP: Resend = { how: "lookup" };
const TWICE: Resend = { how: "twice" };
const TAKEN: Fault = { how: "time out", applied: true };
const LOST: Fault = { how: "time out", applied: false };
const SAID = "A part of my answer may not have arrived. It begins: “hello”";

describe("what may have arrived (F14), by what the channel promises", () => {
  it.each([
    // One answer was lost on the way.
    [ONCE, TAKEN, 1, ["hello"]],
    [ONCE, LOST, 1, ["hello"]],
    [TWO_MINUTES, TAKEN, 1, ["hello"]],
    [LOOKUP, TAKEN, 1, ["hello"]],
    [LOOKUP, LOST, 1, ["hello"]],
    [TWICE, TAKEN, 1, ["hello", "hello"]], // the one copy that G14 allows
    [TWICE, LOST, 1, ["hello"]],
    // They are lost again and again.
    [ONCE, TAKEN, 4, ["hello"]],
    [ONCE, LOST, 4, ["hello"]],
    [LOOKUP, TAKEN, 4, ["hello"]],
    [LOOKUP, LOST, 4, ["hello"]],
    [TWICE, TAKEN, 2, ["hello", "hello", SAID]],
    [TWICE, LOST, 2, [SAID]],
  ] as const)("%o, %o, %i times: people see %o", async (resend, fault, times, seen) => {
    const { platform, owes, advance, states } = await given({ resend });
    const chat = platform.group("kitchen");
    platform.fail("send", fault, times);

    await owes("kitchen", "hello");
    await advance(HOUR, 60);

    expect(chat.ours()).toEqual(seen);
    const doubted = seen.some((text) => text === SAID);
    expect(await states()).toEqual(doubted ? ["unknown", "sent"] : ["sent"]);
  });

  it.each([
    [ONCE, ["hello"]],
    [LOOKUP, ["hello"]],
    [TWICE, ["hello", "hello"]],
  ] as const)("%o, and the host dies while it is sent: people see %o", async (resend, seen) => {
    const { platform, owes, dies, advance, states } = await given({ resend });
    const chat = platform.group("kitchen");
    platform.fail("send", { how: "hang" });
    await owes("kitchen", "hello");
    expect(await states()).toEqual(["sending"]);

    await dies();
    await advance(MINUTE);

    expect(chat.ours()).toEqual(seen);
    expect(await states()).toEqual(["sent"]);
  });

  it("is like a channel without promises once the promise is over", async () => {
    const { platform, owes, advance, states } = await given({ resend: TWO_MINUTES });
    const chat = platform.group("kitchen");
    platform.fail("send", LOST, 2);
    platform.fail("send", { how: "slow down", retryAfterMs: 3 * MINUTE });

    await owes("kitchen", "hello");
    await advance(HOUR, 60);

    // Twice nobody could say; and when it might have gone again, the platform had forgotten its key.
    expect(chat.ours()).toEqual([SAID]);
    expect(await states()).toEqual(["unknown", "sent"]);
  });

  it("is not sent again blindly by a channel that does not let us look", async () => {
    const { platform, owes, advance } = await given({ resend: LOOKUP });
    const chat = platform.group("kitchen");
    platform.fail("send", TAKEN, 2);
    platform.fail("find", { how: "refuse" }, 9);

    await owes("kitchen", "hello");
    await advance(HOUR, 60);

    expect(chat.ours()).toEqual(["hello", "hello", SAID]);
  });

  it("that is a reaction is made again without a thought", async () => {
    const { platform, owes, advance, states } = await given();
    const chat = platform.group("kitchen");
    const [hello] = await owes("kitchen", "hello");
    platform.fail("send", TAKEN, 3);

    await owes("kitchen", { key: "r", kind: "reaction", text: "👍", replyTo: hello });
    await advance(MINUTE, 10);

    expect(chat.shown()).toMatchObject([{ text: "hello", reaction: "👍" }]);
    expect(await states()).toEqual(["sent", "sent"]);
  });
});

describe("the third of five parts (F17)", () => {
  const parts = ["1", "2", "3", "4", "5"];

  it("that is refused is told of once, and the others go out once", async () => {
    const { platform, owes, told } = await given();
    const chat = platform.group("kitchen");
    await owes("kitchen", "1", "2");
    platform.fail("send", { how: "refuse" });

    await owes("kitchen", "3", "4", "5");

    expect(chat.ours()).toEqual([
      "1",
      "2",
      "4",
      "5",
      "A part of my answer could not be delivered. It begins: “3”",
    ]);
    expect(told).toEqual(["A message to fake:kitchen could not be delivered: fake: 400 no"]);
  });

  it("that fails for a while holds those behind it, and is sent once like they are", async () => {
    const { platform, owes, advance } = await given();
    const chat = platform.group("kitchen");
    await owes("kitchen", "1", "2");
    platform.fail("send", { how: "unreachable" }, 4);

    await owes("kitchen", "3", "4", "5");
    await advance(HOUR, 120);

    expect(chat.ours()).toEqual(parts);
    const applied = platform.journal.filter(({ applied }) => applied).map(({ text }) => text);
    expect(applied).toEqual(parts);
  });
});

describe("a platform that asks to slow down (F13)", () => {
  it.each([0, 1, 3_600])("for %i s is left alone for so long, in all of its chats", async (seconds) => {
    const { platform, owes, advance, delivery } = await given();
    const [kitchen, garden] = [platform.group("kitchen"), platform.group("garden")];
    platform.fail("send", { how: "slow down", retryAfterMs: seconds * SECOND });
    await owes("kitchen", "k1", "k2");
    expect(delivery.troubles()).toHaveLength(seconds === 0 ? 0 : 1);

    await owes("garden", ...(seconds === 0 ? [] : ["g1"]));
    await advance(Math.max(0, seconds * SECOND - 1));
    expect(platform.journal.filter(({ call }) => call === "send")).toHaveLength(1);
    await advance(2 * SECOND, 4);

    expect(kitchen.ours()).toEqual(["k1", "k2"]);
    expect(garden.ours()).toEqual(seconds === 0 ? [] : ["g1"]);
    expect(delivery.troubles()).toEqual([]);
  });

  it("is not written to faster than it allows, in one chat and in all of them", async () => {
    const { platform, owes, advance } = await given({
      rate: { chat: { calls: 1, perMs: SECOND }, account: { calls: 3, perMs: SECOND } },
    });
    const chats = ["a", "b", "c", "d"].map((name) => platform.group(name));
    const total = () => chats.map((chat) => chat.ours().length).reduce((sum, one) => sum + one);

    for (const { id } of chats) await owes(id, `${id}1`, `${id}2`);
    expect(total()).toBe(3);
    await advance(SECOND, 10);
    expect(total()).toBe(6);
    await advance(SECOND, 10);

    expect(chats.map((chat) => chat.ours())).toEqual(chats.map(({ id }) => [`${id}1`, `${id}2`]));
  });

  it("is not written to faster than it allows where several people are, in any minute", async () => {
    const { platform, owes, advance, db } = await given({
      rate: { chat: { calls: 1, perMs: SECOND }, sharedChat: { calls: 4, perMs: MINUTE } },
    });
    const [kitchen, anns] = [platform.group("kitchen"), platform.direct("anns")];
    await owes("anns", "a0");
    await db.updateTable("chats").set({ direct: 1 }).where("id", "=", ChatId.parse("fake:anns")).execute();
    const numbered = (name: string) => Array.from({ length: 10 }, (_, n) => `${name}${n + 1}`);
    await owes("kitchen", ...numbered("k"));
    await owes("anns", ...numbered("a"));

    await advance(10 * SECOND, 40);
    const early = [kitchen.ours().length, anns.ours().length];
    await advance(49 * SECOND, 49);
    const inTheMinute = kitchen.ours().length;
    await advance(2 * MINUTE, 120);

    expect(early).toEqual([4, 11]);
    expect(inTheMinute).toBe(4);
    expect(kitchen.ours()).toEqual(numbered("k"));
  });
});

describe("a platform that is down", () => {
  it("is asked now and then, costs no attempts meanwhile, and everything goes out when it is back", async () => {
    const { platform, owes, advance, delivery, owed } = await given();
    const [kitchen, garden] = [platform.group("kitchen"), platform.group("garden")];
    platform.fail("send", { how: "unreachable" }, 7);
    await owes("kitchen", "k1", "k2");
    await advance(MINUTE, 120);
    expect(platform.journal).toHaveLength(6); // five in a row, and one probe after 30 s
    expect(delivery.troubles()).toMatchObject([{ account: "fake" }]);

    await owes("garden", "g1");
    expect(platform.journal).toHaveLength(6);
    expect((await owed()).find(({ text }) => text === "g1")).toMatchObject({ attempts: 0 });
    await advance(10 * MINUTE, 120);

    expect(kitchen.ours()).toEqual(["k1", "k2"]);
    expect(garden.ours()).toEqual(["g1"]);
    expect(delivery.troubles()).toEqual([]);
    expect(platform.journal).toHaveLength(7 + 3);
  });
});

describe("an answer that quotes a message that is gone", () => {
  it("is sent without the quote", async () => {
    const { platform, owes } = await given();
    const chat = platform.group("kitchen");
    const [hello] = await owes("kitchen", "hello");
    const [first] = chat.shown();
    chat.deletes(first?.platformId ?? "");

    await owes("kitchen", { key: "a", kind: "text", text: "answer", replyTo: hello });

    expect(chat.ours()).toEqual(["answer"]);
  });
});

describe("what a channel throws", () => {
  it.each([new RejectedError("no"), new UnknownOutcomeError("?"), new TemporaryError("later")])(
    "beside the messages disturbs nobody: %s",
    async (error) => {
      const { platform, owes, delivery } = await given();
      const chat = platform.group("kitchen");

      await delivery.aside(ChatId.parse("fake:kitchen"), async () => {
        throw error;
      });
      await owes("kitchen", "hello");

      expect(chat.ours()).toEqual(["hello"]);
    },
  );
});

const CARD: NewOutbound = {
  key: "card",
  kind: "notice",
  text: "May I? /approve it",
  offer: {
    instead: "May I?",
    until: Date.UTC(2030, 0),
    buttons: [{ label: "Yes", command: "/approve it" }],
  },
};
const BUTTONS = { buttons: { most: 2 } };

describe("an amendment of what was sent", () => {
  it("is an edit of it in every chat that shows it, without its buttons, and no message of its own", async () => {
    const { platform, owes, amends, timeline } = await given(BUTTONS);
    const chats = [platform.group("kitchen"), platform.group("garden")];
    await owes("kitchen", CARD);
    await owes("garden", { ...CARD, key: "card:garden" });
    const before = chats.map((chat) => chat.shown().map(({ buttons }) => buttons?.length));

    await amends("card", "Allowed by Ann.");
    await amends("card", "Allowed by Ben.");

    expect(before).toEqual([[1], [1]]);
    for (const chat of chats)
      expect(chat.shown()).toMatchObject([{ text: "Allowed by Ann.", buttons: undefined }]);
    expect((await timeline.before(undefined, undefined, 10)).events).toHaveLength(2);
  });

  it("waits for what it changes, and comes before what is said later", async () => {
    const { platform, owes, amends, advance } = await given(BUTTONS);
    const chat = platform.group("kitchen");
    platform.fail("send", { how: "unreachable" }, 1);
    await owes("kitchen", CARD);
    await amends("card", "Allowed by Ann.");
    await owes("kitchen", "later");
    expect(chat.ours()).toEqual([]);

    await advance(MINUTE, 10);

    expect(chat.ours()).toEqual(["Allowed by Ann.", "later"]);
  });

  it("is made after a host died over it, and over what fails for a while", async () => {
    const { platform, owes, amends, advance, dies, delivery } = await given(BUTTONS);
    const chat = platform.group("kitchen");
    await owes("kitchen", CARD);
    platform.fail("edit", { how: "hang" }, 1);
    await amends("card", "Allowed by Ann.");
    platform.fail("edit", { how: "time out", applied: false }, 2);

    await dies();
    await advance(MINUTE, 20);

    expect(chat.ours()).toEqual(["Allowed by Ann."]);
    expect(platform.journal.filter(({ call }) => call === "send")).toHaveLength(1);
    expect(delivery.troubles()).toEqual([]);
  });

  it("is nothing where messages cannot be changed, where it never arrived, and where its platform says no", async () => {
    const none = await given({ ...BUTTONS, edits: false });
    const lost = await given(BUTTONS);
    const refuses = await given(BUTTONS);
    const chats = [none, lost, refuses].map(({ platform }) => platform.group("kitchen"));
    lost.platform.fail("send", { how: "refuse" }, 1);
    for (const { owes } of [none, lost, refuses]) await owes("kitchen", CARD);
    refuses.platform.fail("edit", { how: "refuse" }, 1);
    const told = lost.told.length;

    for (const { amends, owes } of [none, lost, refuses]) {
      await amends("card", "Allowed by Ann.");
      await owes("kitchen", "later");
    }

    expect(chats.map((chat) => chat.ours())).toEqual([["May I?", "later"], ["later"], ["May I?", "later"]]);
    expect([none.told.length, lost.told.length, refuses.told.length]).toEqual([0, told, 0]);
    for (const { outbox } of [none, refuses])
      expect(await outbox.counts()).toMatchObject({ dead: 0, open: 0 });
  });
});
