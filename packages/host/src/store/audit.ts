/**
 * The audit: who did what, or was refused it. Rows are only ever added, and each holds the hash of the one
 * before it, so that whoever changes, removes, adds or moves one breaks the chain (`verify`).
 *
 * - What is done in one transaction is written in that transaction. What is not (a tool's call, a request)
 *   is written before it begins, and its end is a row of its own that names the first: a beginning
 *   without an end was cut off.
 * - Only a cut tail cannot be seen from the rows alone: whoever keeps the hash of the newest row
 *   (`bellhop audit tail` prints it) finds that too.
 * - Secrets that are known are taken out before a row is written. Nothing is ever deleted.
 */
import { type Kysely, type Selectable, sql } from "kysely";
import { createHash } from "node:crypto";
import { setImmediate as breath } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import type { AuditTable, Database } from "./tables.ts";

export interface Audited {
  /** Who, in words. */
  readonly actor: string;
  /** Whose agent it was, or whose admin. */
  readonly groupId: number | null;
  readonly action: string;
  /** `task:ID`, or `task` where it has none. */
  readonly subject: string;
  readonly allowed: boolean;
  /** What was asked for, or why it was refused. */
  readonly detail: string;
}

export type AuditRow = Selectable<AuditTable>;

/** A row that somebody remembers: from it on, nothing may be missing before it. */
export interface Anchor {
  readonly id: number;
  readonly hash: string;
}

export type Verified =
  | { readonly ok: true; readonly rows: number; readonly head: Anchor | undefined }
  /** `id`: the first row that does not fit. */
  | { readonly ok: false; readonly id: number; readonly why: string };

/** What the first row stands on. */
const NOTHING = "0".repeat(64);
/** So that nobody fills the disk by being refused. */
const DETAIL_LENGTH = 500;
/** Rows that are read in one go: a few milliseconds of the event loop. */
const BATCH = 1_000;

/** Adds a row, in this transaction or in one of its own. Returns its number. */
export async function audit(
  trx: Kysely<Database>,
  { actor, groupId, action, subject, allowed, detail }: Audited,
  now: number,
  { phase, begun }: Pick<AuditRow, "phase" | "begun"> = { phase: "done", begun: null },
): Promise<number> {
  // The newest row is read and followed in one transaction: there is one writer (store/dialect.ts).
  if (!trx.isTransaction)
    return await trx
      .transaction()
      .execute(
        async (own) =>
          await audit(own, { actor, groupId, action, subject, allowed, detail }, now, { phase, begun }),
      );
  const newest = await headOf(trx);
  const row = {
    id: (newest?.id ?? 0) + 1,
    at: now,
    actor: actor.toWellFormed(),
    group_id: groupId,
    action,
    subject: subject.toWellFormed(),
    phase,
    begun,
    allowed: allowed ? 1 : 0,
    detail: detail.slice(0, DETAIL_LENGTH).toWellFormed(),
  };
  await trx
    .insertInto("audit")
    .values({ ...row, hash: hashOf(newest?.hash ?? NOTHING, row) })
    .execute();
  return row.id;
}

async function headOf(db: Kysely<Database>): Promise<Anchor | undefined> {
  return await db
    .selectFrom("audit")
    .select(["id", "hash"])
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
}

function hashOf(before: string, row: Omit<AuditRow, "hash">): string {
  const { id, at, actor, group_id, action, subject, phase, begun, allowed, detail } = row;
  const content = [id, at, actor, group_id, action, subject, phase, begun, allowed, detail];
  return createHash("sha256")
    .update(`${before}\n${JSON.stringify(content)}`)
    .digest("hex");
}

export type Audit = ReturnType<typeof createAudit>;

/** @param redact takes the secrets that are known out of a text */
export function createAudit(
  db: Kysely<Database>,
  { clock, redact }: { readonly clock: Clock; readonly redact: (text: string) => string },
) {
  const clean = (entry: Audited): Audited => ({
    ...entry,
    actor: redact(entry.actor),
    subject: redact(entry.subject),
    detail: redact(entry.detail),
  });

  async function page(after: number, limit: number): Promise<AuditRow[]> {
    return await db
      .selectFrom("audit")
      .selectAll()
      .where("id", ">", after)
      .orderBy("id")
      .limit(limit)
      .execute();
  }

  return {
    /** Writes it together with what it tells of, or, where that is no transaction, by itself. */
    async write(trx: Kysely<Database>, entry: Audited): Promise<void> {
      await audit(trx, clean(entry), clock.now());
    },

    /** By itself. */
    async note(entry: Audited): Promise<void> {
      await audit(db, clean(entry), clock.now());
    },

    /** Is on disk when it resolves: only then begin. Call what it gives once it is over. */
    async begin(
      entry: Omit<Audited, "allowed">,
    ): Promise<(end: Pick<Audited, "allowed" | "detail">) => Promise<void>> {
      const whole = clean({ ...entry, allowed: true });
      const id = await audit(db, whole, clock.now(), { phase: "begun", begun: null });
      return async (end) => {
        await audit(db, clean({ ...whole, ...end }), clock.now(), { phase: "done", begun: id });
      };
    },

    /** The newest, oldest of them first. */
    async tail(limit: number): Promise<{ readonly rows: readonly AuditRow[]; readonly head: Anchor | null }> {
      const rows = await db.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit).execute();
      const [newest] = rows;
      return { rows: rows.toReversed(), head: newest ? { id: newest.id, hash: newest.hash } : null };
    },

    /** What comes after this row, oldest first. */
    page,

    /** Whether every row is as it was written, and where it was written. */
    async verify(anchor?: Anchor): Promise<Verified> {
      let head: Anchor | undefined;
      for (;;) {
        const rows = await page(head?.id ?? 0, BATCH);
        for (const row of rows) {
          const expected = (head?.id ?? 0) + 1;
          if (row.id !== expected)
            return { ok: false, id: expected, why: `row ${expected} is missing; ${row.id} comes instead` };
          if (row.hash !== hashOf(head?.hash ?? NOTHING, row))
            return { ok: false, id: row.id, why: `row ${row.id} or the one before it was changed` };
          if (anchor?.id === row.id && anchor.hash !== row.hash)
            return { ok: false, id: row.id, why: `row ${row.id} is not the one whose hash was kept` };
          head = { id: row.id, hash: row.hash };
        }
        if (rows.length < BATCH) break;
        await breath();
      }
      const count = head?.id ?? 0;
      if (anchor && anchor.id > count)
        return { ok: false, id: count + 1, why: `the rows after ${count} are gone; there were ${anchor.id}` };
      // A row with a number below 1 stands before all that was read.
      const { below } = await db
        .selectFrom("audit")
        .select(sql<number>`count(*)`.as("below"))
        .where("id", "<", 1)
        .executeTakeFirstOrThrow();
      if (below > 0) return { ok: false, id: 0, why: `there is a row before the first` };
      return { ok: true, rows: count, head };
    },
  };
}
