import { RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { BudgetId } from "../../core/budget.ts";
import { GroupFolder, MAIN, SenderId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { house, message } from "../../store/__tests__/house.ts";
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
