/**
 * What is due is written in wall-clock time. When that clock is set back, a wait of seconds would become
 * one of hours, so what is due moves back with it. (Set forward, things are merely due sooner: a machine
 * that slept should go on at once.)
 */
import type { Kysely } from "kysely";
import type { Database } from "./tables.ts";

export async function setBack(db: Kysely<Database>, byMs: number): Promise<void> {
  const by = Math.ceil(byMs);
  await db.transaction().execute(async (trx) => {
    await trx
      .updateTable("turns")
      .set((eb) => ({ retry_at: eb("retry_at", "-", by) }))
      .where("ended_at", "is", null)
      .where("retry_at", "is not", null)
      .execute();
    await trx
      .updateTable("outbox")
      .set((eb) => ({ due_at: eb("due_at", "-", by) }))
      .where("settled_at", "is", null)
      .execute();
  });
}
