/**
 * Taint that sticks to folders, turns and tasks; approvals and standing grants; and the audit as a chain in
 * which nothing can be changed. See store/tables.ts for what the columns mean.
 *
 * What the audit held is chained here, in the order in which it was written. What people other than the owner
 * wrote before this version has tainted their group: its folder was writable while it was answered.
 */
import { type Kysely, sql } from "kysely";
import { createHash } from "node:crypto";

const before = [
  sql`ALTER TABLE groups ADD COLUMN tainted INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE turns ADD COLUMN tainted INTEGER NOT NULL DEFAULT 0`,
  sql`ALTER TABLE tasks ADD COLUMN tainted INTEGER NOT NULL DEFAULT 0`,
  sql`CREATE TABLE taints (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    session_id TEXT,
    cause TEXT NOT NULL,
    at INTEGER NOT NULL,
    cleared_at INTEGER
  ) STRICT`,
  sql`CREATE UNIQUE INDEX taints_open ON taints (group_id, cause) WHERE cleared_at IS NULL`,
  sql`CREATE TABLE folder_snapshots (
    group_id INTEGER PRIMARY KEY REFERENCES groups (id),
    at INTEGER NOT NULL,
    files TEXT NOT NULL
  ) STRICT`,
  sql`CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('approval', 'question')),
    hash TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    chat_id TEXT NOT NULL REFERENCES chats (id),
    effect TEXT NOT NULL,
    target TEXT NOT NULL,
    words TEXT NOT NULL,
    detail TEXT NOT NULL,
    choices TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'denied', 'used', 'expired')),
    choice TEXT,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    used_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE INDEX approvals_open ON approvals (hash, asked_at) WHERE state IN ('waiting', 'approved')`,
  sql`CREATE INDEX approvals_decided ON approvals (hash, decided_at) WHERE state = 'denied'`,
  sql`CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    task_id TEXT REFERENCES tasks (id),
    effect TEXT NOT NULL,
    target TEXT NOT NULL,
    never INTEGER NOT NULL,
    max_uses INTEGER,
    per_day INTEGER,
    ends_at INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT
  ) STRICT, WITHOUT ROWID`,
  sql`CREATE INDEX grants_in_force ON grants (group_id, effect) WHERE revoked_at IS NULL`,
  sql`CREATE TABLE grant_uses (
    id INTEGER PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES grants (id),
    turn_id TEXT NOT NULL,
    target TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT`,
  sql`CREATE INDEX grant_uses_by_grant ON grant_uses (grant_id, at)`,
  sql`CREATE TABLE chained (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    group_id INTEGER REFERENCES groups (id),
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('begun', 'done')),
    begun INTEGER,
    allowed INTEGER NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT`,
];

const after = [
  sql`DROP TABLE audit`,
  sql`ALTER TABLE chained RENAME TO audit`,
  sql`CREATE INDEX audit_by_subject ON audit (subject, id)`,
  sql`CREATE TRIGGER audit_stays_as_it_is BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END`,
  sql`CREATE TRIGGER audit_keeps_all BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END`,
  sql`UPDATE turns SET tainted = 1 WHERE id IN (SELECT turn_id FROM inbox WHERE tainted = 1 AND turn_id IS NOT NULL)`,
  sql`UPDATE sessions SET tainted = 1 WHERE id IN (SELECT session_id FROM turns WHERE tainted = 1)`,
  sql`INSERT INTO taints (group_id, session_id, cause, at)
    SELECT group_id, NULL, 'what others than the owner wrote before taint was kept', max(accepted_at)
    FROM inbox WHERE tainted = 1 GROUP BY group_id`,
  sql`UPDATE groups SET tainted = 1 WHERE id IN (SELECT group_id FROM taints)`,
  // What lay in the folders while they were clean, nobody knows any more.
  sql`INSERT INTO folder_snapshots (group_id, at, files) SELECT DISTINCT group_id, 0, '' FROM taints`,
  sql`UPDATE tasks SET tainted = 1 WHERE group_id IN (SELECT group_id FROM taints)`,
];

type Before = {
  audit: {
    id: number;
    at: number;
    actor: string;
    group_id: number | null;
    action: string;
    subject: string;
    allowed: number;
    detail: string;
  };
  chained: Before["audit"] & { phase: "done"; begun: null; hash: string };
};

const BATCH = 500;

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of before) await statement.execute(db);
  await chain(db.withTables<Before>());
  for (const statement of after) await statement.execute(db);
}

/** The same as store/audit.ts does today; a copy, because this file never changes. */
async function chain(db: Kysely<Before>): Promise<void> {
  let hash = "0".repeat(64);
  let [last, number] = [0, 0];
  for (;;) {
    const rows = await db
      .selectFrom("audit")
      .selectAll()
      .where("id", ">", last)
      .orderBy("id")
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      last = row.id;
      number += 1;
      const { at, actor, group_id, action, subject, allowed, detail } = row;
      const content = [number, at, actor, group_id, action, subject, "done", null, allowed, detail];
      hash = createHash("sha256")
        .update(`${hash}\n${JSON.stringify(content)}`)
        .digest("hex");
      await db
        .insertInto("chained")
        .values({ ...row, id: number, phase: "done", begun: null, hash })
        .execute();
    }
    if (rows.length < BATCH) return;
  }
}
