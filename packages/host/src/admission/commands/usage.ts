import { RejectedError } from "@bellhop/sdk";
import { BudgetId, type BudgetState, dollars, inTokens } from "../../core/budget.ts";
import { MAIN } from "../../core/ids.ts";
import { BudgetLift, tokensOf, type UsageSums } from "../../core/usage.ts";
import { isAtTheDesk } from "../../store/moves.ts";
import { type Command, may, WHO } from "./command.ts";
import { counted } from "./words.ts";

const USAGE =
  "Write /usage, or as an owner: /usage lift BUDGET [DOLLARS], such as /usage lift install/day 80. The amount is the new limit until the day or month ends; without it, twice the usual one.";

/**
 * What this group has used, and on platforms whoever asks, under all their ids; the owner, in the group main, also sees the install. To lift a budget sets its limit and
 * does not add to it, so it is harmless to repeat.
 */
export const usage: Command = {
  name: "usage",
  usage: "[lift BUDGET [DOLLARS]]",
  summary: "what was used of models today and this month, and what may be",
  who: "anyone",
  async run({ asked: { chat, sender }, argument, powers: { budgets } }) {
    const [verb, id, amount, ...more] = argument === "" ? [] : argument.split(/\s+/);
    if (verb === undefined) {
      const all = chat.folder === MAIN && sender.role === "owner";
      const parts = [undefined, chat.folder].slice(all ? 0 : 1);
      const texts = parts.map(async (group) => {
        const whose = group === undefined ? "All groups" : `The group ${group}`;
        return [`${whose} – ${spent(await budgets.lately(group))}`, ...budgets.stateOf(group).map(stands)];
      });
      const own = isAtTheDesk(chat.id) ? [] : [`You – ${spent(await budgets.lately(undefined, sender.id))}`];
      return [...(await Promise.all(texts)).flat(), ...own].join("\n");
    }
    if (verb.toLowerCase() !== "lift" || id === undefined || more.length > 0) throw new RejectedError(USAGE);
    if (!may("owner", sender.role)) throw new RejectedError(`Only ${WHO.owner} may lift a budget.`);
    const budget = BudgetId.safeParse(id);
    const usd = amount === undefined ? undefined : Number(amount.replace(/^\$/, ""));
    const lift = BudgetLift.safeParse({ budget: budget.data, usd });
    if (!lift.success) throw new RejectedError(USAGE);
    return `Until the end of the period: ${stands(await budgets.lift(lift.data, sender.name))}`;
  },
};

function spent({ today, month }: { readonly today: UsageSums; readonly month: UsageSums }): string {
  return `today: ${used(today)}; this month: ${used(month)}`;
}

function used(sums: UsageSums): string {
  const { calls, costMicros, unpriced, rehearsed } = sums;
  const money = calls > 0 && unpriced === calls ? "price unknown" : dollars(costMicros);
  const partly =
    unpriced > 0 && unpriced < calls ? `, ${counted(unpriced, "call")} without a known price` : "";
  const played = rehearsed > 0 ? `, ${counted(rehearsed, "call")} of the rehearsal model` : "";
  return `${money}, ${inTokens(tokensOf(sums))} in ${counted(calls, "call")}${partly}${played}`;
}

/** Of one turn only the limit is to be told. */
function stands({ id, limit, spent, lifted }: BudgetState): string {
  const turn = id.endsWith("/turn");
  const money =
    limit.micros === null
      ? []
      : [turn ? dollars(limit.micros) : `${dollars(spent.micros)} of ${dollars(limit.micros)}`];
  const tokens =
    limit.tokens === null
      ? []
      : [turn ? inTokens(limit.tokens) : `${spent.tokens.toLocaleString("en")} of ${inTokens(limit.tokens)}`];
  return `${id}: ${turn ? "at most " : ""}${[...money, ...tokens].join(", ")}${lifted ? " (lifted)" : ""}`;
}
