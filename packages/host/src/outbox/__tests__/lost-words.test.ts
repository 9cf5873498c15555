import { describe, expect, it } from "vitest";
import { ChatId, MAIN } from "../../core/ids.ts";
import { owe } from "../../store/outbox.ts";
import { house } from "../../store/__tests__/house.ts";
import { ownersOffer, wordTo } from "../lost-words.ts";

const CHAT = ChatId.parse("fake:kitchen");

/** A text that was owed to the kitchen. */
async function lostText() {
  const { db, chats, clock } = await house();
  const { group_id: groupId } = await chats.ensure(CHAT, MAIN);
  const to = { chat: CHAT, groupId, turn: undefined, now: clock.now() };
  await db
    .transaction()
    .execute((trx) => owe(trx, to, [{ key: "k", kind: "text", text: "dinner at eight" }]));
  const row = await db.selectFrom("outbox").selectAll().executeTakeFirstOrThrow();
  return { row, now: clock.now() };
}

describe("what people are told of a message that did not arrive", () => {
  it("offers in its chat to send it again and to say why, by its number there", async () => {
    const { row, now } = await lostText();

    const word = wordTo(row, "dead", now);

    expect(word?.offer?.buttons).toEqual([
      { label: "Send again", command: `/retry #${row.seq}` },
      { label: "Why?", command: `/why #${row.seq}` },
    ]);
    expect(word?.offer?.instead).toBe(word?.text);
  });

  it("offers the owner to send it again, by its id, since they read elsewhere", async () => {
    const { row, now } = await lostText();

    expect(ownersOffer(row, "It is lost.", now)).toMatchObject({
      instead: "It is lost.",
      buttons: [{ label: "Send again", command: `/retry ${row.id}` }],
    });
  });
});
