import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../log.ts";
import { createHistory } from "../history.ts";
import { house, message } from "./house.ts";

async function given() {
  const { db, clock, inbox, claimed, turns, outbox } = await house();
  const history = createHistory(db, clock, silentLog);
  const find = async (words: string, groupId = 1) =>
    (await history.search({ groupId, words, limit: 50 })).map(({ text }) => text);
  const indexed = async () => {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM history`.execute(db);
    return rows[0]?.n;
  };
  return { db, clock, inbox, claimed, turns, outbox, history, find, indexed };
}

describe("a search in the history", () => {
  it("finds what was said a moment ago, by people and by the assistant", async () => {
    const { inbox, claimed, turns, outbox, find } = await given();
    const { session } = await inbox.accept(message("when is the dentist?"));
    const claim = await claimed(session);
    await turns.complete(claim, {
      outbound: [{ key: "a", kind: "text", text: "The dentist is on Friday." }],
      engineSession: undefined,
      position: undefined,
      carried: [],
    });
    const sending = await outbox.claim(claim.chat.id);
    if (!sending || !("row" in sending)) throw new Error("nothing is owed");
    await outbox.sent(sending.row, "a");

    expect((await find("dentist")).toSorted()).toEqual(["The dentist is on Friday.", "when is the dentist?"]);
    expect(await find("dentist fri")).toEqual(["The dentist is on Friday."]);
  });

  it("never leaves the group, whatever the words", async () => {
    const { inbox, find } = await given();
    await inbox.accept(message("the present is a bicycle"));

    for (const words of ["bicycle", 'bicycle" OR scope : group1', "scope:group1", "group1", "*"]) {
      expect(await find(words, 2)).toEqual([]);
    }
    expect(await find("bicycle")).toHaveLength(1);
  });

  it("takes operators for words, and finds nothing for none", async () => {
    const { inbox, find } = await given();
    await inbox.accept(message("salt AND pepper"));

    expect(await find("salt AND pep")).toEqual(["salt AND pepper"]);
    expect(await find("salt NOT")).toEqual([]);
    expect(await find('"()*')).toEqual([]);
  });

  it("indexes however much was said since the last one, each message once", async () => {
    const { inbox, find, indexed } = await given();
    await Promise.all(Array.from({ length: 450 }, (_, i) => inbox.accept(message(`pumpkin ${i}`))));

    const [first, second] = await Promise.all([find("pumpkin 449"), find("pumpkin 0")]);

    expect([first, second]).toEqual([["pumpkin 449"], ["pumpkin 0"]]);
    expect(await indexed()).toBe(450);
  });
});

describe("the index", () => {
  it("is caught up a moment after something was said, and not while it is being said", async () => {
    const { inbox, history, indexed, clock } = await given();
    await inbox.accept(message("soup"));
    history.wake();
    history.wake();
    expect(await indexed()).toBe(0);

    clock.advance(1_000);
    await history.close();

    expect(await indexed()).toBe(1);
  });
});
