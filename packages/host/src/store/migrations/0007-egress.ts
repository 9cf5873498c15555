/** What owners have allowed and denied on the network. See store/tables.ts for what the columns mean. */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`CREATE TABLE egress_rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER REFERENCES groups (id),
    host TEXT NOT NULL,
    port INTEGER,
    methods TEXT,
    path TEXT,
    action TEXT NOT NULL CHECK (action IN ('allow', 'deny')),
    write INTEGER NOT NULL,
    pin TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
