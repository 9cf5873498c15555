import { describe, expect, it } from "vitest";
import { BudgetId } from "../../core/budget.ts";
import type { UsageReport, UsageSums } from "../../core/usage.ts";
import { describeUsage } from "../usage.ts";

const sums = (key: string | null, more: Partial<UsageSums> = {}): UsageSums => ({
  key,
  calls: 2,
  inputTokens: 1_000,
  outputTokens: 30,
  cacheReadTokens: 20_000,
  cacheWriteTokens: 500,
  costMicros: 123_400,
  unpriced: 0,
  rehearsed: 0,
  ...more,
});
const report = (more: Partial<UsageReport>): UsageReport => ({
  by: "group",
  since: 0,
  timezone: "UTC",
  rows: [],
  budgets: [],
  ...more,
});

describe("bellhop usage", () => {
  it("has a line for each, and the sum below", () => {
    const text = describeUsage(report({ rows: [sums("main"), sums("family", { costMicros: 1_000 })] }));

    expect(text.split("\n")).toEqual([
      "group   calls  in     cached  out  cost",
      "main    2      1,500  20,000  30   $0.12",
      "family  2      1,500  20,000  30   $0.001",
      "total   4      3,000  40,000  60   $0.12",
      "",
    ]);
  });

  it("tells what has no price, and what the rehearsal model answered", () => {
    const text = describeUsage(
      report({
        rows: [
          sums(null, { unpriced: 2, costMicros: 0 }),
          sums("a", { unpriced: 1 }),
          sums("b", { rehearsed: 2, costMicros: 0 }),
        ],
      }),
    );

    expect(text).toMatch(/^\(none\) .* unknown$/m);
    expect(text).toMatch(/^a .* \$0\.12 \+ unknown$/m);
    expect(text).toMatch(/^b .* rehearsal$/m);
    expect(text).toContain(
      "Of 3 calls the price is not known: they are in no cost, and only budgets of tokens",
    );
  });

  it("says how the budgets stand", () => {
    const budget = (id: string, lifted: boolean) => ({
      id: BudgetId.parse(id),
      period: "2026-11",
      limit: { micros: 5_000_000, tokens: null },
      spent: { micros: 1_250_000, tokens: 9 },
      lifted,
    });

    const text = describeUsage(
      report({ budgets: [budget("install/turn", false), budget("group:a/month", true)] }),
    );

    expect(text).toBe(
      "Nothing was used.\n\nBudgets\n  install/turn   each     $5\n  group:a/month  2026-11  $1.25 of $5    lifted\n",
    );
  });
});
