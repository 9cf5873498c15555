/**
 * Kysely on `node:sqlite`, as G28 wants it.
 *
 * - One connection writes, and a FIFO mutex guards it: a transaction holds it from BEGIN IMMEDIATE to
 *   its end, a writing statement outside a transaction for that statement alone.
 * - Transactions that wait for each other share a commit (docs/decisions/shared-commits.md): what costs is
 *   the sync. One that is done while others wait lets the next one go on from where it ended, behind a
 *   savepoint, and is told that it is committed when all of them are. One that fails takes back its own
 *   work alone; a commit that fails fails for all.
 * - A SELECT outside a transaction runs on a second, `query_only` connection and waits for nobody. It
 *   sees what was committed. Where both are one connection (in memory) it takes its turn instead, so
 *   that it never sees half a transaction.
 * - Inside a transaction use the transaction's own handle: a statement that goes past it would wait
 *   for itself, and fails with a sentence after `patienceMs`.
 * - Integers are plain numbers; reading one beyond 2^53 throws instead of rounding.
 */
import { ConfigError, TemporaryError } from "@bellhop/sdk";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { failpoint } from "../core/failpoint.ts";

export interface SqliteConnections {
  readonly writer: DatabaseSync;
  /** May be the writer itself. */
  readonly reader: DatabaseSync;
  readonly clock: Clock;
  /** How long a statement waits for a transaction under way to end. */
  readonly patienceMs: number;
}

