/**
 * Tasks and their occurrences, and the record of who did what to them. See store/tables.ts for what the
 * columns mean.
 */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    prompt TEXT NOT NULL,
    script TEXT,
    gate TEXT,
    gate_failure TEXT NOT NULL CHECK (gate_failure IN ('notify', 'ignore', 'wake')),
    kind TEXT NOT NULL CHECK (kind IN ('cron', 'interval', 'once')),
    cron TEXT,
    every_ms INTEGER,
    anchor INTEGER,
    timezone TEXT NOT NULL,
    context TEXT NOT NULL CHECK (context IN ('isolated', 'group')),
    model TEXT,
    effort TEXT,
    announce INTEGER NOT NULL,
    misfire TEXT NOT NULL CHECK (misfire IN ('fire_once', 'skip', 'catch_up')),
    overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'queue_one', 'queue_all', 'cancel_other', 'allow')),
    retries INTEGER NOT NULL,
    at_most_once INTEGER NOT NULL,
    ends_at INTEGER,
    max_runs INTEGER,
    jitter_ms INTEGER NOT NULL,
    timeout_ms INTEGER,
    max_tokens INTEGER,
    max_micros INTEGER,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'done', 'cancelled')),
    note TEXT,
    next_at INTEGER,
    due_at INTEGER,
    last_at INTEGER NOT NULL,
    zone_data TEXT NOT NULL,
    fired INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // What is due next, of however many there are; the group with it, so that the line can be made fair
  // from the index alone.
  sql`CREATE INDEX tasks_due ON tasks (due_at, group_id) WHERE due_at IS NOT NULL`,
  sql`CREATE INDEX tasks_by_group ON tasks (group_id, created_at)`,
  // What status counts.
  sql`CREATE INDEX tasks_by_state ON tasks (state, failures)`,
  // Whose next time was found with other zone data, and whose mark lies in the future: asked at each start.
  sql`CREATE INDEX tasks_by_zone_data ON tasks (zone_data) WHERE kind = 'cron' AND due_at IS NOT NULL`,
  sql`CREATE INDEX tasks_by_mark ON tasks (last_at) WHERE due_at IS NOT NULL`,
  sql`CREATE TABLE occurrences (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    session_id TEXT REFERENCES sessions (id),
    scheduled_for INTEGER NOT NULL,
    manual INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'skipped', 'missed', 'cancelled')),
    reason TEXT,
    turn_id TEXT REFERENCES turns (id),
    gate_said TEXT,
    result TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  // G16: each time of a task once, whoever fires it.
  sql`CREATE UNIQUE INDEX occurrences_once ON occurrences (task_id, scheduled_for)`,
  // Whoever claims a turn takes the first of a session: a backlog must cost no more than one.
  sql`CREATE INDEX occurrences_waiting ON occurrences (session_id, created_at, scheduled_for) WHERE state = 'waiting'`,
  sql`CREATE INDEX occurrences_open ON occurrences (task_id) WHERE ended_at IS NULL`,
  sql`CREATE INDEX occurrences_by_turn ON occurrences (turn_id) WHERE turn_id IS NOT NULL`,
  sql`CREATE INDEX occurrences_ended ON occurrences (ended_at) WHERE ended_at IS NOT NULL`,
  sql`CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    group_id INTEGER REFERENCES groups (id),
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    detail TEXT NOT NULL
  ) STRICT`,
  sql`CREATE INDEX audit_by_subject ON audit (subject, id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
