/**
 * Budgets and usage, put together: what a turn may spend, what was used, how every budget stands, and how an
 * owner lifts one (docs/budgets.md).
 */
import { RejectedError } from "@bellhop/sdk";
import type { Config } from "../config.ts";
import {
  type BudgetId,
  budgetId,
  type BudgetState,
  dollars,
  inTokens,
  type Limit,
  partsOf,
  Period,
} from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import { type GroupFolder, MAIN, SenderId } from "../core/ids.ts";
import {
  added,
  tokensOf,
  type BudgetLift,
  type UsageBy,
  type UsageQuery,
  type UsageReport,
  type UsageSums,
} from "../core/usage.ts";
import { instantOf } from "../core/zone.ts";
import type { Notices } from "../outbox/notices.ts";
import type { BudgetStore, Since } from "../store/budgets.ts";
import type { Claim } from "../store/claims.ts";
import type { People } from "../store/people.ts";
import type { UsageStore } from "../store/usage.ts";
import type { UsageReports } from "../store/usage-report.ts";
import type { Spending } from "../turns/broker.ts";
import { stretchAt } from "./calendar.ts";
import { createLedger, senderOfBudget } from "./ledger.ts";

export interface BudgetsParts {
  readonly config: Pick<Config, "budgets" | "groups">;
  /** Of a group, or of the install. */
  readonly timezoneOf: (group: GroupFolder | undefined) => string;
  /** The group of a task. @throws RejectedError when there is no such task */
  readonly groupOfTask: (task: string) => Promise<GroupFolder>;
  /** Groups that were made while we run, beside those of the configuration. */
  readonly madeGroups: () => readonly GroupFolder[];
  /** Who has several ids: what they spend is one person's. */
  readonly people: Pick<People, "payerOf" | "idsOf">;
  readonly store: BudgetStore;
  readonly usage: Pick<UsageStore, "settled" | "spentBy">;
  readonly reports: UsageReports;
  readonly notices: Pick<Notices, "tell">;
  readonly clock: Clock;
}

export type Budgets = Awaited<ReturnType<typeof openBudgets>>;

