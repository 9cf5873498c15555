/**
 * What conversations need beyond their first version: context that rides along, settings that people
 * change by chat commands, files, drafts that are edited into answers, and a journal of what an agent's
 * tools have done. See store/tables.ts for what the columns mean.
 */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`ALTER TABLE groups ADD COLUMN queue TEXT CHECK (queue IN ('steer', 'queue', 'interrupt'))`,
  sql`ALTER TABLE groups ADD COLUMN model TEXT`,
  sql`ALTER TABLE chats ADD COLUMN direct INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE chats ADD COLUMN context_from INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE inbox ADD COLUMN context INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE inbox ADD COLUMN non_text TEXT`,
  sql`ALTER TABLE inbox ADD COLUMN sender_bot INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE inbox ADD COLUMN engine_command INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE inbox ADD COLUMN command TEXT`,
  sql`CREATE INDEX inbox_commands ON inbox (accepted_at) WHERE command IS NOT NULL`,
  sql`CREATE INDEX inbox_context ON inbox (chat_id, seq) WHERE context = 1`,
  // What bots wrote, for their loop budget: nothing in most homes.
  sql`CREATE INDEX inbox_bots ON inbox (chat_id, verdict, accepted_at) WHERE sender_bot = 1`,
  // Whoever claims a turn asks for the oldest of a session, then for those of its chat: a backlog of
  // thousands must cost no more than one of two.
  sql`DROP INDEX inbox_waiting`,
  sql`CREATE INDEX inbox_waiting ON inbox (session_id, accepted_at, seq, chat_id) WHERE state = 'waiting'`,
  sql`CREATE INDEX inbox_waiting_in ON inbox (session_id, chat_id, seq) WHERE state = 'waiting'`,
  sql`ALTER TABLE sessions ADD COLUMN transcript_bytes INTEGER`,
  sql`ALTER TABLE sessions ADD COLUMN recap INTEGER NOT NULL DEFAULT 0`,
  sql`CREATE INDEX sessions_ended ON sessions (engine_session) WHERE ended_at IS NOT NULL`,
  sql`ALTER TABLE turns ADD COLUMN cause TEXT`,
  sql`ALTER TABLE turns ADD COLUMN held_for TEXT`,
  sql`ALTER TABLE turns ADD COLUMN context_left_out INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE turns ADD COLUMN dropped_at INTEGER`,
  // What was given up for good and nobody has looked at: `bellhop dead list`.
  sql`CREATE INDEX turns_failed ON turns (ended_at) WHERE state = 'failed' AND dropped_at IS NULL`,
  sql`CREATE TABLE files (
    id TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    inbox_id TEXT REFERENCES inbox (id),
    turn_id TEXT REFERENCES turns (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT,
    path TEXT,
    state TEXT NOT NULL CHECK (state IN ('coming', 'stored', 'stub')),
    reason TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE INDEX files_by_message ON files (inbox_id) WHERE inbox_id IS NOT NULL`,
  sql`CREATE INDEX files_coming ON files (created_at) WHERE state = 'coming'`,
  sql`CREATE INDEX files_unattached ON files (created_at) WHERE inbox_id IS NULL AND turn_id IS NULL`,
  sql`CREATE INDEX files_sent ON files (created_at) WHERE turn_id IS NOT NULL`,
  sql`CREATE INDEX files_room ON files (group_id, bytes) WHERE state = 'stored'`,
  sql`CREATE TABLE journal (
    turn_id TEXT NOT NULL REFERENCES turns (id),
    tool_use_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    input TEXT NOT NULL,
    result TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (turn_id, tool_use_id)
  ) STRICT, WITHOUT ROWID`,
  // SQLite cannot widen a CHECK, so the outbox is made anew; nothing refers to it.
  sql`CREATE TABLE outbox_2 (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    turn_id TEXT REFERENCES turns (id),
    kind TEXT NOT NULL CHECK (kind IN ('text', 'notice', 'reaction', 'file', 'draft')),
    seq INTEGER NOT NULL,
    text TEXT NOT NULL,
    file_id TEXT REFERENCES files (id),
    sender_name TEXT,
    reply_to TEXT,
    replaces TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'retry', 'sent', 'unknown', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    uncertain INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    first_sent_at INTEGER,
    platform_id TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    dropped_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  sql`INSERT INTO outbox_2 (id, key, chat_id, group_id, turn_id, kind, seq, text, sender_name, reply_to, state,
      attempts, due_at, platform_id, error, created_at, settled_at)
    SELECT id, key, chat_id, group_id, turn_id, kind, seq, text, sender_name, reply_to, state,
      attempts, due_at, platform_id, error, created_at, settled_at FROM outbox`,
  sql`DROP TABLE outbox`,
  sql`ALTER TABLE outbox_2 RENAME TO outbox`,
  sql`CREATE UNIQUE INDEX outbox_order ON outbox (chat_id, seq)`,
  sql`CREATE INDEX outbox_open ON outbox (chat_id, seq) WHERE settled_at IS NULL`,
  sql`CREATE INDEX outbox_undelivered ON outbox (state) WHERE state IN ('unknown', 'dead') AND dropped_at IS NULL`,
  sql`CREATE INDEX outbox_by_file ON outbox (file_id) WHERE file_id IS NOT NULL`,
  sql`CREATE INDEX outbox_by_turn ON outbox (turn_id) WHERE turn_id IS NOT NULL`,
  sql`CREATE INDEX outbox_by_platform_id ON outbox (chat_id, platform_id) WHERE platform_id IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
