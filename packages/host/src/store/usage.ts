/**
 * Usage: one row per call of a model, as the broker metered it. Written behind the answer, never in
 * its way: a commit blocks the event loop while the disk syncs, just when the answer's text passes
 * through. So rows wait a moment for company and share one commit. What waits when the host closes is
 * written first; a host that is killed loses that moment's rows, and nothing but them.
 */
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { GroupFolder, SenderId, SessionId, TurnId } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import type { Database } from "./tables.ts";

/** One call of a model, as the broker saw it. Tokens are the provider's own count. */
export interface Usage {
  readonly turn: TurnId;
  readonly session: SessionId;
  readonly group: GroupFolder;
  /** Whose message began the turn, or which task's run it is; neither where work ended by itself. */
  readonly sender?: SenderId | undefined;
  readonly task?: TaskId | undefined;
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

/** Longer than the first words of an answer take to get through; short beside what people look at. */
const WAIT_MS = 250;

/** `at` is when the call ended, not when its row was written. */
type Recorded = Usage & { readonly at: number };

/** Of all kinds together. */
export const TOKENS = sql<number>`coalesce(sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens), 0)`;

export type UsageStore = ReturnType<typeof createUsage>;

export function createUsage(db: Kysely<Database>, clock: Clock, log: Log) {
  let waiting: Recorded[] = [];
  let written: Promise<unknown> = Promise.resolve();
  let cancelWait: (() => void) | undefined;

  function write(): Promise<unknown> {
    cancelWait?.();
    cancelWait = undefined;
    const usages = waiting;
    waiting = [];
    if (usages.length === 0) return written;
    written = written
      .then(() => insert(usages))
      .catch((error: unknown) =>
        log.error({ err: error, usages }, "the usage of model calls was not stored"),
      );
    return written;
  }

  async function insert(usages: readonly Recorded[]): Promise<void> {
    await db
      .insertInto("usage")
      .values((eb) =>
        usages.map((usage) => ({
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
          at: usage.at,
          sender_id: usage.sender ?? null,
          task_id: usage.task ?? null,
        })),
      )
      .execute();
  }

  return {
    record(usage: Usage): void {
      waiting.push({ ...usage, at: clock.now() });
      cancelWait ??= clock.after(WAIT_MS, () => void write());
    },

    /** Resolves when everything recorded so far is stored. */
    settled: async (): Promise<void> => void (await write()),

    /** What a turn has used by now, of all its calls. */
    async spentBy(turn: TurnId): Promise<{ tokens: number; micros: number }> {
      await write();
      return await db
        .selectFrom("usage")
        .select([TOKENS.as("tokens"), sql<number>`coalesce(sum(cost_micros), 0)`.as("micros")])
        .where("turn_id", "=", turn)
        .executeTakeFirstOrThrow();
    },

    /** Sums since `since`. */
    async since(
      since: number,
    ): Promise<{ calls: number; inputTokens: number; outputTokens: number; costMicros: number }> {
      await write();
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