export function createSqliteDialect(connections: SqliteConnections): Dialect {
  return {
    createAdapter: () => new TwoConnectionsAdapter(),
    createDriver: () => createDriver(connections),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class TwoConnectionsAdapter extends SqliteAdapter {
  /** Kysely would otherwise put a lock of its own around every statement, reads included. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** A lease of the database: what Kysely holds for one statement or one transaction. */
interface Lease extends DatabaseConnection {
  begin(): Promise<void>;
  /** Resolves when it is on disk. */
  commit(): Promise<void>;
  /** Safe to call when SQLite has rolled back by itself (a full disk), or when nothing was begun. */
  rollback(): void;
}

/** So that the first of them does not wait long for the last: a few tens of milliseconds. */
const MOST_SHARED = 64;

function createDriver({ writer, reader, clock, patienceMs }: SqliteConnections): Driver {
  const write = createStatements(writer);
  const read = reader === writer ? write : createStatements(reader);
  const turn = createMutex(clock, patienceMs);
  const waitOnce = createLockPatience(writer);
  const leases = new WeakMap<DatabaseConnection, Lease>();
  /** Transactions whose work is done and that wait for the commit that they share. */
  let done: PromiseWithResolvers<void>[] = [];
  /** The last commit was shared: more may be on their way, and are waited for a moment. */
  let busy = false;

  /** Commits what is done. Only for whoever holds the turn. Never throws: those whose work it was are told. */
  function settle(): void {
    const shared = done;
    done = [];
    if (shared.length === 0) return;
    busy = shared.length > 1;
    try {
      if (!writer.isTransaction)
        throw new TemporaryError("SQLite has rolled back all transactions of this commit");
      failpoint("db.commit");
      guard(() => writer.exec("commit"));
      failpoint("db.committed");
      for (const one of shared) one.resolve();
    } catch (error) {
      const why = takenBack(error);
      for (const one of shared) one.reject(why);
    }
  }

  /** What failed is rolled back. Says why it failed, and whether that failed too. */
  function takenBack(why: unknown): unknown {
    try {
      if (writer.isTransaction) guard(() => writer.exec("rollback"));
      return why;
    } catch (error) {
      return new AggregateError([why, error], "neither the commit nor its rollback was possible");
    }
  }

  /** Leaves the turn to whoever waits; to share the commit, as long as it does not grow too large. */
  function pass(): void {
    const full = !writer.isTransaction || done.length >= MOST_SHARED;
    // What has reached this process by now comes to the turn before the immediate does.
    if (busy && !full && done.length > 0 && !turn.wanted()) setImmediate(leave);
    else leave(full);
  }

  function leave(full = false): void {
    try {
      if (full || !turn.wanted()) settle();
    } finally {
      turn.leave();
    }
  }

  function createLease(): Lease {
    let begun = false;
    /** It goes on from where another one ended, in the same transaction of SQLite's. */
    let joined = false;

    async function place(query: CompiledQuery): Promise<{ statements: Statements; leave: () => void }> {
      if (begun) {
        // After an automatic rollback the next statement would commit by itself, outside any transaction.
        if (!writer.isTransaction) throw new Error("SQLite has rolled this transaction back");
        return { statements: write, leave: () => undefined };
      }
      if (reader !== writer && onlyReads(query)) return { statements: read, leave: () => undefined };
      await turn.enter();
      settle(); // it commits by itself, and some statements (VACUUM, PRAGMA) can run in no transaction
      return { statements: write, leave: () => turn.leave() };
    }

    return {
      async executeQuery<R>(query: CompiledQuery) {
        const { statements, leave } = await place(query);
        failpoint("db.statement");
        try {
          return statements === write && !begun
            ? waitOnce(() => statements.run<R>(query))
            : statements.run<R>(query);
        } finally {
          leave();
        }
      },
      async *streamQuery<R>(query: CompiledQuery) {
        const { statements, leave } = await place(query);
        try {
          yield* statements.stream<R>(query);
        } finally {
          leave();
        }
      },
      async begin() {
        await turn.enter();
        try {
          joined = writer.isTransaction;
          if (joined) guard(() => writer.exec("savepoint joined"));
          else waitOnce(() => guard(() => writer.exec("begin immediate")));
          begun = true;
        } catch (error) {
          pass();
          throw error;
        }
      },
      async commit() {
        if (joined) guard(() => writer.exec("release joined"));
        begun = false;
        const mine = Promise.withResolvers<void>();
        done.push(mine);
        pass();
        await mine.promise;
      },
      rollback() {
        if (!begun) return;
        begun = false;
        try {
          if (writer.isTransaction)
            guard(() => writer.exec(joined ? "rollback to joined; release joined" : "rollback"));
        } finally {
          pass();
        }
      },
    };
  }

  function leaseOf(connection: DatabaseConnection): Lease {
    const lease = leases.get(connection);
    if (!lease) throw new Error("this connection is not of this database");
    return lease;
  }

  return {
    async init() {},
    async acquireConnection() {
      const lease = createLease();
      leases.set(lease, lease);
      return lease;
    },
    beginTransaction: (connection) => leaseOf(connection).begin(),
    commitTransaction: async (connection) => leaseOf(connection).commit(),
    rollbackTransaction: async (connection) => leaseOf(connection).rollback(),
    releaseConnection: async (connection) => leaseOf(connection).rollback(),
    async destroy() {
      await turn.enter(); // what is under way ends first, and nothing comes after
      settle();
      if (reader !== writer) reader.close();
      writer.close(); // the last connection to close writes the journal back into the file
    },
  };
}

/** SQLite has no SELECT that writes; of anything else we cannot tell without a parser. */
function onlyReads({ query, sql }: CompiledQuery): boolean {
  return SelectQueryNode.is(query) || /^\s*select\b/i.test(sql);
}

interface Statements {
  run<R>(query: CompiledQuery): QueryResult<R>;
  stream<R>(query: CompiledQuery): Iterable<QueryResult<R>>;
}

/** Enough for every query of the code with room for lists of varying length. */
const CACHED_STATEMENTS = 256;

function createStatements(connection: DatabaseSync): Statements {
  /** In order of last use, because a Map keeps the order in which keys were set. */
  const cache = new Map<string, { statement: StatementSync; answers: boolean }>();

  function prepared(sql: string) {
    const cached = cache.get(sql);
    const entry = cached ?? prepare(sql);
    cache.delete(sql);
    cache.set(sql, entry);
    const [oldest] = cache.keys();
    if (cache.size > CACHED_STATEMENTS && oldest !== undefined) cache.delete(oldest);
    return entry;
  }

  function prepare(sql: string) {
    const statement = connection.prepare(sql);
    return { statement, answers: statement.columns().length > 0 };
  }

  return {
    run<R>({ sql, parameters, query }: CompiledQuery): QueryResult<R> {
      return guard(() => {
        const { statement, answers } = prepared(sql);
        const values = parameters.map(bindable);
        if (!answers) {
          const { changes, lastInsertRowid } = statement.run(...values);
          return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
        }
        const rows = rowsOf<R>(statement.all(...values));
        return SelectQueryNode.is(query) ? { rows } : { rows, numAffectedRows: BigInt(rows.length) };
      });
    },
    *stream<R>({ sql, parameters }: CompiledQuery): Iterable<QueryResult<R>> {
      // A statement of its own: a cached one would be reset by the same query run in between.
      const rows = guard(() => connection.prepare(sql).iterate(...parameters.map(bindable)));
      for (const row of rows) yield { rows: rowsOf<R>([row]) };
    },
  };
}

/** Kysely says what the rows of its query are; nobody else can. */
function rowsOf<R>(rows: readonly unknown[]): R[] {
  return rows as R[];
}

/** @throws TypeError for a value SQLite has no type for */
function bindable(value: unknown): SQLInputValue {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  if (value === null || value instanceof Uint8Array) return value;
  throw new TypeError(
    `SQLite cannot store ${value instanceof Date ? "a Date" : `a value of type ${typeof value}`}`,
  );
}

/** Another process writes just now. */
class HeldError extends TemporaryError {}

/**
 * Each wait for a lock blocks the whole process (G28), so one that has outlasted a wait is not waited
 * for again until it is gone: many who want to write would block it one after the other.
 */
function createLockPatience(writer: DatabaseSync) {
  const { timeout } = z.object({ timeout: z.int() }).parse(writer.prepare("pragma busy_timeout").get());
  let held = false;

  function setHeld(now: boolean): void {
    if (now !== held) writer.exec(`pragma busy_timeout = ${now ? 0 : timeout}`);
    held = now;
  }

  return function waitOnce<T>(work: () => T): T {
    try {
      const result = work();
      setHeld(false);
      return result;
    } catch (error) {
      if (error instanceof HeldError) setHeld(true);
      throw error;
    }
  };
}

const SqliteError = z.object({ code: z.literal("ERR_SQLITE_ERROR"), errcode: z.int(), message: z.string() });

/** Sorts SQLite's errors by what the caller should do; constraint and syntax errors pass unchanged. */
function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const parsed = SqliteError.safeParse(cause);
    if (!parsed.success) throw cause;
    switch (parsed.data.errcode & 0xff) {
      case 5: // SQLITE_BUSY
      case 6: // SQLITE_LOCKED
        throw new HeldError("the database is held by another process", { cause });
      case 13: // SQLITE_FULL
        throw new TemporaryError("the disk is full: the database could not be written", { cause });
      case 11: // SQLITE_CORRUPT
      case 26: // SQLITE_NOTADB
        throw new ConfigError(`the database is damaged (${parsed.data.message})`, { cause });
      default:
        throw cause;
    }
  }
}

/** First come, first served. */
function createMutex(clock: Clock, patienceMs: number) {
  const waiting: (() => void)[] = [];
  let held = false;
  return {
    /** Whether somebody waits for it. */
    wanted: (): boolean => waiting.length > 0,

    /** @throws TemporaryError when `patienceMs` went by */
    async enter(): Promise<void> {
      if (!held) {
        held = true;
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const come = () => {
          cancel();
          resolve();
        };
        const cancel = clock.after(patienceMs, () => {
          waiting.splice(waiting.indexOf(come), 1);
          reject(
            new TemporaryError(
              `a transaction has held the database for over ${patienceMs} ms; does it wait for a statement that does not go through it?`,
            ),
          );
        });
        waiting.push(come);
      });
    },
    leave(): void {
      const next = waiting.shift();
      if (next) next();
      else held = false;
    },
  };
}
