import { expect, it } from "vitest";
import { ChatId, MAIN, SenderId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { house } from "../../store/__tests__/house.ts";
import { createNewcomers, hold } from "../../store/newcomers.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { createSenders } from "../senders.ts";

const HOUR = 60 * 60_000;
const DESK = ChatId.parse("web:notices");
const SAM = { id: SenderId.parse("fake:sam"), name: "Sam" };
const SAMS = ChatId.parse("fake:sams");

/** Sam has written, and the owner was asked about him. */
async function given() {
  const { db, clock, chats, outbox, owed } = await house();
  const { id: chat, group_id: groupId } = await chats.ensure(DESK, MAIN);
  const delivered: ChatId[] = [];
  const senders = createSenders({
    store: createNewcomers(db, clock),
    owners: [],
    admit: async () => false,
    furnish: async () => undefined,
    tell: async (key, text, offer) =>
      void (await outbox.oweNotice({ chat, groupId, key: `notice:${key}`, text, offer })),
    deliver: (to) => void delivered.push(to),
    random: () => new Uint8Array(8),
    clock,
    log: silentLog,
  });
  const inbound = {
    platformId: "1",
    kind: "message",
    version: 0,
    chat: "sams",
    sender: { id: "sam", name: "Sam" },
    text: "hello",
  } as const;
  const newcomer = { chat: SAMS, sender: SAM, inbound, owner: false, code: "ABCDEFG2", greeting: undefined };
  const held = await db.transaction().execute((trx) => hold(trx, newcomer, clock.now()));
  if (!held) throw new Error("it is somebody's business");
  senders.follow(held);
  await settled();
  const cards = async () => (await owed()).filter(({ replaces }) => replaces !== null);
  return { senders, clock, cards, delivered, owed };
}

it("says in the place of the card that nobody decided in time, beside the notice of it", async () => {
  const { clock, cards, delivered, owed } = await given();

  clock.advance(HOUR);
  await settled();

  expect(await cards()).toMatchObject([
    {
      chat_id: DESK,
      text: "Sam (fake:sam) wrote to me in fake:sams.\n\nNobody decided within the hour: what they wrote is dropped.",
    },
  ]);
  expect(delivered).toEqual([DESK]);
  expect((await owed()).map(({ key }) => key)).toEqual([
    "notice:stranger:1",
    "notice:stranger:1:amended",
    "notice:stranger:1:expired",
  ]);
});

it("changes the card once, by the first decision", async () => {
  const { senders, clock, cards } = await given();

  await senders.allow("fake:sam", "Ann");
  await senders.deny("fake:sam", "Ben");
  clock.advance(HOUR);
  await settled();

  expect((await cards()).map(({ text }) => text)).toEqual([
    "Sam (fake:sam) wrote to me in fake:sams.\n\nLet in by Ann.",
  ]);
});
