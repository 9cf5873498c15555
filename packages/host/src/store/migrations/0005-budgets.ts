/** Who a call of a model was made for, beside its turn; and budgets that an owner has lifted for a while. */
import { type Kysely, sql } from "kysely";

const statements = [
  sql`ALTER TABLE usage ADD COLUMN sender_id TEXT`,
  sql`ALTER TABLE usage ADD COLUMN task_id TEXT REFERENCES tasks (id)`,
  sql`UPDATE usage SET
    task_id = (SELECT task_id FROM occurrences WHERE occurrences.turn_id = usage.turn_id LIMIT 1),
    sender_id = (SELECT sender_id FROM inbox WHERE inbox.turn_id = usage.turn_id AND inbox.state = 'done' ORDER BY seq LIMIT 1)`,
  sql`UPDATE usage SET sender_id = NULL WHERE task_id IS NOT NULL`,
  // What a group has used lately, without reading what the others have.
  sql`CREATE INDEX usage_by_group ON usage (group_id, at)`,
  sql`CREATE TABLE budget_lifts (
    budget TEXT NOT NULL,
    period TEXT NOT NULL,
    micros INTEGER,
    tokens INTEGER,
    until INTEGER NOT NULL,
    PRIMARY KEY (budget, period)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
