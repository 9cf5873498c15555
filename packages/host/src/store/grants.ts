/**
 * Standing grants: what an owner has approved beforehand, for a group or one task of it, and what an owner
 * never wants to be asked again.
 *
 * - A use is counted in the transaction of what it allows; a grant whose limit is reached allows nothing.
 * - One that was revoked stays in the list, and allows nothing.
 */
import { RejectedError } from "@bellhop/sdk";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { GroupFolder, TurnId } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import { type EffectName, type Grant, GrantId, type NewGrant, newShortId } from "../core/trust.ts";
import type { Database, GrantsTable } from "./tables.ts";

export type GrantRow = Selectable<GrantsTable>;

/** What a grant is asked about. */
export interface Wanted {
  readonly groupId: number;
  readonly task: TaskId | undefined;
  readonly effect: EffectName;
  readonly target: string;
}

const DAY = 24 * 60 * 60_000;

export type Grants = ReturnType<typeof createGrants>;

export function createGrants(db: Kysely<Database>, clock: Clock) {
  const inForce = (trx: Kysely<Database>) =>
    trx
      .selectFrom("grants")
      .selectAll()
      .where(sql<boolean>`revoked_at IS NULL`) // literal: see the index grants_in_force
      .where(({ or, eb }) => or([eb("ends_at", "is", null), eb("ends_at", ">", clock.now())]));

  async function usesOf(trx: Kysely<Database>, id: GrantId): Promise<{ all: number; today: number }> {
    const since = clock.now() - DAY;
    return await trx
      .selectFrom("grant_uses")
      .select([
        (eb) => eb.fn.countAll<number>().as("all"),
        sql<number>`count(*) FILTER (WHERE at > ${since})`.as("today"),
      ])
      .where("grant_id", "=", id)
      .executeTakeFirstOrThrow();
  }

  async function hasLeft(trx: Kysely<Database>, grant: GrantRow): Promise<boolean> {
    if (grant.max_uses === null && grant.per_day === null) return true;
    const { all, today } = await usesOf(trx, grant.id);
    return all < (grant.max_uses ?? Infinity) && today < (grant.per_day ?? Infinity);
  }

  /** Those that fit, whether or not anything is left of them. */
  async function fitting(
    trx: Kysely<Database>,
    { groupId, task, effect, target }: Wanted,
  ): Promise<GrantRow[]> {
    const rows = await inForce(trx).where("group_id", "=", groupId).where("effect", "=", effect).execute();
    return rows.filter(
      (grant) => (grant.task_id === null || grant.task_id === task) && matches(grant.target, target),
    );
  }

  return {
    fitting: (wanted: Wanted): Promise<GrantRow[]> => fitting(db, wanted),

    /** One that refuses, before any that allows; of those, one that has something left. */
    async find(wanted: Wanted): Promise<GrantRow | undefined> {
      const all = await fitting(db, wanted);
      const never = all.find((grant) => grant.never === 1);
      if (never) return never;
      for (const grant of all) if (await hasLeft(db, grant)) return grant;
      return undefined;
    },

    /**
     * Counts one use. Only inside the transaction of what it allows.
     * @throws RejectedError when nothing is left of it, or it was revoked
     */
    async use(trx: Kysely<Database>, id: GrantId, turn: TurnId, target: string): Promise<void> {
      const grant = await inForce(trx).where("id", "=", id).executeTakeFirst();
      if (!grant || !(await hasLeft(trx, grant)))
        throw new RejectedError(`Nothing is left of the grant ${id}, or it was revoked.`);
      await trx
        .insertInto("grant_uses")
        .values({ grant_id: id, turn_id: turn, target, at: clock.now() })
        .execute();
    },

    /** @throws RejectedError where there is no such group, or no such task of it */
    async add(
      trx: Kysely<Database>,
      { group, task, effect, target, maxUses, perDay, endsAt }: NewGrant,
      { by, never = false }: { readonly by: string; readonly never?: boolean },
    ): Promise<{ readonly id: GrantId; readonly groupId: number }> {
      const row = await trx.selectFrom("groups").select("id").where("folder", "=", group).executeTakeFirst();
      if (!row) throw new RejectedError(`There is no group ${group}.`);
      if (task !== undefined) {
        const its = await trx
          .selectFrom("tasks")
          .select("group_id")
          .where("id", "=", task)
          .executeTakeFirst();
        if (its?.group_id !== row.id) throw new RejectedError(`The group ${group} has no task ${task}.`);
      }
      const id = newShortId(GrantId);
      await trx
        .insertInto("grants")
        .values({
          id,
          group_id: row.id,
          task_id: task ?? null,
          effect,
          target,
          never: never ? 1 : 0,
          max_uses: maxUses ?? null,
          per_day: perDay ?? null,
          ends_at: endsAt ?? null,
          created_at: clock.now(),
          created_by: by,
          revoked_at: null,
          revoked_by: null,
        })
        .execute();
      return { id, groupId: row.id };
    },

    /** Its group; undefined where there is none that is in force. */
    async revoke(trx: Kysely<Database>, id: GrantId, by: string): Promise<number | undefined> {
      const row = await trx
        .updateTable("grants")
        .set({ revoked_at: clock.now(), revoked_by: by })
        .where("id", "=", id)
        .where("revoked_at", "is", null)
        .returning("group_id")
        .executeTakeFirst();
      return row?.group_id;
    },

    /** Oldest first; with `all` also those that were revoked or have ended. */
    async list({ group, all }: { group?: GroupFolder | undefined; all: boolean }): Promise<Grant[]> {
      const now = clock.now();
      const rows = await db
        .selectFrom("grants")
        .innerJoin("groups", "groups.id", "grants.group_id")
        .selectAll("grants")
        .select("groups.folder")
        .orderBy("grants.created_at")
        .execute();
      const shown = rows.filter(
        (row) =>
          (group === undefined || row.folder === group) &&
          (all || (row.revoked_at === null && (row.ends_at ?? Infinity) > now)),
      );
      const grants: Grant[] = [];
      for (const row of shown) {
        const uses = await usesOf(db, row.id);
        grants.push({
          id: row.id,
          group: row.folder,
          task: row.task_id,
          effect: row.effect,
          target: row.target,
          never: row.never === 1,
          maxUses: row.max_uses,
          perDay: row.per_day,
          endsAt: row.ends_at,
          uses: uses.all,
          usesToday: uses.today,
          createdAt: row.created_at,
          createdBy: row.created_by,
          revokedAt: row.revoked_at,
        });
      }
      return grants;
    },
  };
}

/** The whole target, `*` standing for anything; in time that does not depend on how it is written. */
export function matches(pattern: string, target: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === target;
  const last = rest.pop() ?? "";
  if (!target.startsWith(first) || target.length < first.length + last.length || !target.endsWith(last))
    return false;
  let at = first.length;
  const end = target.length - last.length;
  for (const piece of rest) {
    const found = target.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
