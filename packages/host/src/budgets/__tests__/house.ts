/** Real budgets over a test's database; without limits, unless the test sets some. */
import type { Kysely } from "kysely";
import type { Config } from "../../config.ts";
import type { Clock } from "../../core/clock.ts";
import { MAIN } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { createAudit } from "../../store/audit.ts";
import { createBudgetStore } from "../../store/budgets.ts";
import type { Database } from "../../store/tables.ts";
import { createUsage, type UsageStore } from "../../store/usage.ts";
import { createUsageReports } from "../../store/usage-report.ts";
import { type BudgetsParts, openBudgets } from "../budgets.ts";

export type Limits = Partial<Config["budgets"]>;

const none = { usd: "none", tokens: "none" } as const;
const unset = { turn: {}, day: {}, month: {} };

export async function budgetsOver(
  db: Kysely<Database>,
  clock: Clock,
  more: {
    readonly limits?: Limits | undefined;
    readonly groups?: Config["groups"];
    readonly timezone?: string;
    readonly usage?: UsageStore;
    readonly people?: BudgetsParts["people"];
    readonly tell?: (key: string, text: string) => Promise<void>;
  } = {},
) {
  const install = { turn: none, day: none, month: none };
  return await openBudgets({
    config: {
      budgets: { install, group: unset, sender: unset, task: unset, ...more.limits },
      groups: more.groups ?? {},
    },
    timezoneOf: () => more.timezone ?? "UTC",
    groupOfTask: async () => MAIN,
    madeGroups: () => [],
    people: more.people ?? { payerOf: (sender) => sender, idsOf: (sender) => [sender] },
    store: createBudgetStore(db, clock, createAudit(db, { clock, redact: (text) => text })),
    usage: more.usage ?? createUsage(db, clock, silentLog),
    reports: createUsageReports(db),
    notices: { tell: more.tell ?? (async () => undefined) },
    clock,
  });
}
