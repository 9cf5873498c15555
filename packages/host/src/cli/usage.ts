/** `bellhop usage`: what was used of models, what may be, and to lift a budget for a while. */
import { RejectedError } from "@bellhop/sdk";
import { Command, Option } from "commander";
import { BudgetId, type BudgetState, dollars } from "../core/budget.ts";
import { added, UsageBy, type UsageReport, type UsageSums } from "../core/usage.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

const jsonOption = () => new Option("--json", "one JSON object, as the API gives it");

export function usageCommand(io: Io): Command {
  const say = ({ json }: Options, object: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(object)}\n` : words);

  const lift = new Command("lift")
    .description("Sets another limit for a budget until its day or month ends.")
    .argument("<budget>", "such as install/day or group:family/month")
    .option("--usd <amount>", "the new limit in dollars", Number)
    .option("--tokens <number>", "the new limit in tokens", Number)
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nWithout an amount, the limit is twice the configured one. A budget of turns is lifted for a day.",
    )
    .action(async (budget: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options & { usd?: number; tokens?: number }>();
      const { usd, tokens } = options;
      const id = BudgetId.safeParse(budget);
      if (!id.success)
        throw new RejectedError(
          `${budget} names no budget; one is such as install/day or group:family/month.`,
        );
      const state = await clientFor(io, options.home).usage.lift({ budget: id.data, usd, tokens });
      say(options, state, `${stands(state)}\n`);
    });

  return new Command("usage")
    .summary("what was used of models, and what may be")
    .description("Shows what was used of models since the beginning of the month, and how the budgets stand.")
    .addOption(new Option("--by <what>", "what each line is for").choices(UsageBy.options).default("day"))
    .option("--since <day>", "2026-11-01, or a number of days such as 7d")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .addCommand(lift)
    .action(async (options: Options & { by: string; since?: string }) => {
      const report = await clientFor(io, options.home).usage.report(options);
      say(options, report, describeUsage(report));
    });
}

export function describeUsage({ by, rows, budgets }: UsageReport): string {
  const total = rows.length > 1 ? [rows.reduce(added)].map((sums) => ({ ...sums, key: "total" })) : [];
  const lines = columns([[by, "calls", "in", "cached", "out", "cost"], ...[...rows, ...total].map(cells)]);
  const used = rows.length === 0 ? "Nothing was used.\n" : `${lines.join("\n")}\n`;
  const unpriced = rows.reduce((sum, row) => sum + row.unpriced, 0);
  const unknown =
    unpriced === 0
      ? ""
      : `Of ${unpriced} calls the price is not known: they are in no cost, and only budgets of tokens hold for them.\n`;
  const limits =
    budgets.length === 0
      ? ""
      : `\nBudgets\n${columns(budgets.map(limitCells))
          .map((line) => `  ${line}\n`)
          .join("")}`;
  return plain(`${used}${unknown}${limits}`);
}

function cells(row: UsageSums): string[] {
  const { key, calls, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens } = row;
  const numbers = [calls, inputTokens + cacheWriteTokens, cacheReadTokens, outputTokens];
  return [key ?? "(none)", ...numbers.map((number) => number.toLocaleString("en")), costOf(row)];
}

function costOf({ calls, costMicros, unpriced, rehearsed }: UsageSums): string {
  if (calls > 0 && unpriced === calls) return "unknown";
  if (calls > 0 && rehearsed === calls) return "rehearsal";
  return `${dollars(costMicros)}${unpriced > 0 ? " + unknown" : ""}`;
}

function stands(state: BudgetState): string {
  return limitCells(state)
    .filter((cell) => cell !== "")
    .join("  ");
}

function limitCells({ id, period, limit, spent, lifted }: BudgetState): string[] {
  const turn = id.endsWith("/turn");
  const money =
    limit.micros === null ? "" : `${turn ? "" : `${dollars(spent.micros)} of `}${dollars(limit.micros)}`;
  const tokens =
    limit.tokens === null
      ? ""
      : `${turn ? "" : `${spent.tokens.toLocaleString("en")} of `}${limit.tokens.toLocaleString("en")} tokens`;
  return [id, turn ? "each" : period, money, tokens, lifted ? "lifted" : ""];
}

/** Padded, so that columns stand below each other. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

const HELP = `
Examples:
  bellhop usage                     this month, by day
  bellhop usage --by group --since 7d
  bellhop usage lift group:family/day --usd 10

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
