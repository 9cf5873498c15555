/**
 * Buttons, reactions of people, threads, and what was quoted of a message. See store/tables.ts for what the
 * columns mean.
 */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`ALTER TABLE inbox ADD COLUMN quote TEXT`,
  sql`ALTER TABLE chats ADD COLUMN thread_of TEXT`,
  sql`CREATE INDEX chats_by_parent ON chats (thread_of) WHERE thread_of IS NOT NULL`,
  sql`ALTER TABLE outbox ADD COLUMN with_buttons TEXT`,
  sql`CREATE TABLE buttons (
    id TEXT PRIMARY KEY,
    outbox_id TEXT NOT NULL REFERENCES outbox (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    place INTEGER NOT NULL,
    label TEXT NOT NULL,
    command TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE INDEX buttons_by_message ON buttons (outbox_id, place)`,
  sql`CREATE INDEX buttons_by_end ON buttons (expires_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
  await widenKinds(db);
  await sql`CREATE INDEX inbox_reactions ON inbox (chat_id, reply_to, sender_id) WHERE kind = 'reaction'`.execute(
    db,
  );
}

/**
 * SQLite cannot widen a CHECK, so the inbox is made anew, as it is by now but for that. What refers to its rows
 * is without them for a moment, which is allowed up to the commit: each row that comes back mends it.
 */
async function widenKinds(db: Kysely<unknown>): Promise<void> {
  const { rows: made } = await sql<{ type: string; sql: string }>`
    SELECT type, sql FROM sqlite_master WHERE tbl_name = 'inbox' AND sql IS NOT NULL`.execute(db);
  const table = made.find(({ type }) => type === "table")?.sql ?? "";
  const widened = table.replace(
    "('message', 'edit', 'delete')",
    "('message', 'edit', 'delete', 'reaction', 'button')",
  );
  if (widened === table) throw new Error("the kinds of the inbox are not where they were");
  await sql`PRAGMA defer_foreign_keys = ON`.execute(db);
  await sql`CREATE TEMPORARY TABLE inbox_kept AS SELECT * FROM main.inbox`.execute(db);
  await sql`DROP TABLE main.inbox`.execute(db);
  await sql.raw(widened).execute(db);
  await sql`INSERT INTO main.inbox SELECT * FROM inbox_kept`.execute(db);
  await sql`DROP TABLE inbox_kept`.execute(db);
  for (const { type, sql: text } of made) if (type !== "table") await sql.raw(text).execute(db);
}
