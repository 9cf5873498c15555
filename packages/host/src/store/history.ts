/**
 * History: full-text search over everything that was said.
 *
 * - The index is written behind: a message on its way to an answer does not wait for it. It is caught
 *   up a moment after something was said, and always before a search, so a search misses nothing.
 * - It holds no text of its own; its row ids are those of the timeline, which name the rows that do.
 *   What was indexed last is therefore known from the index itself, also after a crash.
 */
import { type Kysely, sql } from "kysely";
import { setImmediate as breath } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import type { ChatId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import { saidBy } from "./said-by.ts";
import type { Database } from "./tables.ts";

export interface HistoryHit {
  readonly chat: ChatId;
  readonly at: number;
  readonly sender: string;
  readonly text: string;
  /** No owner wrote it, or it was said by a tainted turn, or by a plugin. */
  readonly tainted: boolean;
}

export interface HistoryQuery {
  /** Undefined: all groups. */
  readonly groupId: number | undefined;
  /** Plain words; all must occur, the last as a beginning. Operators have no power. */
  readonly words: string;
  readonly limit: number;
}

/** After something was said, until the index is caught up: long enough for the answer to be on its way. */
const BEHIND_MS = 1_000;
/** Indexed in one go: a few milliseconds of the event loop. */
const BATCH = 200;

export type History = ReturnType<typeof createHistory>;

export function createHistory(db: Kysely<Database>, clock: Clock, log: Log) {
  let cancel: (() => void) | undefined;
  let indexed = Promise.resolve();

  /** One after the other. What was said before the call is indexed after it. */
  function catchUp(): Promise<void> {
    indexed = indexed.then(indexAll, indexAll);
    return indexed;
  }

  async function indexAll(): Promise<void> {
    while ((await indexSome()) === BATCH) await breath();
  }

  async function indexSome(): Promise<number> {
    const { numAffectedRows } = await sql`
      INSERT INTO history (rowid, scope, text)
      SELECT events.id, ${SCOPE} || coalesce(inbox.group_id, outbox.group_id), coalesce(inbox.text, outbox.text)
      FROM events
      LEFT JOIN inbox ON events.kind = 'in' AND inbox.id = events.ref
      LEFT JOIN outbox ON events.kind = 'out' AND outbox.id = events.ref
      WHERE events.id > coalesce((SELECT rowid FROM history ORDER BY rowid DESC LIMIT 1), 0)
        AND events.kind IN ('in', 'out')
      ORDER BY events.id LIMIT ${sql.lit(BATCH)}`.execute(db);
    return Number(numAffectedRows ?? 0);
  }

  return {
    /** Something was said. */
    wake(): void {
      cancel ??= clock.after(BEHIND_MS, () => {
        cancel = undefined;
        catchUp().catch((error: unknown) => log.error({ err: error }, "the history could not be indexed"));
      });
    },

    /** What was said in a group, newest first: to find the best of all, each would have to be weighed. */
    async search({ groupId, words, limit }: HistoryQuery): Promise<HistoryHit[]> {
      const terms = words.match(/[\p{L}\p{N}]+/gu) ?? [];
      if (terms.length === 0) return [];
      await catchUp();
      // The group is one token, so that a search stays inside it by the index itself.
      const scope = groupId === undefined ? "" : `scope : ${SCOPE}${groupId} AND `;
      const match = `${scope}text : (${terms.map((term) => `"${term}"`).join(" AND ")} *)`;
      const { rows } = await sql<{
        chat: ChatId;
        at: number;
        sender: string | null;
        text: string | null;
        tainted: number;
      }>`
        SELECT events.chat_id AS chat, events.at, ${saidBy} AS sender,
          coalesce(inbox.text, outbox.text) AS text, coalesce(inbox.tainted, turns.tainted, outbox.key LIKE 'plugin:%', 0) AS tainted
        FROM history
        JOIN events ON events.id = history.rowid
        LEFT JOIN inbox ON events.kind = 'in' AND inbox.id = events.ref
        LEFT JOIN outbox ON events.kind = 'out' AND outbox.id = events.ref
        LEFT JOIN turns ON turns.id = outbox.turn_id
        WHERE history MATCH ${match}
          -- What plugins have not let through is nobody's to read.
          AND (inbox.hooks IS NULL OR inbox.hooks = 'done')
        ORDER BY history.rowid DESC LIMIT ${limit}`.execute(db);
      return rows.map(({ chat, at, sender, text, tainted }) => ({
        chat,
        at,
        sender: sender ?? "",
        text: text ?? "",
        tainted: tainted === 1,
      }));
    },

    /** Waits for what is being indexed; the rest is for the next start. */
    async close(): Promise<void> {
      cancel?.();
      await Promise.allSettled([indexed]); // a failure was told to whoever asked for it
    },
  };
}

const SCOPE = "group";
