import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Amount, BudgetId, type Limit } from "../../core/budget.ts";
import { GroupFolder, newId, SenderId, SessionId, TurnId } from "../../core/ids.ts";
import { newTaskId } from "../../core/task.ts";
import { fakeClock } from "../../core/testing.ts";
import { createLedger, type Spender } from "../ledger.ts";

const FAMILY = GroupFolder.parse("family");
const ANN = SenderId.parse("telegram:5");
const HOUR = 3_600_000;
const STAYS = new AbortController().signal;
const micros = (amount: number): Amount => ({ micros: amount, tokens: 0 });

function given(
  limits: Readonly<Record<string, Limit>>,
  before: Readonly<Record<string, Amount>> = {},
  zones: Readonly<Record<string, string>> = {},
) {
  const clock = fakeClock(Date.UTC(2026, 10, 26, 12));
  const told: string[] = [];
  const ledger = createLedger({
    limitOf: (id) => limits[id] ?? {},
    timezoneOf: (group) => (group !== undefined && zones[group]) || "UTC",
    spentBefore: (payer, period) => before[`${payer}@${period}`] ?? micros(0),
    spentBy: async () => micros(7),
    payerOf: (sender) => sender,
    lifts: [],
    notices: { tell: async (_key, text) => void told.push(text) },
    clock,
  });
  const open = (more: Partial<Spender> = {}) =>
    ledger.open({
      turn: newId(TurnId),
      session: newId(SessionId),
      group: FAMILY,
      sender: ANN,
      task: undefined,
      fresh: true,
      ...more,
    });
  return { clock, told, ledger, open };
}

/** A call that is settled at once. Undefined: it was made; else why not. */
async function spend(spending: Awaited<ReturnType<ReturnType<typeof given>["open"]>>, amount: number) {
  const reserved = await spending.reserve(micros(amount), STAYS);
  if (!reserved.may) return reserved.failure.words ?? reserved.failure.detail;
  reserved.settle(micros(amount));
  return undefined;
}

describe("a call of a model", () => {
  it.each(["install/day", "install/month", "group:family/day", "sender:telegram:5/month", "install/turn"])(
    "is refused where it does not fit into %s",
    async (id) => {
      const { open } = given({ [id]: { micros: 1_000_000 } });
      const spending = await open();

      expect(await spend(spending, 600_000)).toBeUndefined();
      expect(await spend(spending, 600_000)).toContain(
        `($1). An owner can allow more with: /usage lift ${id}`,
      );
      expect(await spend(spending, 400_000)).toBeUndefined();
      expect(spending.usedUp()).toMatchObject({ class: "budget" });
    },
  );

  it("is counted for those who pay, and for nobody else", async () => {
    const { open } = given({ "group:family/day": { tokens: 10 }, "sender:telegram:5/day": { tokens: 10 } });
    const first = await (await open()).reserve({ micros: 0, tokens: 10 }, STAYS);
    if (first.may) first.settle({ micros: 0, tokens: 10 });

    const other = await open({ group: GroupFolder.parse("work"), sender: SenderId.parse("telegram:6") });
    expect((await other.reserve({ micros: 0, tokens: 10 }, STAYS)).may).toBe(true);
    const elsewhere = await open({ group: GroupFolder.parse("work") });
    expect((await elsewhere.reserve({ micros: 0, tokens: 1 }, STAYS)).may).toBe(false); // Ann's own
  });

  it("waits while others hold what it needs, and is made once they have used less", async () => {
    const { open } = given({ "install/day": { micros: 100 } });
    const [one, two] = [await open(), await open({ group: GroupFolder.parse("work") })];
    const held = await one.reserve(micros(80), STAYS);
    if (!held.may) throw new Error("it fits");

    let done = false;
    const waiting = two.reserve(micros(60), STAYS).finally(() => (done = true));
    await Promise.resolve();
    expect(done).toBe(false);
    held.settle(micros(30));

    expect((await waiting).may).toBe(true);
  });

  it("does not wait for what can never fit, nor for a caller who left", async () => {
    const { open } = given({ "install/day": { micros: 100 } });
    const spending = await open();
    await spending.reserve(micros(50), STAYS);
    const gone = new AbortController();
    const waiting = spending.reserve(micros(60), gone.signal);

    expect((await spending.reserve(micros(101), STAYS)).may).toBe(false);
    gone.abort();
    expect((await waiting).may).toBe(false);
  });

  it("is settled once", async () => {
    const { open, ledger } = given({ "install/day": { micros: 100 } });
    const reserved = await (await open()).reserve(micros(10), STAYS);
    if (!reserved.may) throw new Error("it fits");

    reserved.settle(micros(5));
    reserved.settle(micros(5));

    expect(ledger.state(BudgetId.parse("install/day"), FAMILY).spent).toEqual(micros(5));
  });

  it("never brings a budget over its limit while estimates hold, however many are made at once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            estimate: fc.integer({ min: 1, max: 60 }),
            used: fc.float({ min: 0, max: 1, noNaN: true }),
          }),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        async (calls) => {
          const { open, ledger } = given({ "install/day": { micros: 100 } });
          const spending = await open();
          await Promise.all(
            calls.map(async ({ estimate, used }) => {
              const reserved = await spending.reserve(micros(estimate), STAYS);
              await Promise.resolve();
              if (reserved.may) reserved.settle(micros(Math.floor(estimate * used)));
            }),
          );
          expect(ledger.state(BudgetId.parse("install/day"), FAMILY).spent.micros).toBeLessThanOrEqual(100);
        },
      ),
    );
  });
});

