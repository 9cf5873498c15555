/** What plugins made of messages, and what they keep. See store/tables.ts for what the columns mean. */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`ALTER TABLE inbox ADD COLUMN hooks TEXT CHECK (hooks IN ('waiting', 'held', 'done', 'dropped'))`,
  sql`ALTER TABLE inbox ADD COLUMN hooked TEXT`,
  sql`ALTER TABLE inbox ADD COLUMN written TEXT`,
  sql`CREATE INDEX inbox_hooks ON inbox (chat_id, seq) WHERE hooks IN ('waiting', 'held')`,
  sql`ALTER TABLE outbox ADD COLUMN hooked TEXT`,
  sql`CREATE TABLE plugin_state (
    plugin TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (plugin, key)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
