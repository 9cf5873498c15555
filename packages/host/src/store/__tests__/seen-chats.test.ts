import { describe, expect, it } from "vitest";
import { ChatId, SenderId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { openSeenChats } from "../seen-chats.ts";
import { house } from "./house.ts";

const DAY = 24 * 60 * 60_000;
const chat = (name: string) => ChatId.parse(`telegram:${name}`);
const heard = (name: string, senderName = "Sam") => ({
  chat: chat(name),
  title: `The ${name}`,
  sender: SenderId.parse("telegram:7"),
  senderName,
});

async function given() {
  const { db, clock } = await house();
  const open = () => openSeenChats(db, clock, silentLog);
  const rows = () => db.selectFrom("seen_chats").selectAll().execute();
  return { db, clock, open, rows, seen: await open() };
}

describe("a chat that no group has", () => {
  it("is known after a restart by its title, its last sender and the time, and by nothing that was said", async () => {
    const { seen, open, clock } = await given();

    expect(seen.saw(heard("hall", "Ann"))).toBe(true);
    expect(seen.saw(heard("hall"))).toBe(false); // the owner was told
    await seen.settled();

    expect((await open()).list()).toEqual([{ ...heard("hall"), messages: 2, lastAt: clock.now() }]);
  });

  it("is written down a moment later, many at once", async () => {
    const { seen, rows, clock } = await given();

    for (const name of ["hall", "yard", "attic"]) seen.saw(heard(name));
    expect(await rows()).toEqual([]);
    clock.advance(1_000);
    await seen.settled();

    expect(await rows()).toHaveLength(3);
  });

  it("is forgotten once a group has it", async () => {
    const { seen, rows } = await given();
    seen.saw(heard("hall"));
    await seen.settled();

    seen.forget(chat("hall"));
    await seen.settled();

    expect(seen.list()).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  it("is forgotten after 90 days", async () => {
    const { seen, open, clock, rows } = await given();
    seen.saw(heard("hall"));
    await seen.settled();
    clock.advance(90 * DAY);

    const later = await open();
    expect(later.list()).toEqual([]);
    await later.settled();

    expect(await rows()).toEqual([]);
  });
});

describe("a flood of chats", () => {
  it("drives out the ones that were heard from longest ago, and the owner is not told of each", async () => {
    const { seen, rows } = await given();
    for (let i = 0; i < 1_000; i += 1) seen.saw(heard(`chat-${i}`));
    seen.saw(heard("chat-0")); // heard from again

    const told = [seen.saw(heard("one-more")), seen.saw(heard("and-another"))];
    await seen.settled();

    expect(told).toEqual([false, false]);
    const names = seen.list().map(({ chat: id }) => id);
    expect(names).toHaveLength(1_000);
    expect(names.slice(0, 3)).toEqual([chat("and-another"), chat("one-more"), chat("chat-0")]);
    expect(names).not.toContain(chat("chat-1"));
    expect(await rows()).toHaveLength(1_000);
  });
});