describe("a day's and a month's budget", () => {
  it("go on from what was spent before the start", async () => {
    const { open } = given({ "install/day": { micros: 100 } }, { "install@2026-11-26": micros(95) });

    expect(await spend(await open(), 6)).toContain("today");
    expect(await spend(await open(), 5)).toBeUndefined();
  });

  it("begin afresh at midnight where they live, and at the first of the month, also within a turn", async () => {
    const limits = { "group:family/day": { micros: 100 }, "install/month": { micros: 1_000 } };
    const { open, clock } = given(limits, {}, { family: "Asia/Tokyo" });
    const spending = await open();

    expect(await spend(spending, 100)).toBeUndefined();
    clock.advance(2 * HOUR); // 23:00 in Tokyo
    expect(await spend(spending, 1)).toContain("the group family");
    clock.advance(HOUR);
    expect(await spend(spending, 100)).toBeUndefined();
    expect(await spend(await open({ group: GroupFolder.parse("work") }), 800)).toBeUndefined();
    clock.advance(24 * HOUR);
    expect(await spend(spending, 100)).toContain("this month");
    clock.advance(5 * 24 * HOUR);
    expect(await spend(spending, 100)).toBeUndefined();
  });

  it("tell the owner at four fifths, and when they are used up, each once", async () => {
    const { open, told } = given({ "install/day": { micros: 1_000_000 } });
    const spending = await open();

    await spend(spending, 790_000);
    expect(told).toEqual([]);
    await spend(spending, 10_000);
    await spend(spending, 100_000);
    expect(told).toEqual([
      "Bellhop has used most of what may be spent today: $0.80 of $1. To allow more: bellhop usage lift install/day",
    ]);
    await spend(spending, 500_000);
    await spend(spending, 500_000);
    expect(told.slice(1)).toEqual([
      expect.stringContaining("has used all of what may be spent today: $0.90 of $1"),
    ]);
  });

  it("hold another limit once they are lifted, until they end", async () => {
    const { open, ledger, clock } = given({ "install/day": { micros: 100 } });
    const spending = await open();
    await spend(spending, 100);
    const budget = BudgetId.parse("install/day");

    const { stretch } = ledger.liftable(budget, FAMILY);
    ledger.lifted({ budget, period: stretch.label, micros: 150, tokens: null, until: stretch.until });

    expect(await spend(spending, 50)).toBeUndefined();
    expect(await spend(spending, 1)).toContain("today");
    clock.advance(24 * HOUR);
    expect(await spend(spending, 101)).toContain("today");
  });
});

describe("a turn's budget", () => {
  it("is each turn's own, and a later attempt goes on from what the earlier one has spent", async () => {
    const { open } = given({ "group:family/turn": { micros: 10 } });

    expect(await spend(await open(), 10)).toBeUndefined();
    expect(await spend(await open(), 10)).toBeUndefined();
    expect(await spend(await open({ fresh: false }), 4)).toContain("what one answer may spend");
    expect(await spend(await open({ fresh: false }), 3)).toBeUndefined();
  });

  it("of a task's run is what the task says, beside all others; its runs are on no sender", async () => {
    const { open } = given({ "sender:telegram:5/day": { micros: 1 }, "task:abcdefgh/day": { micros: 100 } });
    const task = { id: newTaskId(), maxTokens: null, maxMicros: 10 };
    const run = await open({ task, sender: ANN });

    expect(run).toMatchObject({ sender: undefined, task: task.id });
    expect(await spend(run, 10)).toBeUndefined();
    expect(await spend(run, 1)).toBe("the run has used up what it may spend");
  });

  it("of work that ended by itself is on whoever wrote last in the conversation", async () => {
    const { open } = given({});
    const session = newId(SessionId);
    await open({ session, sender: ANN });

    expect((await open({ session, sender: undefined })).sender).toBe(ANN);
    expect((await open({ sender: undefined })).sender).toBeUndefined();
  });
});
