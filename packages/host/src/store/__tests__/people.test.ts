import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder, MAIN, SenderId } from "../../core/ids.ts";
import { createAudit } from "../audit.ts";
import type { Around } from "../around.ts";
import { openPeople } from "../people.ts";
import { decide, standingOf } from "../senders.ts";
import { house, message } from "./house.ts";

const [TELEGRAM, DISCORD, SLACK] = ["telegram:7", "discord:9", "slack:U1"].map((id) =>
  SenderId.parse(id),
) as [SenderId, SenderId, SenderId];

async function given() {
  const { db, clock } = await house();
  const decided = (sender: SenderId, standing: "owner" | "allowed" | "denied") =>
    decide(db, { sender, name: "Ann", standing, by: "the owner", detail: "" }, clock.now());
  const audit = createAudit(db, { clock, redact: (text) => text });
  const open = () => openPeople(db, clock, audit);
  return { db, clock, decided, open, people: await open() };
}

describe("ids of one person", () => {
  it("are linked from then on and after a restart, under one name, and are on record", async () => {
    const { people, db, open } = await given();

    await people.link([TELEGRAM, DISCORD], "Ann", "the owner");

    for (const known of [people, await open()]) {
      expect(known.of(DISCORD)).toMatchObject({ name: "Ann", senders: [TELEGRAM, DISCORD] });
      expect(known.payerOf(DISCORD)).toBe(TELEGRAM);
      expect(known.idsOf(SLACK)).toEqual([SLACK]);
    }
    expect(await db.selectFrom("audit").select(["action", "detail"]).execute()).toEqual([
      { action: "people.link", detail: "Ann: telegram:7 discord:9" },
    ]);
  });

  it("bring the others of their person along, whoever is named first", async () => {
    const { people } = await given();
    await people.link([TELEGRAM, DISCORD], "Ann", "the owner");

    await people.link([SLACK, DISCORD], undefined, "the owner");

    expect(people.list()).toMatchObject([{ name: "Ann", senders: [TELEGRAM, DISCORD, SLACK] }]);
  });

  it("part again, and nobody is left who has only one", async () => {
    const { people } = await given();
    await people.link([TELEGRAM, DISCORD], "Ann", "the owner");

    await people.unlink(TELEGRAM, "the owner");

    expect(people.list()).toEqual([]);
    expect(people.of(DISCORD)).toBeUndefined();
    await expect(people.unlink(TELEGRAM, "the owner")).rejects.toThrow("linked with no other id");
  });

  it.each([
    [[TELEGRAM], "Ann", "two ids or more"],
    [[TELEGRAM, TELEGRAM], "Ann", "two ids or more"],
    [[TELEGRAM, SenderId.parse("web:owner")], "Ann", "the login that says who writes"],
    [[TELEGRAM, DISCORD], undefined, "say what they are called"],
  ])("are not linked: %j as %s", async (ids, name, why) => {
    const { people } = await given();

    await expect(people.link(ids, name, "the owner")).rejects.toThrow(why);

    expect(people.list()).toEqual([]);
  });

  it("are not linked with one that was turned away", async () => {
    const { people, decided } = await given();
    await decided(DISCORD, "denied");

    await expect(people.link([TELEGRAM, DISCORD], "Ann", "the owner")).rejects.toThrow("was turned away");
  });
});

describe("the standing of a person", () => {
  it.each([
    ["owner", undefined, "owner"],
    ["allowed", undefined, "allowed"],
    ["owner", "denied", "denied"],
    ["denied", undefined, undefined],
    ["owner", "allowed", "owner"],
  ] as const)("%s under another id and %s under this one is %s", async (other, own, standing) => {
    const { db, decided } = await given();
    await decided(TELEGRAM, other);
    if (own) await decided(DISCORD, own);

    expect(await standingOf(db, { id: DISCORD, linked: [TELEGRAM] })).toBe(standing);
    expect(await standingOf(db, { id: DISCORD })).toBe(own); // without the link
  });
});

describe("how often a person calls", () => {
  it("is counted under all their ids, in whichever chat", async () => {
    const { inbox, chats } = await house();
    const counted: number[] = [];
    async function calls(chat: string, id: SenderId, linked: readonly SenderId[] = []): Promise<void> {
      await chats.bind(ChatId.parse(chat), MAIN);
      const judge = ({ calls: { minute } }: Around) => {
        counted.push(minute);
        return { verdict: "admitted", reason: "test", role: "member", tainted: true } as const;
      };
      await inbox.receive({
        ...message("hello", { chat: ChatId.parse(chat) }),
        sender: { id, name: "Ann", linked },
        judge,
      });
    }

    await calls("telegram:1", TELEGRAM, [DISCORD]);
    await calls("discord:1", DISCORD, [TELEGRAM]);
    await calls("telegram:1", TELEGRAM, [DISCORD]);
    await calls("slack:1", SLACK);

    expect(counted).toEqual([0, 1, 2, 0]);
  });
});

describe("a group's name", () => {
  it.each(["a", "0", "a_b-c", "x".repeat(64), MAIN])("may be %s", (name) => {
    expect(GroupFolder.safeParse(name).success).toBe(true);
  });

  it.each(["", "_a", "-a", "A", "a.b", "a/b", "..", "a b", "x".repeat(65), "global", "ä"])(
    "may not be %j",
    (name) => {
      expect(GroupFolder.safeParse(name).success).toBe(false);
    },
  );
});
