/**
 * Usage: one row per call of a model, as the broker metered it. Written behind the answer, never in
 * its way; what is still under way when the host closes is waited for.
 */
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { GroupFolder, SessionId, TurnId } from "../core/ids.ts";
import type { Database } from "./tables.ts";

/** One call of a model, as the broker saw it. Tokens are the provider's own count. */
export interface Usage {
  readonly turn: TurnId;
  readonly session: SessionId;
  readonly group: GroupFolder;
  readonly provider: string;
  readonly modelAsked: string;
  readonly modelServed: string;
  readonly kind: "turn" | "compaction" | "subagent" | "background";
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** Millionths of a US dollar, by the price table `prices`; null where no price is known, 0 in rehearsal. */
  readonly costMicros: number | null;
  /** Version of the price table, `rehearsal` for the stand-in. */
  readonly prices: string;
  readonly httpStatus: number;
  readonly durationMs: number;
}

export type RecordUsage = (usage: Usage) => void;

export type UsageStore = ReturnType<typeof createUsage>;

export function createUsage(db: Kysely<Database>, clock: Clock, log: Log) {
  let written: Promise<unknown> = Promise.resolve();

  async function insert(usage: Usage): Promise<void> {
    await db
      .insertInto("usage")
      .values((eb) => ({
        turn_id: usage.turn,
        session_id: usage.session,
        group_id: eb.selectFrom("groups").select("id").where("folder", "=", usage.group),
        provider: usage.provider,
        model_asked: usage.modelAsked,
        model_served: usage.modelServed,
        kind: usage.kind,
        input_tokens: usage.inputTokens,
        output_tokens: usage.outputTokens,
        cache_read_tokens: usage.cacheReadTokens,
        cache_write_tokens: usage.cacheWriteTokens,
        cost_micros: usage.costMicros === null ? null : Math.round(usage.costMicros),
        prices: usage.prices,
        http_status: usage.httpStatus,
        duration_ms: Math.round(usage.durationMs),
        at: clock.now(),
      }))
      .execute();
  }

  return {
    record(usage: Usage): void {
      written = written
        .then(() => insert(usage))
        .catch((error: unknown) =>
          log.error({ err: error, usage }, "the usage of a model call was not stored"),
        );
    },

    /** Resolves when everything recorded so far is stored. */
    settled: async (): Promise<void> => void (await written),

    /** Sums since `since`. */
    async since(
      since: number,
    ): Promise<{ calls: number; inputTokens: number; outputTokens: number; costMicros: number }> {
      return await db
        .selectFrom("usage")
        .select((eb) => [
          eb.fn.countAll<number>().as("calls"),
          sql<number>`coalesce(sum(input_tokens + cache_read_tokens + cache_write_tokens), 0)`.as(
            "inputTokens",
          ),
          sql<number>`coalesce(sum(output_tokens), 0)`.as("outputTokens"),
          sql<number>`coalesce(sum(cost_micros), 0)`.as("costMicros"),
        ])
        .where("at", ">=", since)
        .executeTakeFirstOrThrow();
    },
  };
}
