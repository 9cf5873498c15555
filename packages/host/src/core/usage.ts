/** What was used of models, and how the budgets stand, as the API and the commands say it. */
import { z } from "zod";
import { BudgetId, BudgetState } from "./budget.ts";

export const UsageBy = z.enum(["day", "group", "task", "sender", "kind", "model"]);
export type UsageBy = z.infer<typeof UsageBy>;

export const UsageSums = z.object({
  /** The day, group, task, …; null: of none, as with a task's run that no sender began. */
  key: z.string().nullable(),
  calls: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: z.int(),
  cacheWriteTokens: z.int(),
  costMicros: z.number(),
  /** Calls whose price nobody knows: their cost is in no sum. */
  unpriced: z.int(),
  /** Calls that the rehearsal model answered, at no cost. */
  rehearsed: z.int(),
});
export type UsageSums = z.infer<typeof UsageSums>;

export const UsageReport = z.object({
  by: UsageBy,
  /** Ms since 1970. */
  since: z.number(),
  timezone: z.string(),
  rows: z.array(UsageSums),
  /** Those of the install, and of every group, that have a limit. */
  budgets: z.array(BudgetState),
});
export type UsageReport = z.infer<typeof UsageReport>;

export const UsageQuery = z.object({
  by: UsageBy.default("day"),
  since: z
    .string()
    .regex(/^(?:\d{4}-\d{2}-\d{2}|\d{1,4}d)$/, "is a day such as 2026-11-01, or a number of days such as 7d")
    .optional(),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

export const BudgetLift = z.strictObject({
  budget: BudgetId,
  /** The limit until the end of the day or month; absent, both: twice what is configured. */
  usd: z.number().positive().max(1_000_000).optional(),
  tokens: z.int().positive().optional(),
});
export type BudgetLift = z.infer<typeof BudgetLift>;

export function added(one: UsageSums, other: UsageSums): UsageSums {
  return {
    key: one.key,
    calls: one.calls + other.calls,
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    costMicros: one.costMicros + other.costMicros,
    unpriced: one.unpriced + other.unpriced,
    rehearsed: one.rehearsed + other.rehearsed,
  };
}

export const tokensOf = ({
  inputTokens,
  outputTokens,
  cacheReadTokens,
  cacheWriteTokens,
}: UsageSums): number => inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens;
