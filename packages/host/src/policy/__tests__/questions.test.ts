/** What owners are asked, who may answer, and for how long an answer is good. */
import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder, MAIN as GROUP } from "../../core/ids.ts";
import { NewTask } from "../../core/task.ts";
import { ApprovalId } from "../../core/trust.ts";
import { house, OWNER, tainted } from "../../tools/__tests__/tainted-house.ts";
import { MINUTE, settled } from "../../turns/__tests__/middle.ts";
import { cardKey, closedCard } from "../card.ts";
import type { Action } from "../policy.ts";
import { trustOver } from "./trust-house.ts";

const SEND = { text: "dinner at eight", chat: "web:garden" };
const HOST: Action = {
  effect: "network",
  target: "host:example.com:443",
  words: "reach example.com:443",
  detail: { host: "example.com", port: 443 },
};
const GARDEN = GroupFolder.parse("garden");
const CHOICES = ["once", "group", "never"] as const;

/** A tainted turn whose agent waits for an answer. */
async function asking(chat?: string) {
  const inside = await tainted(chat);
  const answer = inside.begin("send_message", SEND);
  await settled();
  const [card] = inside.trust.cards;
  if (!card) throw new Error("nobody was asked");
  return { ...inside, answer, card };
}

/** The live turn of the kitchen, and its policy. */
async function withTurn(kind: "owner" | "tainted" = "owner") {
  const inside = kind === "tainted" ? await tainted() : await house();
  if (kind === "owner") await inside.says("web:kitchen", "go on");
  const session = inside.dispatcher.running()[0]?.claim.session.id;
  if (session === undefined) throw new Error("no turn is under way");
  const ask = (action = HOST, ms = MINUTE) => inside.trust.policy.ask(action, session, CHOICES, ms);
  return { ...inside, session, ask };
}

describe("an answer", () => {
  it("of nobody but an owner counts, and that others tried is on record", async () => {
    const { trust, card, audited, said } = await asking();

    const ben = { who: "Ben (telegram:7)", owner: false };
    await expect(trust.powers.decide([card.id], "once", ben)).rejects.toThrow(/Only the owner/);

    expect(await trust.powers.approvals(false)).toMatchObject([{ id: card.id, state: "waiting" }]);
    expect((await audited()).at(-1)).toMatchObject({ subject: `approval:${card.id}`, allowed: 0 });
    expect(await said("web:garden")).toEqual([]);
  });

  it("is not given where others are, in the very chat in which the agent is at work", async () => {
    const { trust, card } = await asking();
    const among = { ...OWNER, chat: { id: card.chat_id, alone: false } };
    const alone = { ...OWNER, chat: { id: card.chat_id, alone: true } };

    await expect(trust.powers.decide([card.id], "once", among)).rejects.toThrow(/others are here/);

    expect(await trust.powers.decide([card.id], "once", alone)).toMatchObject([{ outcome: "approved" }]);
  });

  it("of several at once is one for each", async () => {
    const { trust, card, begin, said } = await asking();
    const second = begin("send_message", { ...SEND, text: "or at nine" });
    await settled();
    const ids = trust.cards.map(({ id }) => id);

    const decided = await trust.powers.decide([...ids, ApprovalId.parse("aaaaaaaa")], "once", OWNER);
    await second;

    expect(decided.map(({ outcome }) => outcome)).toEqual(["approved", "approved", "gone"]);
    expect(await said("web:garden")).toHaveLength(2);
    expect(card.id).toBe(ids[0]);
  });

  it("given twice is the same answer", async () => {
    const { trust, card, said } = await asking();

    const answers = [];
    for (let i = 0; i < 2; i += 1) answers.push(...(await trust.powers.decide([card.id], "once", OWNER)));
    await settled();

    expect(answers.map(({ outcome }) => outcome)).toEqual(["approved", "approved"]);
    expect(await said("web:garden")).toHaveLength(1);
  });

  it("that a question does not offer is refused", async () => {
    const { trust, card } = await asking();

    await expect(trust.powers.decide([card.id], "group", OWNER)).rejects.toThrow(/once, deny/);
  });

  it("after fifteen minutes comes too late, and silence is a refusal", async () => {
    const { trust, card, advance, audited } = await asking();

    await advance(15 * MINUTE);

    expect(await trust.powers.decide([card.id], "once", OWNER)).toMatchObject([{ outcome: "gone" }]);
    expect((await audited()).filter(({ detail }) => detail === "nobody answered in time")).toHaveLength(1);
  });

  it("that nobody makes use of for fifteen minutes is void", async () => {
    const { trust, card, advance, answer, begin, said } = await asking();
    await advance(45_000);
    await answer;
    await trust.powers.decide([card.id], "once", OWNER);

    await advance(15 * MINUTE);
    const again = begin("send_message", SEND);
    await settled();
    await advance(45_000);

    expect(await again).toMatchObject({ isError: true });
    expect(await said("web:garden")).toEqual([]);
  });
});