/** Before any model is called: it reads what was spent until now. */
export async function openBudgets(parts: BudgetsParts) {
  const { config, timezoneOf, store, usage, reports, clock, people } = parts;
  const since = (timezone: string): Since => ({
    day: stretchAt(timezone, "day", clock.now()),
    month: stretchAt(timezone, "month", clock.now()),
  });
  const spentUntilNow = () =>
    store.spent(since(timezoneOf(undefined)), (group) => since(timezoneOf(group)), people.payerOf);
  const limitOf = (id: BudgetId) => configured(config, id);
  const ledger = createLedger({
    limitOf,
    timezoneOf,
    spentBefore: await spentUntilNow(),
    payerOf: people.payerOf,
    spentBy: usage.spentBy,
    lifts: await store.lifts(),
    notices: parts.notices,
    clock,
  });

  /** Those with a limit, of one group or of the install. */
  function stateOf(group: GroupFolder | undefined): BudgetState[] {
    const payer = group === undefined ? "install" : (`group:${group}` as const);
    return Period.options
      .map((period) => ledger.state(budgetId(payer, period), group ?? MAIN))
      .filter(({ limit }) => limit.micros !== null || limit.tokens !== null);
  }

  /** Names in the configuration are such. */
  const groups = () => [...(Object.keys(config.groups) as GroupFolder[]), ...parts.madeGroups()];

  async function groupOf(id: BudgetId): Promise<GroupFolder> {
    const [kind, ...name] = partsOf(id).payer.split(":");
    if (kind === "task") return await parts.groupOfTask(name.join(":"));
    return groups().find((group) => kind === "group" && group === name.join(":")) ?? MAIN;
  }

  async function report(
    by: UsageBy,
    from: number,
    group?: GroupFolder,
    senders?: readonly SenderId[],
  ): Promise<{ readonly rows: UsageSums[]; readonly timezone: string }> {
    const timezone = timezoneOf(group);
    await usage.settled(); // it is written behind the answers
    const dayOf = (at: number) => stretchAt(timezone, "day", at).label;
    return { rows: await reports.report({ by, since: from, group, senders, dayOf }), timezone };
  }

  return {
    async spendingOf({ turn, session, chat, inputs, task, attempt, lost }: Claim): Promise<Spending> {
      return await ledger.open({
        turn,
        session: session.id,
        group: chat.folder,
        sender: inputs[0]?.sender_id,
        task,
        fresh: attempt <= 1 && lost === 0,
      });
    },

    stateOf,

    /**
     * For a person: what a group, or the install, has used today and this month; or what whoever has the id of
     * `sender` has used there.
     */
    async lately(
      group: GroupFolder | undefined,
      sender?: SenderId,
    ): Promise<{ today: UsageSums; month: UsageSums }> {
      const [day, month] = (["day", "month"] as const).map((one) =>
        stretchAt(timezoneOf(group), one, clock.now()),
      );
      const { rows } = await report("day", month?.from ?? 0, group, sender && people.idsOf(sender));
      const none = emptySums(day?.label ?? "");
      return {
        today: rows.find(({ key }) => key === day?.label) ?? none,
        month: rows.reduce(added, none),
      };
    },

    async report({ by, since: asked }: UsageQuery): Promise<UsageReport> {
      const zone = timezoneOf(undefined);
      const from = asked === undefined ? stretchAt(zone, "month", clock.now()).from : sinceOf(asked, zone);
      const { rows, timezone } = await report(by, from);
      const budgets = [undefined, ...new Set<GroupFolder>([MAIN, ...groups()])].flatMap(stateOf);
      return { by, since: from, timezone, rows: by === "sender" ? byPerson(rows) : rows, budgets };
    },

    /** Ids were linked or parted: from now on what they have spent is counted as those of whom they are. */
    async regroup(): Promise<void> {
      await usage.settled();
      ledger.regroup(await spentUntilNow());
    },

    /**
     * Sets another limit until the end of the day or month; to say the same twice changes nothing the second time.
     * @throws RejectedError with a sentence for a person
     */
    async lift({ budget: asked, usd, tokens }: BudgetLift, actor: string): Promise<BudgetState> {
      const sender = senderOfBudget(asked);
      const budget = sender ? budgetId(`sender:${people.payerOf(sender)}`, partsOf(asked).period) : asked;
      const group = await groupOf(budget);
      const { limit, stretch } = ledger.liftable(budget, group);
      if (limit.micros === undefined && limit.tokens === undefined)
        throw new RejectedError(`${budget} has no limit.`);
      const named = usd !== undefined || tokens !== undefined;
      const lift = {
        budget,
        period: stretch.label,
        micros: usd === undefined ? raised(limit.micros, named) : Math.round(usd * 1e6),
        tokens: tokens ?? raised(limit.tokens, named),
        until: stretch.until,
      };
      await store.lift(lift, { actor, words: `until the end of ${stretch.label}: ${limitsWords(lift)}` });
      ledger.lifted(lift);
      return ledger.state(budget, group);
    },
  };

  /** Of each person one row, under the id that stands for them. */
  function byPerson(rows: readonly UsageSums[]): UsageSums[] {
    const persons = new Map<string | null, UsageSums>();
    for (const row of rows) {
      const sender = SenderId.safeParse(row.key).data;
      const key = sender ? people.payerOf(sender) : row.key;
      const known = persons.get(key);
      persons.set(key, known ? added(known, row) : { ...row, key });
    }
    return [...persons.values()].toSorted((a, b) => b.costMicros - a.costMicros || tokensOf(b) - tokensOf(a));
  }

  function sinceOf(asked: string, timezone: string): number {
    const days = /^(\d+)d$/.exec(asked)?.[1];
    if (days !== undefined) return clock.now() - Number(days) * 24 * 3_600_000;
    const midnight = Date.parse(`${asked}T00:00:00Z`);
    if (!Number.isNaN(midnight)) return instantOf(timezone, midnight);
    throw new RejectedError(`${asked} is no day; write it as 2026-11-01, or as a number of days such as 7d.`);
  }
}

/** The half that was not named stays as it is; where nothing was named, both are doubled. */
function raised(limit: number | undefined, asked: boolean): number | null {
  if (limit === undefined) return null;
  return asked ? limit : limit * 2;
}

function limitsWords({ micros, tokens }: { micros: number | null; tokens: number | null }): string {
  const both = [
    ...(micros === null ? [] : [dollars(micros)]),
    ...(tokens === null ? [] : [inTokens(tokens)]),
  ];
  return both.join(", ");
}

/** What the configuration says of a budget. */
function configured({ budgets, groups }: Pick<Config, "budgets" | "groups">, id: BudgetId): Limit {
  const { payer, period } = partsOf(id);
  const [kind = "", ...name] = payer.split(":");
  switch (kind) {
    case "install":
      return toLimit(budgets.install[period]);
    case "group": {
      const own = Object.entries(groups).find(([folder]) => folder === name.join(":"))?.[1].budget?.[period];
      return toLimit({ ...budgets.group[period], ...own });
    }
    case "sender":
      return toLimit(budgets.sender[period]);
    default:
      return toLimit(budgets.task[period]);
  }
}

function toLimit({
  usd,
  tokens,
}: {
  readonly usd?: number | "none" | undefined;
  readonly tokens?: number | "none" | undefined;
}): Limit {
  return {
    micros: typeof usd === "number" ? Math.round(usd * 1e6) : undefined,
    tokens: typeof tokens === "number" ? tokens : undefined,
  };
}

function emptySums(key: string): UsageSums {
  return {
    key,
    calls: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costMicros: 0,
    unpriced: 0,
    rehearsed: 0,
  };
}
