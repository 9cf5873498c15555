import { RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { BudgetId } from "../../core/budget.ts";
import { GroupFolder, MAIN, newId, SenderId, TurnId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { house, message } from "../../store/__tests__/house.ts";
import { createAudit } from "../../store/audit.ts";
import { openPeople } from "../../store/people.ts";
import { createUsage, type Usage } from "../../store/usage.ts";
import { budgetsOver, type Limits } from "./house.ts";

const DAY = 24 * 3_600_000;
const unset = { turn: {}, day: {}, month: {} };
const STAYS = new AbortController().signal;

async function given(limits?: Limits) {
  const { clock, db, inbox, turns } = await house();
  const usage = createUsage(db, clock, silentLog);
  const { session } = await inbox.accept(message("hello"));
  const claim = session && (await turns.claim(session));
  if (!claim || "notBefore" in claim) throw new Error("a message that waits is claimed");
  const call: Usage = {
    turn: claim.turn,
    session: claim.session.id,
    group: MAIN,
    sender: claim.inputs[0]?.sender_id,
    provider: "anthropic",
    modelAsked: "sonnet",
    modelServed: "sonnet",
    kind: "turn",
    inputTokens: 10,
    outputTokens: 2,
    cacheReadTokens: 3,
    cacheWriteTokens: 4,
    costMicros: 250_000,
    prices: "2026",
    httpStatus: 200,
    durationMs: 1,
  };
  return {
    clock,
    db,
    claim,
    usage,
    call,
    /** As a host that has just started sees them. */
    open: (more: Limits | undefined = limits) => budgetsOver(db, clock, { limits: more, usage }),
  };
}

describe("budgets", () => {
  it("stand after a restart as the usage rows say, of every payer", async () => {
    const day = { ...unset, day: { usd: 1 } };
    const { usage, call, claim, open } = await given({ group: day, sender: day });
    usage.record(call);
    usage.record({ ...call, kind: "subagent" });
    usage.record({ ...call, costMicros: null });
    await usage.settled();

    const budgets = await open();
    const spending = await budgets.spendingOf(claim);

    expect(budgets.stateOf(MAIN)).toMatchObject([
      { id: "group:main/day", spent: { micros: 500_000, tokens: 57 } },
    ]);
    expect(await spending.reserve({ micros: 500_001, tokens: 0 }, STAYS)).toMatchObject({ may: false });
    expect(await spending.reserve({ micros: 500_000, tokens: 0 }, STAYS)).toMatchObject({ may: true });
  });

  it("are lifted until the end of the day, also over a restart; what was done is in the audit", async () => {
    const { db, open, clock } = await given({ group: { ...unset, day: { usd: 1, tokens: 100 } } });
    const budget = BudgetId.parse("group:main/day");
    const budgets = await open();

    expect(await budgets.lift({ budget }, "Ann")).toMatchObject({
      limit: { micros: 2e6, tokens: 200 },
      lifted: true,
    });
    expect(await budgets.lift({ budget }, "Ann")).toMatchObject({ limit: { micros: 2e6, tokens: 200 } });
    expect(await budgets.lift({ budget, usd: 5 }, "Ann")).toMatchObject({
      limit: { micros: 5e6, tokens: 100 },
    });

    expect((await open()).stateOf(MAIN)).toMatchObject([
      { limit: { micros: 5e6, tokens: 100 }, lifted: true },
    ]);
    clock.advance(DAY);
    expect((await open()).stateOf(MAIN)).toMatchObject([
      { limit: { micros: 1e6, tokens: 100 }, lifted: false },
    ]);
    const rows = await db.selectFrom("audit").select(["actor", "action", "subject", "detail"]).execute();
    expect(rows).toHaveLength(3);
    expect(rows[2]).toEqual({
      actor: "Ann",
      action: "lift",
      subject: "budget:group:main/day",
      detail: "until the end of 2026-01-01: $5, 100 tokens",
    });
  });

  it("are not lifted where there is no limit", async () => {
    const budgets = await (await given()).open();

    await expect(budgets.lift({ budget: BudgetId.parse("install/day") }, "Ann")).rejects.toThrow(
      RejectedError,
    );
  });
});

describe("a person with several ids", () => {
  const [TELEGRAM, DISCORD] = [SenderId.parse("telegram:9"), SenderId.parse("discord:9")];
  const day = { sender: { ...unset, day: { usd: 1 } } };

  async function linked() {
    const house = await given(day);
    const people = await openPeople(
      house.db,
      house.clock,
      createAudit(house.db, { clock: house.clock, redact: (text) => text }),
    );
    const { usage, call, db, clock, claim } = house;
    const budgets = await budgetsOver(db, clock, { limits: day, usage, people });
    const [input] = claim.inputs;
    if (!input) throw new Error("the claim has an input");
    /** What a turn that this id has begun may spend. */
    const spending = (sender_id: SenderId) =>
      budgets.spendingOf({ ...claim, turn: newId(TurnId), inputs: [{ ...input, sender_id }] });
    const spent = (sender: SenderId, costMicros: number) => usage.record({ ...call, sender, costMicros });
    const link = async () => {
      await people.link([TELEGRAM, DISCORD], "Ann", "the owner");
      await budgets.regroup();
    };
    return { ...house, people, budgets, spending, spent, link };
  }

  it("has one budget, with what was spent before under either, and each their own when they part", async () => {
    const { spending, spent, link, people, budgets } = await linked();
    spent(TELEGRAM, 500_000);
    spent(DISCORD, 300_000);
    expect(await (await spending(DISCORD)).reserve({ micros: 600_000, tokens: 0 }, STAYS)).toMatchObject({
      may: true,
    });

    await link();

    const one = await spending(DISCORD);
    expect(await one.reserve({ micros: 200_001, tokens: 0 }, STAYS)).toMatchObject({
      may: false,
      failure: { detail: "sender:telegram:9/day is used up" },
    });
    expect(await one.reserve({ micros: 200_000, tokens: 0 }, STAYS)).toMatchObject({ may: true });
    await people.unlink(DISCORD, "the owner");
    await budgets.regroup();
    expect(await (await spending(DISCORD)).reserve({ micros: 700_000, tokens: 0 }, STAYS)).toMatchObject({
      may: true,
    });
  });

  it("pays together for a call that was under way when the ids were linked", async () => {
    const { spending, link } = await linked();
    const underWay = await (await spending(DISCORD)).reserve({ micros: 900_000, tokens: 0 }, STAYS);
    if (!underWay.may) throw new Error("it fits");

    await link();
    underWay.settle({ micros: 900_000, tokens: 0 });

    expect(await (await spending(TELEGRAM)).reserve({ micros: 200_000, tokens: 0 }, STAYS)).toMatchObject({
      may: false,
    });
  });

  it("is one line of the report, and is told their own under whichever id; a lift holds for all of them", async () => {
    const { spent, link, budgets } = await linked();
    spent(TELEGRAM, 500_000);
    spent(DISCORD, 300_000);
    await link();

    const { rows } = await budgets.report({ by: "sender" });
    const { today } = await budgets.lately(undefined, DISCORD);
    const lifted = await budgets.lift({ budget: BudgetId.parse("sender:discord:9/day") }, "the owner");

    expect(rows.map(({ key, costMicros }) => [key, costMicros])).toEqual([[TELEGRAM, 800_000]]);
    expect(today.costMicros).toBe(800_000);
    expect(lifted).toMatchObject({ id: "sender:telegram:9/day", spent: { micros: 800_000 } });
  });
});

describe("the report of usage", () => {
  it("sums by day, sender, group, kind and model, and tells calls without a price", async () => {
    const { usage, call, clock, open } = await given();
    const other = { group: GroupFolder.parse("family"), sender: SenderId.parse("telegram:9") };
    usage.record(call);
    clock.advance(DAY);
    usage.record({ ...call, kind: "background", costMicros: null });
    usage.record({ ...call, ...other, modelServed: "haiku", costMicros: 1_000_000 });
    const budgets = await open();
    const by = async (what: Parameters<typeof budgets.report>[0]["by"], since?: string) =>
      (await budgets.report({ by: what, since })).rows.map(({ key, calls, costMicros }) => [
        key,
        calls,
        costMicros,
      ]);

    expect(await by("day")).toEqual([
      ["2026-01-01", 1, 250_000],
      ["2026-01-02", 2, 1_000_000],
    ]);
    expect(await by("day", "2026-01-02")).toEqual([["2026-01-02", 2, 1_000_000]]);
    expect(await by("group")).toEqual([
      ["family", 1, 1_000_000],
      ["main", 2, 250_000],
    ]);
    expect(await by("sender")).toEqual([
      ["telegram:9", 1, 1_000_000],
      [call.sender, 2, 250_000],
    ]);
    expect(await by("task")).toEqual([[null, 3, 1_250_000]]);
    expect((await by("kind")).map(([key]) => key)).toEqual(["turn", "background"]);
    expect((await by("model")).map(([key]) => key)).toEqual(["haiku", "sonnet"]);
    expect((await budgets.report({ by: "kind" })).rows.map(({ unpriced }) => unpriced)).toEqual([0, 1]);
    const { today, month } = await budgets.lately(MAIN);
    expect([today.calls, month.calls]).toEqual([1, 2]);
  });

  it("says of a day that does not exist that it does not", async () => {
    const budgets = await (await given()).open();

    await expect(budgets.report({ by: "day", since: "2026-13-01" })).rejects.toThrow("2026-13-01 is no day");
  });
});
