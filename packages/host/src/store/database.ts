/**
 * Opens the database file, or refuses with a sentence and leaves it as it was.
 *
 * - What is opened has been checked (`quick_check`), is ours (`application_id`), is readable by its
 *   owner alone, and syncs every commit: `synchronous` is verified after a write, because SQLite
 *   answers FULL before the first write even where it will not sync (G28).
 * - A damaged file is never touched, and no empty one ever takes its place (G29). A file that is
 *   missing although `marks` show that there was one is treated the same.
 */
import { ConfigError } from "@bellhop/sdk";
import { Kysely } from "kysely";
import { chmodSync, closeSync, fsyncSync, lstatSync, openSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { type Clock, systemClock } from "../core/clock.ts";
import { createSqliteDialect } from "./dialect.ts";
import type { Database } from "./tables.ts";

export interface OpenDatabase {
  readonly db: Kysely<Database>;
  /** Waits for what is under way, writes the journal back into the file, closes. Safe to call again. */
  readonly close: () => Promise<void>;
}

export interface DatabaseOptions {
  /**
   * Directories that stay empty until the home has had a database (`sessions/`, `backups/`). Where one
   * of them holds something, a missing or empty database file is a loss, not a first start.
   */
  readonly marks?: readonly string[];
  readonly clock?: Clock;
  /** How long a statement waits for a transaction under way. */
  readonly patienceMs?: number;
}

/** The first version whose WAL-reset race is mended (G28). */
const OLDEST_SQLITE = [3, 51, 3] as const;
/** "Bell", in the header of the file: tells our database from any other. */
const APPLICATION_ID = 0x42656c6c;
/** A wait for a lock blocks the whole event loop: at most 2 s (G28). */
const BUSY_TIMEOUT_MS = 2_000;
/** What the journal shrinks back to after a burst (fault F7). */
const JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024;
/**
 * How long the journal grows before it is written back, 16 MiB: a message is some ten pages, so SQLite's own
 * 1,000 would put the wait for it on one message in a hundred, and the larger the database, the longer.
 */
const CHECKPOINT_PAGES = 4_000;
/** Of pages that are in use: the upper ones of all indexes of a long history. */
const CACHE_KIB = 16 * 1024;

/**
 * @param path a file, or `:memory:` for tests, where reads and writes share one connection
 * @throws ConfigError when the file is damaged, missing, foreign or unreadable, or SQLite is too old
 */
export async function openDatabase(path: string, options: DatabaseOptions = {}): Promise<OpenDatabase> {
  const { marks = [], clock = systemClock, patienceMs = 30_000 } = options;
  assertSqliteVersion(process.versions.sqlite);
  const connections = path === ":memory:" ? inMemory() : onDisk(path, marks);
  const db = new Kysely<Database>({ dialect: createSqliteDialect({ ...connections, clock, patienceMs }) });
  let closed: Promise<void> | undefined;
  return {
    db,
    close: () => (closed ??= db.destroy()),
  };
}

interface Connections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
}

function inMemory(): Connections {
  const writer = new DatabaseSync(":memory:", { enableForeignKeyConstraints: true });
  return { writer, reader: writer };
}

function onDisk(path: string, marks: readonly string[]): Connections {
  const size = sizeOf(path);
  if (size === 0) {
    refuseIfLost(path, marks);
    createPrivately(path);
  } else {
    refuseIfDamaged(path);
  }
  chmodSync(path, 0o600); // SQLite gives its journal files the same mode
  const writer = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    makeDurable(writer);
    const reader = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    reader.exec("pragma query_only = on");
    return { writer, reader };
  } catch (cause) {
    writer.close();
    if (cause instanceof ConfigError) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      `${path} cannot be written (${problem}). Is the disk full or read-only, or does another program hold the file?`,
      { cause },
    );
  }
}

/**
 * @returns 0 for a file that is empty or not there
 * @throws ConfigError for what is not one plain file: locks and journals go by name, so a second name
 *   for the file would let two writers in (G28)
 */
