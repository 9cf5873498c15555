/**
 * The one file in which an account lives: its credentials, its Signal keys, who people are, what has come and is not
 * with Bellhop yet, and what was sent lately.
 *
 * - Whoever has the file has the account: it is for its owner's eyes alone (0600).
 * - A commit is on the disk before it returns (`synchronous = full`): WhatsApp is told of nothing that a power cut
 *   could take back, and no key of a conversation is used twice.
 */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** @param number of the account, from 1 */
const fileOf = (number: number) => (number === 1 ? "whatsapp.db" : `whatsapp-${number}.db`);

const SCHEMA = `
  create table if not exists creds (one integer primary key check (one = 1), value text not null) strict;
  create table if not exists keys (
    type text not null, id text not null, value text not null, primary key (type, id)
  ) strict, without rowid;
  create table if not exists people (
    native text primary key, phone text unique, lid text unique, name text
  ) strict, without rowid;
  create table if not exists spool (
    number integer primary key, chat text not null, author text not null, id text not null,
    stanza blob not null, tries integer not null default 0, unique (chat, author, id)
  ) strict;
  create table if not exists messages (
    chat text not null, id text not null, author text, text text not null, content blob, at integer not null,
    primary key (chat, id)
  ) strict, without rowid;
  create index if not exists messages_by_age on messages (at);
`;

/** How long another connection to the file is waited for, ms. */
const BUSY_MS = 2_000;

export interface Store {
  readonly db: DatabaseSync;
  /** All of it, or nothing. */
  inOne<T>(work: () => T): T;
  close(): void;
}

/**
 * @param folder the plugin's own
 * @param number of the account, from 1
 */
export function openStore(folder: string, number: number): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, fileOf(number));
  closeSync(openSync(file, "a", 0o600)); // what SQLite makes beside it has the mode of this one
  chmodSync(file, 0o600);
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  db.exec("pragma journal_mode = wal; pragma synchronous = full;");
  db.exec(SCHEMA);

  return {
    db,
    inOne(work) {
      db.exec("begin immediate");
      try {
        const result = work();
        db.exec("commit");
        return result;
      } catch (error) {
        db.exec("rollback");
        throw error;
      }
    },
    close: () => db.close(),
  };
}
