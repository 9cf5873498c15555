/** Words that their sender has only handed on. See store/tables.ts for what the column means. */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE inbox ADD COLUMN forwarded TEXT`.execute(db);
}