describe("a question", () => {
  it("outlives the host, and can be answered after it", async () => {
    const { db, clock, card } = await asking();
    const after = await trustOver(db, { clock });
    await after.questions.recover();

    await after.powers.decide([card.id], "once", OWNER);

    expect(await after.powers.approvals(true)).toMatchObject([{ id: card.id, state: "approved" }]);
  });

  it("that ran out while nobody was here has ended when somebody is", async () => {
    const { db, clock, trust } = await asking();
    trust.questions.close();
    clock.advance(20 * MINUTE);

    const after = await trustOver(db, { clock });
    await after.questions.recover();

    expect(await after.powers.approvals(true)).toMatchObject([{ state: "expired" }]);
  });

  it("leaves nobody waiting when the host ends", async () => {
    const { trust, answer } = await asking();

    trust.questions.close();

    expect(await answer).toMatchObject({ isError: true });
  });
});

describe("asking about a host", () => {
  it("is one card for the same question, and one answer for all who wait", async () => {
    const { ask, trust, answers } = await withTurn();

    const waiting = [ask(), ask(), ask()];
    await settled();
    await answers("once");

    expect(await Promise.all(waiting)).toEqual(["once", "once", "once"]);
    expect(trust.cards).toHaveLength(1);
  });

  it("once holds once", async () => {
    const { ask, trust, answers, advance } = await withTurn();
    const first = ask();
    await settled();
    await answers("once");
    await first;

    const second = ask();
    await settled();
    await advance(MINUTE);

    expect(await second).toBe("unanswered");
    expect(trust.cards).toHaveLength(2);
  });

  it.each(["group", "never"] as const)(
    "%s holds from now on, as a grant that can be revoked",
    async (choice) => {
      const { ask, trust } = await withTurn();
      const first = ask();
      await settled();
      const [card] = trust.cards;
      await trust.powers.decide(card ? [card.id] : [], choice, OWNER);

      expect([await first, await ask()]).toEqual([choice, choice]);

      expect(trust.cards).toHaveLength(1);
      const [grant] = await trust.powers.grants({ all: false });
      expect(grant).toMatchObject({ target: HOST.target, never: choice === "never" });
      if (grant) await trust.powers.revoke(grant.id, OWNER.who);
      const later = ask();
      await settled();
      expect(trust.cards).toHaveLength(2);
      trust.questions.close();
      expect(await later).toBe("unanswered");
    },
  );

  it("asks nobody again for a while about what was refused", async () => {
    const { ask, trust, answers } = await withTurn();
    const first = ask();
    await settled();
    await answers("deny");

    expect([await first, await ask()]).toEqual(["unanswered", "unanswered"]);
    expect(trust.cards).toHaveLength(1);
  });

  it("is answered at once where nobody is there: in the run of a task, and without a turn", async () => {
    const { trust, tasks, dispatcher } = await house();
    const { id } = await tasks.add(NewTask.parse({ cron: "@daily", prompt: "look", chat: "web:kitchen" }));
    await tasks.run(id);
    await settled();
    const session = dispatcher.running()[0]?.claim.session.id;

    const answer = session && (await trust.policy.ask(HOST, session, CHOICES, MINUTE));

    expect(answer).toBe("unattended");
    expect(trust.cards).toEqual([]);
  });
});

