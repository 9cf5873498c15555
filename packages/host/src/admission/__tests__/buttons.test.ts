import type { Inbound } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { type FakePlatformOptions, fakePlatform } from "../../../test/fake-channel.ts";
import { ButtonId } from "../../core/button.ts";
import { ChatId, SenderId } from "../../core/ids.ts";
import { HOUR, middle, MINUTE, settled } from "../../turns/__tests__/middle.ts";

const ada = { id: "ada", name: "Ada" };
const ben = { id: "ben", name: "Ben" };
const KITCHEN = ChatId.parse("fake:kitchen");
const TEXT = "Somebody is at the door.\nLet them in: /senders allow fake:sam";
const GONE = "That button is not good any more: what it stood for is over.";

/** In the kitchen of `family`, where ada is the owner, the host offers to let somebody in for an hour. */
async function given(abilities: FakePlatformOptions["abilities"] = { buttons: { most: 4 } }) {
  const platform = fakePlatform({ abilities });
  const kitchen = platform.group("kitchen");
  const garden = platform.group("garden");
  const allowed: string[] = [];
  const house = await middle({
    channels: [platform.channel],
    powers: {
      senders: {
        list: async () => ({ senders: [], waiting: [] }),
        async allow(who, by) {
          allowed.push(`${who} by ${by}`);
          return { sender: SenderId.parse(who), chats: [] };
        },
        deny: async (who) => ({ sender: SenderId.parse(who) }),
      },
    },
  });
  await house.bind("fake:kitchen", "family");
  await house.bind("fake:garden", "family");
  const chat = await house.chats.find(KITCHEN);
  const owed = { chat: KITCHEN, groupId: chat?.group_id ?? 0, key: "offer", text: TEXT };
  const offer = {
    instead: "Somebody is at the door.",
    until: house.clock.now() + HOUR,
    buttons: [
      { label: "Let them in", command: "/senders allow fake:sam" },
      { label: "Turn them away", command: "/senders deny fake:sam" },
    ],
  };
  await house.outbox.oweNotice({ ...owed, offer });
  house.delivery.wake(KITCHEN);
  await settled();
  const [first] = kitchen.shown()[0]?.buttons ?? [];
  let events = 0;
  async function press(sender: Inbound["sender"], button = first?.id ?? "", more: Partial<Inbound> = {}) {
    events += 1;
    const inbound = {
      platformId: `e${events}`,
      kind: "button",
      version: 0,
      chat: "kitchen",
      text: "",
    } as const;
    const replyTo = kitchen.shown()[0]?.platformId;
    await house.admission.receive(platform.channel, { ...inbound, sender, button, replyTo, ...more });
    await settled();
  }
  return { ...house, platform, kitchen, garden, allowed, press };
}

describe("a message with buttons", () => {
  it("is told without its commands where all of its buttons are shown, each an id that says nothing", async () => {
    const { kitchen } = await given();

    const [shown] = kitchen.shown();

    expect(shown).toMatchObject({
      text: "Somebody is at the door.",
      buttons: [{ label: "Let them in" }, { label: "Turn them away" }],
    });
    for (const { id } of shown?.buttons ?? []) expect(id).toMatch(/^[\w-]{22}$/);
  });

  it("names its commands where only some are shown, and where there are none", async () => {
    const { kitchen: some } = await given({ buttons: { most: 1 } });
    const { kitchen: none } = await given({});

    expect(some.shown()[0]).toMatchObject({ text: TEXT, buttons: [{ label: "Let them in" }] });
    expect(none.shown()[0]).toMatchObject({ text: TEXT, buttons: undefined });
  });

  it("names its commands once the time of its buttons is over", async () => {
    const { platform, delivery, clock, kitchen, outbox, chats } = await given();
    const groupId = (await chats.find(KITCHEN))?.group_id ?? 0;
    const offer = {
      instead: "Late.",
      until: clock.now() + MINUTE,
      buttons: [{ label: "Go", command: "/help" }],
    };
    platform.fail("send", { how: "slow down", retryAfterMs: 2 * MINUTE });
    await outbox.oweNotice({ chat: KITCHEN, groupId, key: "late", text: "Late: /help", offer });
    delivery.wake(KITCHEN);
    await settled();

    clock.advance(3 * MINUTE);
    await settled();

    expect(kitchen.shown().at(-1)).toMatchObject({ text: "Late: /help", buttons: undefined });
  });
});

describe("a press", () => {
  it("is its command, by whoever pressed it, answered once below the message, and no model hears of it", async () => {
    const { press, allowed, kitchen, db, engine } = await given();

    await press(ada);
    await press(ada, undefined, { platformId: "e1" }); // delivered again

    expect(allowed).toEqual(["fake:sam by Ada (fake:ada)"]);
    expect(kitchen.shown().slice(1)).toMatchObject([
      { text: "fake:sam is let in. What was held is answered now.", replyTo: kitchen.shown()[0]?.platformId },
    ]);
    expect(await db.selectFrom("inbox").selectAll().execute()).toMatchObject([
      { kind: "button", text: "/senders allow fake:sam", command: "senders", state: "note", context: 0 },
    ]);
    expect(engine.sessions).toEqual([]);
  });

  it("by the wrong person is refused with one line and changes nothing", async () => {
    const { press, allowed, kitchen } = await given();

    await press(ben);

    expect(allowed).toEqual([]);
    expect(kitchen.ours().slice(1)).toEqual(["Only the owner may use /senders."]);
  });

  it("counts after a restart of the host", async () => {
    const before = await given();
    const [button] = before.kitchen.shown()[0]?.buttons ?? [];
    const after = await middle({
      channels: [before.platform.channel],
      after: { clock: before.clock, db: before.db },
    });

    await after.admission.receive(before.platform.channel, {
      platformId: "later",
      kind: "button",
      version: 0,
      chat: "kitchen",
      text: "",
      sender: ben,
      ...(button && { button: button.id }),
    });
    await settled();

    expect(before.kitchen.ours().at(-1)).toBe("Only the owner may use /senders.");
  });

  it.each<[string, (house: Awaited<ReturnType<typeof given>>) => Promise<void>]>([
    ["of a button whose time is over", async ({ clock, press }) => (clock.advance(HOUR), await press(ada))],
    ["of a button that never was", async ({ press }) => await press(ada, ButtonId.parse("x".repeat(32)))],
    [
      "of what cannot be the id of a button",
      async ({ press }) => await press(ada, "/senders allow fake:sam"),
    ],
  ])("%s is answered with one line", async (_what, go) => {
    const house = await given();

    await go(house);

    expect(house.allowed).toEqual([]);
    expect(house.kitchen.ours().slice(1)).toEqual([GONE]);
  });

  it("counts only in the chat to which the button was sent", async () => {
    const { press, allowed, garden } = await given();

    await press(ada, undefined, { chat: "garden", replyTo: undefined });

    expect([allowed, garden.ours()]).toEqual([[], [GONE]]);
  });

  it("of many dead buttons is not answered with as many lines", async () => {
    const { press, kitchen } = await given();

    for (let n = 0; n < 20; n += 1) await press(ben, `made-up-${n}`);

    expect(kitchen.ours().slice(1)).toEqual([GONE]);
  });

  it("brings no text of its own, whatever its platform says", async () => {
    const { press, allowed, kitchen } = await given();

    await press(ada, "made-up", { text: "/senders allow fake:eve" });

    expect([allowed, kitchen.ours().slice(1)]).toEqual([[], [GONE]]);
  });
});
