/**
 * Brings a database up to the schema of this version (G31).
 *
 * - Migrations are numbered code, forward only. Each runs in one transaction with the row that
 *   records it, so a crash leaves the old schema or the new one.
 * - Before each one, a database that has data is copied to `backups/before-NNNN-TIME.db`; the copy is
 *   on disk and has been read back before the migration begins (G30).
 * - A schema newer than this version, or of another history, is refused and left as it is.
 * - A released migration never changes: `migrations/manifest.json` holds its hash, and a test compares.
 */
import { ConfigError } from "@bellhop/sdk";
import { type Kysely, sql } from "kysely";
import { chmod, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { quickCheck } from "./database.ts";
import type { Database } from "./tables.ts";

export interface Migration {
  /** 1, 2, 3, … without gaps. */
  readonly id: number;
  /** With the number, the name of its file: `first` of `0001-first.ts`. */
  readonly name: string;
  /** May use SQL and the schema builder only: the tables it knows are not today's `Database`. */
  up(db: Kysely<unknown>): Promise<void>;
}

export interface MigrateOptions {
  /** All of them, in order. */
  readonly migrations: readonly Migration[];
  /** Where copies go; absent for a database in memory. */
  readonly backups?: string | undefined;
  readonly clock: Clock;
}

export interface Migrated {
  /** Schema before and after; 0 is an empty database. */
  readonly from: number;
  readonly to: number;
  /** The copies that were made, oldest first. */
  readonly copies: readonly string[];
}

type History = { schema_migrations: { id: number; name: string; applied_at: number } };

/**
 * @throws ConfigError when the database is newer than this version, or a copy turns out damaged
 * @throws whatever a migration throws; the schema is then the one before it
 */
export async function migrate(database: Kysely<Database>, options: MigrateOptions): Promise<Migrated> {
  const { migrations, backups, clock } = options;
  assertNumbered(migrations);
  const db = database.withTables<History>();
  await db.schema
    .createTable("schema_migrations")
    .ifNotExists()
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("applied_at", "integer", (column) => column.notNull())
    .execute();
  const applied = await db.selectFrom("schema_migrations").selectAll().orderBy("id").execute();
  assertKnown(applied, migrations);

  const copies: string[] = [];
  for (const migration of migrations.slice(applied.length)) {
    if (migration.id > 1 && backups !== undefined) copies.push(await copy(db, backups, migration.id, clock));
    await db.transaction().execute(async (trx) => {
      await migration.up(trx as unknown as Kysely<unknown>); // hides today's tables, which it must not use
      await trx
        .insertInto("schema_migrations")
        .values({ id: migration.id, name: migration.name, applied_at: clock.now() })
        .execute();
      const { rows: dangling } = await sql`pragma foreign_key_check`.execute(trx);
      if (dangling.length > 0)
        throw new Error(`migration ${migration.id} left ${dangling.length} dangling references`);
    });
  }
  return { from: applied.length, to: migrations.length, copies };
}

/** @throws Error when our own list is wrong; a test would see it first */
function assertNumbered(migrations: readonly Migration[]): void {
  for (const [i, { id }] of migrations.entries()) {
    if (id !== i + 1) throw new Error(`migration ${id} stands where ${i + 1} should`);
  }
}

function assertKnown(
  applied: readonly { id: number; name: string }[],
  migrations: readonly Migration[],
): void {
  const last = applied.at(-1);
  if (last && last.id > migrations.length) {
    throw new ConfigError(
      `the database has schema ${last.id}; this version of Bellhop knows ${migrations.length}. ` +
        `Install the newer version again, or put back the copy that was made before it (backups/before-…). Nothing was changed.`,
    );
  }
  const stranger = applied.find(({ id, name }, i) => id !== i + 1 || migrations[i]?.name !== name);
  if (stranger) {
    throw new ConfigError(
      `the database was changed by a migration ${stranger.id} "${stranger.name}" that this version does not know. Nothing was changed.`,
    );
  }
}

/** A copy that is whole, on disk and private before it gets its name. @returns its path */
async function copy(db: Kysely<Database>, backups: string, id: number, clock: Clock): Promise<string> {
  const name = `before-${String(id).padStart(4, "0")}`;
  const partial = join(backups, `.${name}.partial`);
  const path = join(backups, `${name}-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, "-")}.db`);
  await rm(partial, { force: true }); // of a start that was killed in the middle
  await sql`vacuum into ${partial}`.execute(db);
  await chmod(partial, 0o600);
  await sync(partial);
  const problem = readBack(partial);
  if (problem !== undefined) {
    throw new ConfigError(
      `the copy ${partial} cannot be read back (${problem}); is the disk sound? The database was not migrated.`,
    );
  }
  await rename(partial, path);
  await sync(backups);
  return path;
}

function readBack(path: string): string | undefined {
  using connection = new DatabaseSync(path, { readOnly: true });
  return quickCheck(connection);
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}
