/**
 * What budgets need of the database: what was spent so far in the days and months that go on, and which limits
 * an owner has lifted. A lift is written with its row in the audit, in one transaction.
 */
import { type Kysely, sql } from "kysely";
import type { Amount, BudgetId, Payer } from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import type { GroupFolder, SenderId } from "../core/ids.ts";
import type { Audit } from "./audit.ts";
import type { Database } from "./tables.ts";
import { TOKENS } from "./usage.ts";

export interface Lift {
  readonly budget: BudgetId;
  readonly period: string;
  /** Null: not bounded by that measure. */
  readonly micros: number | null;
  readonly tokens: number | null;
  readonly until: number;
}

export interface Since {
  readonly day: { readonly label: string; readonly from: number };
  readonly month: { readonly label: string; readonly from: number };
}

export type BudgetStore = ReturnType<typeof createBudgetStore>;

export function createBudgetStore(db: Kysely<Database>, clock: Clock, audit: Pick<Audit, "write">) {
  return {
    /** Those that hold now. */
    lifts: async (): Promise<Lift[]> =>
      await db.selectFrom("budget_lifts").selectAll().where("until", ">", clock.now()).execute(),

    async lift(lift: Lift, by: { readonly actor: string; readonly words: string }): Promise<void> {
      await db.transaction().execute(async (trx) => {
        const { micros, tokens } = lift;
        await trx
          .insertInto("budget_lifts")
          .values(lift)
          .onConflict((conflict) => conflict.columns(["budget", "period"]).doUpdateSet({ micros, tokens }))
          .execute();
        const done = { actor: by.actor, groupId: null, action: "lift", allowed: true };
        await audit.write(trx, { ...done, subject: `budget:${lift.budget}`, detail: by.words });
      });
    },

    /**
     * What everybody has spent in the day and the month that go on, by payer and label. Days and months are those of
     * `install` for the install and for senders, of the group for a group and its tasks. Of a person with several ids
     * it is all under the one that `payerOf` names.
     */
    async spent(
      install: Since,
      ofGroup: (group: GroupFolder) => Since,
      payerOf: (sender: SenderId) => SenderId,
    ): Promise<(payer: Payer, period: string) => Amount> {
      const sums = new Map<string, Amount>();
      const add = (payer: Payer, { label }: { label: string }, amount: Amount) => {
        const { micros, tokens } = sums.get(`${payer}@${label}`) ?? { micros: 0, tokens: 0 };
        sums.set(`${payer}@${label}`, { micros: micros + amount.micros, tokens: tokens + amount.tokens });
      };
      const groups = await db.selectFrom("groups").select(["id", "folder"]).execute();
      for (const { id, folder } of groups) {
        const own = ofGroup(folder);
        for (const period of ["day", "month"] as const) {
          for (const row of await sumsOf(id, own[period].from)) {
            add(`group:${folder}`, own[period], row);
            if (row.task_id !== null) add(`task:${row.task_id}`, own[period], row);
          }
          for (const row of await sumsOf(id, install[period].from)) {
            add("install", install[period], row);
            if (row.sender_id !== null) add(`sender:${payerOf(row.sender_id)}`, install[period], row);
          }
        }
      }
      return (payer, period) => sums.get(`${payer}@${period}`) ?? { micros: 0, tokens: 0 };
    },
  };

  async function sumsOf(groupId: number, from: number) {
    return await db
      .selectFrom("usage")
      .select([
        "sender_id",
        "task_id",
        TOKENS.as("tokens"),
        sql<number>`coalesce(sum(cost_micros), 0)`.as("micros"),
      ])
      .where("group_id", "=", groupId)
      .where("at", ">=", from)
      .groupBy(["sender_id", "task_id"])
      .execute();
  }
}