describe("judging", () => {
  it("lets an untainted turn do it, and a tainted one only with an approval, used up at once", async () => {
    const clean = await withTurn();
    const { trust, session, answers } = await withTurn("tainted");

    const first = trust.policy.judge(HOST, session, MINUTE);
    await settled();
    await answers("once");

    expect(await clean.trust.policy.judge(HOST, clean.session, 0)).toEqual({ may: true, by: "the policy" });
    expect(await first).toMatchObject({ may: true, by: expect.stringMatching(/^the approval/) });
    expect(await trust.policy.judge(HOST, session, 0)).toMatchObject({ may: false });
    expect(await trust.powers.approvals(true)).toMatchObject([{ state: "used" }]);
  });

  it("with nobody to wait for asks nobody, and says how it can be allowed beforehand", async () => {
    const { trust, session } = await withTurn("tainted");

    expect(await trust.policy.judge(HOST, session, 0)).toEqual({
      may: false,
      reason: expect.stringContaining("bellhop grants add main network 'host:example.com:443'"),
    });
    expect(trust.cards).toEqual([]);
  });

  it("lets through what only reads or writes at home, and nothing without a turn", async () => {
    const { trust, session, engine } = await withTurn("tainted");
    const read = await trust.policy.judge({ ...HOST, effect: "read" }, session, 0);
    engine.latest.answer("bye");
    await settled();

    expect(read).toMatchObject({ may: true });
    expect(await trust.policy.judge({ ...HOST, effect: "read" }, session, 0)).toMatchObject({ may: false });
  });
});

describe("explaining", () => {
  it.each([
    ["send chat:web:garden", "needs approval"],
    ["fetch host:example.com:443", "granted"],
    ["network host:other.example:443", "refused"],
    ["read", "allowed"],
  ])("says of %s in a tainted group: %s", async (action, verdict) => {
    const { trust, session } = await withTurn("tainted");
    const grant = { group: GROUP, effect: "network" as const, target: "host:example.com:*" };
    await trust.powers.grant(grant, OWNER.who);
    const ask = trust.policy.ask({ ...HOST, target: "host:other.example:443" }, session, CHOICES, MINUTE);
    await settled();
    const [card] = trust.cards;
    await trust.powers.decide(card ? [card.id] : [], "never", OWNER);
    await ask;

    expect(await trust.powers.explain(GROUP, action)).toMatchObject({ verdict });
  });

  it("says of a clean group that it may, and what its tools ask besides", async () => {
    const { trust } = await withTurn();

    expect(await trust.powers.explain(GARDEN, "send chat:web:kitchen")).toEqual({
      effect: "speak-elsewhere",
      target: "chat:web:kitchen",
      verdict: "allowed",
      why: ["Nothing in garden is tainted.", "Only main may write to other chats at all."],
    });
    await expect(trust.powers.explain(GARDEN, "dance wildly")).rejects.toThrow(/is no action/);
    await expect(trust.powers.explain(GARDEN, "send")).rejects.toThrow(/target is missing/);
  });
});

describe("the cards of a question", () => {
  /** What two of them are to read from now on, beside one that is about something else. */
  async function shown() {
    const inside = await asking();
    const { card, db, chats, outbox } = inside;
    const { id: chat, group_id: groupId } = await chats.ensure(ChatId.parse("web:notices"), GROUP);
    const owed = (key: string) => outbox.oweNotice({ chat, groupId, key, text: "May I?" });
    await owed(`notice:${cardKey(card.id)}`);
    await owed(cardKey(card.id, chat));
    await owed(cardKey(ApprovalId.parse("aaaaaaaa"), chat));
    const amended = async () =>
      (await db.selectFrom("outbox").selectAll().where("replaces", "is not", null).execute()).map(
        ({ text }) => text.split("\n").at(-1),
      );
    return { ...inside, amended };
  }

  it.each([
    ["once", "Allowed by the owner."],
    ["deny", "Refused by the owner."],
  ] as const)("answered with %s read: %s", async (answer, words) => {
    const { trust, card, amended } = await shown();

    for (let i = 0; i < 2; i += 1) await trust.powers.decide([card.id], answer, OWNER);

    expect(await amended()).toEqual([words, words]);
  });

  it("say that nobody answered, and nothing of one that was answered and not used", async () => {
    const { clock, amended } = await shown();
    const answered = await shown();
    await answered.trust.powers.decide([answered.card.id], "once", OWNER);

    for (const one of [clock, answered.clock]) one.advance(40 * MINUTE);
    await settled();

    expect(await amended()).toEqual(Array(2).fill("Refused: nobody answered in time."));
    expect(await answered.amended()).toEqual(Array(2).fill("Allowed by the owner."));
  });

  it("are cut where what was asked is long", async () => {
    const { card } = await asking();

    const text = closedCard({ ...card, words: "x".repeat(4_000), choice: "never", decided_by: "Ann" });

    expect(text.length).toBeLessThan(500);
    expect(text).toMatch(/x…\n\nRefused for good by Ann\.$/);
  });
});