function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isFile() || stat.nlink !== 1) {
    throw new ConfigError(
      `${path} must be a plain file with this one name, not a link; put the file itself there.`,
    );
  }
  return stat.size;
}

/** @throws ConfigError when there was a database here and it is gone (G29) */
function refuseIfLost(path: string, marks: readonly string[]): void {
  const evidence = [...marks.filter(holdsSomething), ...[`${path}-wal`].filter((file) => sizeOf(file) > 0)];
  if (evidence.length === 0) return;
  throw new ConfigError(
    `${path} is missing or empty, but ${evidence.join(" and ")} show that there was one. ` +
      `Put a copy back, or move these away too if you want to begin anew. Nothing was changed.`,
  );
}

function holdsSomething(directory: string): boolean {
  return lstatSync(directory, { throwIfNoEntry: false }) !== undefined && readdirSync(directory).length > 0;
}

/** Made here rather than by SQLite, so that it is never readable by others and its name is on disk. */
function createPrivately(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/**
 * Looks through a read-only connection, because closing a writing one would write the journal back
 * into the damaged file.
 */
function refuseIfDamaged(path: string): void {
  let problem: string | undefined;
  let cause: unknown;
  try {
    using look = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    const owner = numberOf(look, "application_id");
    if (owner !== APPLICATION_ID && owner !== 0) {
      throw new ConfigError(
        `${path} is the database of another program. Move it away, or choose another home.`,
      );
    }
    problem = quickCheck(look);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    cause = error;
    problem = error instanceof Error ? error.message : String(error);
  }
  if (problem === undefined) return;
  throw new ConfigError(
    `${path} is damaged or cannot be read (${problem}). It was left as it is: ` +
      `keep it aside and put a copy from backups/ in its place.`,
    { cause },
  );
}

/** @returns the first thing that is wrong with the file behind this connection, if anything is */
export function quickCheck(connection: DatabaseSync): string | undefined {
  const { quick_check: answer } = z
    .object({ quick_check: z.string() })
    .parse(connection.prepare("pragma quick_check(1)").get());
  return answer === "ok" ? undefined : answer;
}

function makeDurable(writer: DatabaseSync): void {
  const mode = z
    .object({ journal_mode: z.string() })
    .parse(writer.prepare("pragma journal_mode = wal").get());
  if (mode.journal_mode !== "wal") {
    throw new ConfigError(
      `the database cannot keep a write-ahead journal here (it says ${mode.journal_mode}); the home must be on a local disk.`,
    );
  }
  writer.exec(`
    pragma synchronous = full;
    pragma journal_size_limit = ${JOURNAL_LIMIT_BYTES};
    pragma wal_autocheckpoint = ${CHECKPOINT_PAGES};
    pragma cache_size = -${CACHE_KIB};
    pragma cell_size_check = on;
    begin immediate; pragma application_id = ${APPLICATION_ID}; commit;
  `);
  const synchronous = numberOf(writer, "synchronous");
  if (synchronous !== 2)
    throw new Error(`SQLite does not sync its commits: synchronous is ${synchronous}, not 2`);
}

function numberOf(connection: DatabaseSync, pragma: "application_id" | "synchronous"): number {
  return z.object({ [pragma]: z.number() }).parse(connection.prepare(`pragma ${pragma}`).get())[pragma] ?? 0;
}

/** @throws ConfigError for a version with known ways to lose data (G28) */
export function assertSqliteVersion(version: string | undefined): void {
  const parts = (version ?? "").split(".").map(Number);
  const order =
    OLDEST_SQLITE.map((wanted, i) => (parts[i] ?? 0) - wanted).find((difference) => difference !== 0) ?? 0;
  if (order >= 0) return;
  throw new ConfigError(
    `this Node brings SQLite ${version ?? "of an unknown version"}; Bellhop needs ${OLDEST_SQLITE.join(".")} or newer. ` +
      `Start it through its own command, which brings the right Node.`,
  );
}
