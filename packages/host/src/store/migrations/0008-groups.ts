/**
 * Groups that are made while we run, chats that were seen and belong to no group, and people who are known by
 * several ids. See store/tables.ts for what the columns mean.
 */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`ALTER TABLE groups ADD COLUMN made INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE groups ADD COLUMN chosen TEXT`,
  // A patch leaves out what is null.
  sql`UPDATE groups SET chosen = json_patch('{}', json_object('queue', queue, 'model', model))
    WHERE queue IS NOT NULL OR model IS NOT NULL`,
  sql`ALTER TABLE groups DROP COLUMN queue`,
  sql`ALTER TABLE groups DROP COLUMN model`,
  sql`CREATE TABLE seen_chats (
    id TEXT PRIMARY KEY,
    title TEXT,
    sender_id TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    messages INTEGER NOT NULL,
    last_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE TABLE person_senders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sender_id TEXT NOT NULL UNIQUE,
    person_id INTEGER NOT NULL REFERENCES people (id),
    linked_at INTEGER NOT NULL
  ) STRICT`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
