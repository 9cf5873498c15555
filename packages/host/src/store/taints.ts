/**
 * Taint on disk: which conversations, folders and turns have seen words that no owner wrote, and why.
 *
 * - It is only ever added to, but for an owner who clears a group; conversations keep theirs until they end.
 * - A cause is written once per group until then.
 */
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { GroupFolder, SessionId, TurnId } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import type { Claim } from "./claims.ts";
import type { Database } from "./tables.ts";

export interface Tainting {
  readonly groupId: number;
  readonly session: SessionId;
  readonly turn: TurnId | undefined;
  readonly causes: readonly string[];
  /** What lay in the folders before, where nobody has written it down yet. */
  readonly snapshot?: string | undefined;
}

/** Causes of one group that are kept: enough to understand, too few to fill a disk. */
const MOST_CAUSES = 200;

export type Taints = ReturnType<typeof createTaints>;

export function createTaints(db: Kysely<Database>, clock: Clock) {
  return {
    /** Groups whose folders are tainted. */
    async groups(): Promise<ReadonlySet<number>> {
      const rows = await db.selectFrom("groups").select("id").where("tainted", "=", 1).execute();
      return new Set(rows.map(({ id }) => id));
    },

    /** Groups of which it is known what lay in their folders before. */
    async remembered(): Promise<ReadonlySet<number>> {
      const rows = await db.selectFrom("folder_snapshots").select("group_id").execute();
      return new Set(rows.map(({ group_id }) => group_id));
    },

    async add({ groupId, session, turn, causes, snapshot }: Tainting): Promise<void> {
      const now = clock.now();
      await db.transaction().execute(async (trx) => {
        await trx.updateTable("sessions").set({ tainted: 1 }).where("id", "=", session).execute();
        if (turn !== undefined)
          await trx.updateTable("turns").set({ tainted: 1 }).where("id", "=", turn).execute();
        await trx.updateTable("groups").set({ tainted: 1 }).where("id", "=", groupId).execute();
        if (snapshot !== undefined)
          await trx
            .insertInto("folder_snapshots")
            .values({ group_id: groupId, at: now, files: snapshot })
            .onConflict((conflict) => conflict.column("group_id").doNothing()) // the older one was cleaner
            .execute();
        const { count } = await trx
          .selectFrom("taints")
          .select((eb) => eb.fn.countAll<number>().as("count"))
          .where("group_id", "=", groupId)
          .where("cleared_at", "is", null)
          .executeTakeFirstOrThrow();
        for (const cause of causes.slice(0, Math.max(0, MOST_CAUSES - count)))
          await trx
            .insertInto("taints")
            .values({ group_id: groupId, session_id: session, cause, at: now, cleared_at: null })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
      });
    },

    /** The group's own number and, if it was tainted, what lay in its folders before. */
    async of(group: GroupFolder) {
      const row = await db
        .selectFrom("groups")
        .leftJoin("folder_snapshots", "folder_snapshots.group_id", "groups.id")
        .select(["groups.id", "groups.tainted", "folder_snapshots.at", "folder_snapshots.files"])
        .where("folder", "=", group)
        .executeTakeFirst();
      if (!row) return undefined;
      const causes = await db
        .selectFrom("taints")
        .select(["cause", "at"])
        .where("group_id", "=", row.id)
        .where("cleared_at", "is", null)
        .orderBy("id")
        .execute();
      const sessions = await db
        .selectFrom("sessions")
        .select(["id", "scope_key as scope"])
        .where("group_id", "=", row.id)
        .where("tainted", "=", 1)
        .where("ended_at", "is", null)
        .orderBy("created_at")
        .execute();
      return { ...row, tainted: row.tainted === 1, causes, sessions };
    },

    /** The group's folders are clean by an owner's word. Only inside the transaction that records it. */
    async clear(trx: Kysely<Database>, groupId: number): Promise<void> {
      await trx.updateTable("groups").set({ tainted: 0 }).where("id", "=", groupId).execute();
      await trx.deleteFrom("folder_snapshots").where("group_id", "=", groupId).execute();
      await trx
        .updateTable("taints")
        .set({ cleared_at: clock.now() })
        .where("group_id", "=", groupId)
        .where("cleared_at", "is", null)
        .execute();
    },

    /** Whether one of these tasks was made by something tainted, or has run so. */
    async inTasks(ids: readonly TaskId[]): Promise<boolean> {
      if (ids.length === 0) return false;
      const row = await db
        .selectFrom("tasks")
        .leftJoin("occurrences", "occurrences.task_id", "tasks.id")
        .leftJoin("turns", "turns.id", "occurrences.turn_id")
        .select("tasks.id")
        .where("tasks.id", "in", ids)
        .where(({ or, eb }) => or([eb("tasks.tainted", "=", 1), eb("turns.tainted", "=", 1)]))
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    /** Whether one of these conversations' own messages, given as quoted, came out of a tainted turn. */
    async inAnswers(claim: Claim, platformIds: readonly string[]): Promise<boolean> {
      if (platformIds.length === 0) return false;
      const row = await db
        .selectFrom("outbox")
        .leftJoin("turns", "turns.id", "outbox.turn_id")
        .select("outbox.id")
        .where("outbox.chat_id", "=", claim.chat.id)
        .where("outbox.platform_id", "in", platformIds)
        // What a plugin has sent may be anybody's words.
        .where(sql<boolean>`(turns.tainted = 1 OR outbox.key LIKE 'plugin:%')`)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

/**
 * Somebody who is no owner sent a file, and all sandboxes of the group can read it from now on. Only inside the
 * transaction that takes the message.
 */
export async function taintByFile(
  trx: Kysely<Database>,
  { groupId, cause, now }: { readonly groupId: number; readonly cause: string; readonly now: number },
): Promise<void> {
  await trx
    .updateTable("groups")
    .set({ tainted: 1 })
    .where("id", "=", groupId)
    .where("tainted", "=", 0)
    .execute();
  await trx
    .insertInto("taints")
    .values({ group_id: groupId, session_id: null, cause, at: now, cleared_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
