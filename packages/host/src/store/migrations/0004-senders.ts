/**
 * Who may speak: what the owner said of senders, who waits to be let in, and what they wrote meanwhile.
 * See store/tables.ts for what the columns mean.
 */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`ALTER TABLE groups ADD COLUMN guest INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE chats ADD COLUMN standing TEXT NOT NULL DEFAULT 'open' CHECK (standing IN ('open', 'waiting', 'entering'))`,
  sql`CREATE INDEX chats_not_open ON chats (standing) WHERE standing <> 'open'`,
  sql`CREATE TABLE senders (
    id TEXT PRIMARY KEY,
    standing TEXT NOT NULL CHECK (standing IN ('owner', 'allowed', 'denied')),
    name TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE TABLE pairings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('owner', 'stranger')),
    code_hash TEXT NOT NULL,
    chat_id TEXT REFERENCES chats (id),
    sender_id TEXT,
    sender_name TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'used', 'denied', 'expired')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE UNIQUE INDEX pairings_by_code ON pairings (code_hash)`,
  // One pending per chat; and what expires next.
  sql`CREATE UNIQUE INDEX pairings_pending ON pairings (chat_id) WHERE state = 'pending' AND kind = 'stranger'`,
  sql`CREATE INDEX pairings_expire ON pairings (expires_at) WHERE state = 'pending'`,
  sql`CREATE INDEX pairings_by_chat ON pairings (chat_id, created_at)`,
  sql`CREATE TABLE code_tries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    place TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE INDEX code_tries_by_place ON code_tries (place, at)`,
  sql`CREATE TABLE held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    platform_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    inbound TEXT NOT NULL,
    held_at INTEGER NOT NULL,
    UNIQUE (chat_id, platform_id, kind, version)
  ) STRICT`,
  sql`CREATE INDEX held_by_chat ON held (chat_id, id)`,
  // What counts against how often people may call: never the owner's, and never mere context.
  sql`CREATE INDEX inbox_calls_by_sender ON inbox (sender_id, accepted_at) WHERE sender_role <> 'owner' AND (verdict = 'admitted' OR command IS NOT NULL)`,
  sql`CREATE INDEX inbox_calls_by_chat ON inbox (chat_id, accepted_at) WHERE sender_role <> 'owner' AND (verdict = 'admitted' OR command IS NOT NULL)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
