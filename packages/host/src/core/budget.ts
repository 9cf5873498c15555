/**
 * Budgets: what may be spent on models, in money and in tokens. Pure.
 *
 * A budget belongs to somebody (the install, a group, a sender, a task) and to a time (one turn, a calendar
 * day or month where they live). Money is counted in millionths of a US dollar, "micros".
 */
import { z } from "zod";

export const Period = z.enum(["turn", "day", "month"]);
export type Period = z.infer<typeof Period>;

/** `install/day`, `group:family/month`, `sender:telegram:7/day`, `task:k3x9q2mm/turn`. */
export const BudgetId = z
  .string()
  .max(600)
  .regex(
    /^(?:install|(?:group|sender|task):\S(?:.*\S)?)\/(?:turn|day|month)$/,
    "a budget is such as install/day or group:family/month",
  )
  .brand<"BudgetId">();
export type BudgetId = z.infer<typeof BudgetId>;

/** Whose a budget is: `install`, or a kind with a name. */
export type Payer = "install" | `${z.infer<typeof Kind>}:${string}`;
const Kind = z.enum(["group", "sender", "task"]);

export function budgetId(payer: Payer, period: Period): BudgetId {
  return BudgetId.parse(`${payer}/${period}`);
}

export function partsOf(id: BudgetId): { readonly payer: Payer; readonly period: Period } {
  const slash = id.lastIndexOf("/");
  const colon = id.indexOf(":");
  const payer: Payer =
    colon < 0 ? "install" : `${Kind.parse(id.slice(0, colon))}:${id.slice(colon + 1, slash)}`;
  return { payer, period: Period.parse(id.slice(slash + 1)) };
}

/** Tokens of all kinds together. */
export interface Amount {
  readonly micros: number;
  readonly tokens: number;
}

/** What is absent is not bounded. */
export interface Limit {
  readonly micros?: number | undefined;
  readonly tokens?: number | undefined;
}

export const NOTHING: Amount = { micros: 0, tokens: 0 };

export function plus(one: Amount, other: Amount): Amount {
  return { micros: one.micros + other.micros, tokens: one.tokens + other.tokens };
}

/** What of the limit does not hold `amount`: `micros`, `tokens`, or neither. */
export function exceeded(amount: Amount, limit: Limit): "micros" | "tokens" | undefined {
  if (limit.micros !== undefined && amount.micros > limit.micros) return "micros";
  if (limit.tokens !== undefined && amount.tokens > limit.tokens) return "tokens";
  return undefined;
}

/** The same where nothing is left of it. */
export function usedUp(amount: Amount, limit: Limit): "micros" | "tokens" | undefined {
  return exceeded({ micros: amount.micros + 1, tokens: amount.tokens + 1 }, limit);
}

/** The larger share of the limit that `amount` is; 0 where there is no limit. */
export function shareOf(amount: Amount, { micros, tokens }: Limit): number {
  return Math.max(micros ? amount.micros / micros : 0, tokens ? amount.tokens / tokens : 0);
}

/** How a budget stands, for people and programs. */
export const BudgetState = z.object({
  id: BudgetId,
  /** The day or month that it is for: `2026-11-26`, `2026-11`. */
  period: z.string(),
  limit: z.object({ micros: z.number().nullable(), tokens: z.number().nullable() }),
  spent: z.object({ micros: z.number(), tokens: z.number() }),
  /** Somebody has set another limit until the end of the period. */
  lifted: z.boolean(),
});
export type BudgetState = z.infer<typeof BudgetState>;

/** `$0.25`; less than a cent to a hundredth of one. */
export function dollars(micros: number): string {
  const digits = micros === 0 || micros >= 10_000 ? 2 : 4;
  const text = (micros / 1e6).toLocaleString("en", {
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  });
  return `$${text.replace(/\.00$/, "")}`;
}

export function inTokens(tokens: number): string {
  return `${tokens.toLocaleString("en")} ${tokens === 1 ? "token" : "tokens"}`;
}

/** Of a limit, the part that was hit. */
export function limitWords(limit: Limit, which: "micros" | "tokens"): string {
  const value = limit[which] ?? 0;
  return which === "micros" ? dollars(value) : inTokens(value);
}

export function whoseWords(id: BudgetId): string {
  const { payer } = partsOf(id);
  const [kind = "", ...name] = payer.split(":");
  switch (kind) {
    case "install":
      return "Bellhop";
    case "group":
      return `the group ${name.join(":")}`;
    case "sender":
      return `the person who asked (${name.join(":")})`;
    default:
      return `the task ${name.join(":")}`;
  }
}

/** Why nothing more is spent, and what an owner can do: for a person and for the agent. */
export function spentWords(id: BudgetId, limit: Limit, which: "micros" | "tokens"): string {
  const much = limitWords(limit, which);
  const lift = `An owner can allow more with: /usage lift ${id}`;
  const { period } = partsOf(id);
  switch (period) {
    case "turn":
      return `this answer has used up what one answer may spend (${much}). ${lift}`;
    case "day":
      return `${whoseWords(id)} has used up what may be spent today (${much}). ${lift}`;
    case "month":
      return `${whoseWords(id)} has used up what may be spent this month (${much}). ${lift}`;
    default:
      return period satisfies never;
  }
}
