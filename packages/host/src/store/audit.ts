/**
 * The record of who did what to a task, or was refused it. Rows are only ever added: what was done in the
 * transaction that did it, what was refused by itself.
 */
import type { Kysely } from "kysely";
import type { Database } from "./tables.ts";

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

/** So that nobody fills the disk by being refused. */
const DETAIL_LENGTH = 500;

export async function audit(
  trx: Kysely<Database>,
  { actor, groupId, action, subject, allowed, detail }: Audited,
  now: number,
): Promise<void> {
  await trx
    .insertInto("audit")
    .values({
      at: now,
      actor,
      group_id: groupId,
      action,
      subject,
      allowed: allowed ? 1 : 0,
      detail: detail.slice(0, DETAIL_LENGTH).toWellFormed(),
    })
    .execute();
}
