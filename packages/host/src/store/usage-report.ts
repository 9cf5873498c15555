/** What was used of models since a time, by day, group, task, sender, kind or model: for people. */
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { GroupFolder, SenderId } from "../core/ids.ts";
import { added, tokensOf, type UsageBy, type UsageSums } from "../core/usage.ts";
import type { Database } from "./tables.ts";

/** Every zone's day begins at a whole number of these. */
const QUARTER_MS = 15 * 60_000;

export interface ReportQuery {
  readonly by: UsageBy;
  readonly since: number;
  readonly group?: GroupFolder | undefined;
  /** Only what these began. */
  readonly senders?: readonly SenderId[] | undefined;
  /** The name of the day in which an instant lies. */
  readonly dayOf: (at: number) => string;
}

export type UsageReports = ReturnType<typeof createUsageReports>;

export function createUsageReports(db: Kysely<Database>) {
  return {
    /** By day in order of time, else the most expensive first. */
    async report({ by, since, group, senders, dayOf }: ReportQuery): Promise<UsageSums[]> {
      const rows = await db
        .selectFrom("usage")
        .select([
          keyOf(by).as("key"),
          sql<number>`count(*)`.as("calls"),
          sql<number>`sum(input_tokens)`.as("inputTokens"),
          sql<number>`sum(output_tokens)`.as("outputTokens"),
          sql<number>`sum(cache_read_tokens)`.as("cacheReadTokens"),
          sql<number>`sum(cache_write_tokens)`.as("cacheWriteTokens"),
          sql<number>`coalesce(sum(cost_micros), 0)`.as("costMicros"),
          sql<number>`sum(cost_micros IS NULL)`.as("unpriced"),
          sql<number>`sum(prices = 'rehearsal')`.as("rehearsed"),
        ])
        .where("at", ">=", since)
        .$if(group !== undefined, (query) =>
          query.where(
            "group_id",
            "=",
            db
              .selectFrom("groups")
              .select("id")
              .where("folder", "=", group ?? null),
          ),
        )
        .$if(senders !== undefined, (query) => query.where("sender_id", "in", senders ?? []))
        .groupBy("key")
        .execute();
      if (by === "day")
        return joined(rows.map((row) => ({ ...row, key: dayOf(Number(row.key) * QUARTER_MS) })));
      const named = rows.map((row) => ({ ...row, key: row.key === null ? null : String(row.key) }));
      return named.toSorted((a, b) => b.costMicros - a.costMicros || tokensOf(b) - tokensOf(a));
    },
  };
}

function keyOf(by: UsageBy): RawBuilder<string | number | null> {
  switch (by) {
    case "day":
      return sql<number>`at / ${sql.lit(QUARTER_MS)}`;
    case "group":
      return sql<string>`(SELECT folder FROM groups WHERE groups.id = usage.group_id)`;
    case "task":
      return sql<string | null>`task_id`;
    case "sender":
      return sql<string | null>`sender_id`;
    case "kind":
      return sql<string>`kind`;
    case "model":
      return sql<string>`model_served`;
    default:
      return by satisfies never;
  }
}

/** Rows of the same key, in their order. */
function joined(rows: readonly UsageSums[]): UsageSums[] {
  const days = new Map<string | null, UsageSums>();
  for (const row of rows) {
    const day = days.get(row.key);
    days.set(row.key, day ? added(day, row) : row);
  }
  return [...days.values()].toSorted((a, b) => String(a.key).localeCompare(String(b.key)));
}
