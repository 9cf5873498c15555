/** The first schema. See store/tables.ts for what the columns mean. */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE TABLE chats (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    native TEXT NOT NULL,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    title TEXT,
    next_seq INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE INDEX chats_by_group ON chats (group_id)`,
  sql`CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    scope_kind TEXT NOT NULL CHECK (scope_kind IN ('group', 'chat', 'thread', 'occurrence')),
    scope_key TEXT NOT NULL,
    engine TEXT NOT NULL,
    provider TEXT NOT NULL,
    engine_session TEXT,
    position TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    tainted INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  // One session in use per scope; what ended stays for the record.
  sql`CREATE UNIQUE INDEX sessions_in_use ON sessions (group_id, scope_kind, scope_key) WHERE ended_at IS NULL`,
  sql`CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    kind TEXT NOT NULL CHECK (kind IN ('chat', 'task', 'background')),
    state TEXT NOT NULL CHECK (state IN ('running', 'waiting', 'done', 'failed', 'cancelled')),
    attempt INTEGER NOT NULL,
    lost INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    model TEXT NOT NULL,
    retry_at INTEGER,
    failure_class TEXT,
    failure_detail TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  // One live turn per session (G6). A turn between two attempts still is the session's live one.
  sql`CREATE UNIQUE INDEX turns_live ON turns (session_id) WHERE ended_at IS NULL`,
  sql`CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    session_id TEXT REFERENCES sessions (id),
    seq INTEGER NOT NULL,
    platform_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('message', 'edit', 'delete')),
    version INTEGER NOT NULL,
    sender_id TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender_role TEXT NOT NULL CHECK (sender_role IN ('owner', 'admin', 'member', 'stranger')),
    text TEXT NOT NULL,
    reply_to TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('admitted', 'noted', 'refused')),
    reason TEXT NOT NULL,
    tainted INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'claimed', 'done', 'note')),
    turn_id TEXT REFERENCES turns (id),
    sent_at INTEGER,
    accepted_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE UNIQUE INDEX inbox_dedupe ON inbox (chat_id, platform_id, kind, version)`,
  sql`CREATE UNIQUE INDEX inbox_order ON inbox (chat_id, seq)`,
  // Only what is unfinished: stays small however long the history grows. (A query uses a partial index
  // only if it says the same condition with a literal, not with a parameter.)
  sql`CREATE INDEX inbox_waiting ON inbox (session_id, seq) WHERE state = 'waiting'`,
  sql`CREATE INDEX inbox_by_turn ON inbox (turn_id) WHERE turn_id IS NOT NULL`,
  sql`CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    turn_id TEXT REFERENCES turns (id),
    kind TEXT NOT NULL CHECK (kind IN ('text', 'notice', 'reaction')),
    seq INTEGER NOT NULL,
    text TEXT NOT NULL,
    sender_name TEXT,
    reply_to TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'retry', 'sent', 'unknown', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    platform_id TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE UNIQUE INDEX outbox_order ON outbox (chat_id, seq)`,
  sql`CREATE INDEX outbox_open ON outbox (chat_id, seq) WHERE settled_at IS NULL`,
  sql`CREATE INDEX outbox_undelivered ON outbox (state) WHERE state IN ('unknown', 'dead')`,
  sql`CREATE INDEX outbox_by_turn ON outbox (turn_id) WHERE turn_id IS NOT NULL`,
  // Whose message a platform means when somebody answers one of ours.
  sql`CREATE INDEX outbox_by_platform_id ON outbox (chat_id, platform_id) WHERE platform_id IS NOT NULL`,
  sql`CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id TEXT NOT NULL REFERENCES chats (id),
    kind TEXT NOT NULL CHECK (kind IN ('in', 'out', 'turn')),
    ref TEXT NOT NULL,
    data TEXT,
    at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE INDEX events_by_chat ON events (chat_id, id)`,
  // Full-text index over what was said. It holds no text of its own: rowid is the event, which
  // names the row that has it. `scope` is the group, so that a search never leaves it.
  sql`CREATE VIRTUAL TABLE history USING fts5 (scope, text, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2")`,
  sql`CREATE TABLE cursors (
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (channel, account)
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE TABLE usage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_id TEXT NOT NULL REFERENCES turns (id),
    session_id TEXT NOT NULL REFERENCES sessions (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    provider TEXT NOT NULL,
    model_asked TEXT NOT NULL,
    model_served TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('turn', 'compaction', 'subagent', 'background')),
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost_micros INTEGER,
    prices TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE INDEX usage_by_turn ON usage (turn_id)`,
  sql`CREATE INDEX usage_by_time ON usage (at)`,
  sql`CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('api', 'web', 'code')),
    scope TEXT NOT NULL CHECK (scope IN ('chat', 'read', 'admin')),
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
