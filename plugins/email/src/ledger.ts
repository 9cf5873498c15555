/**
 * What answering a mail takes, and no platform keeps for us: of each thread its subject and the ids that a client puts
 * it together by; which thread a mail is of; and since when the account is listened to. A file of the plugin's own.
 *
 * - It holds no text of a mail but its subject, and nothing that was not noted already is owed because of it: without
 *   the file answers still go out, as mails of their own.
 * - It is bounded: the oldest go first.
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { rootOf } from "./message-id.ts";

const MOST_THREADS = 10_000;
const MOST_MAILS = 50_000;
/** The first, and those that came last: what stands in References. */
const MOST_REFERENCES = 20;

export interface Thread {
  /** Without `Re:`. */
  readonly subject: string;
  /** Ids of its mails, the oldest first; the last is what an answer answers. */
  readonly references: readonly string[];
}

export interface Mailed {
  /** Whose threads are looked in: nobody's mail gets into the thread of another. */
  readonly correspondent: string;
  readonly id: string;
  /** What it says to follow, the oldest first. */
  readonly references: readonly string[];
  readonly subject: string;
  /** The chat in which it is, where that is known. */
  readonly chat?: string | undefined;
}

export interface Ledger {
  /** Notes a mail, in or out. @returns the chat that it is in */
  note(mail: Mailed): string;
  thread(chat: string): Thread | undefined;
  /** When the account was listened to for the first time, ms since 1970: `now` if that is this time. */
  since(now: number): number;
  close(): void;
}

const Row = z.object({ subject: z.string(), refs: z.string() });
const Ids = z.array(z.string());

/** @param path of a file that is made where there is none, or `:memory:` */
export function openLedger(path: string): Ledger {
  const db = new DatabaseSync(path);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS threads (n INTEGER PRIMARY KEY AUTOINCREMENT, chat TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, refs TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS mails (n INTEGER PRIMARY KEY AUTOINCREMENT, correspondent TEXT NOT NULL, id TEXT NOT NULL, chat TEXT NOT NULL, UNIQUE (correspondent, id));
    CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  `);
  const chatOf = db.prepare("SELECT chat FROM mails WHERE correspondent = ? AND id = ?");
  const threadOf = db.prepare("SELECT subject, refs FROM threads WHERE chat = ?");
  const putMail = db.prepare("INSERT OR IGNORE INTO mails (correspondent, id, chat) VALUES (?, ?, ?)");
  const putThread = db.prepare("INSERT OR REPLACE INTO threads (chat, subject, refs) VALUES (?, ?, ?)");
  const dropMails = db.prepare("DELETE FROM mails WHERE n <= (SELECT max(n) FROM mails) - ?");
  const dropThreads = db.prepare("DELETE FROM threads WHERE n <= (SELECT max(n) FROM threads) - ?");
  const putFact = db.prepare("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)");
  const fact = db.prepare("SELECT value FROM facts WHERE name = ?");

  function known(correspondent: string, ids: readonly string[]): string | undefined {
    for (const id of ids) {
      const row = chatOf.get(correspondent, id);
      if (row) return String(row["chat"]);
    }
    return undefined;
  }

  function thread(chat: string): Thread | undefined {
    const row = Row.optional().parse(threadOf.get(chat));
    return row && { subject: row.subject, references: Ids.parse(JSON.parse(row.refs)) };
  }

  return {
    thread,

    note({ correspondent, id, references, subject, chat: given }) {
      const first = references[0] ?? id;
      const chat = given ?? known(correspondent, [id, ...references]) ?? `${correspondent}:${rootOf(first)}`;
      const before = thread(chat);
      const ids = [...new Set([...(before?.references ?? references), ...references])].filter(
        (one) => one !== id,
      );
      const kept = [...ids.slice(0, 1), ...ids.slice(1).slice(2 - MOST_REFERENCES), id];
      putThread.run(chat, before?.subject ?? subject, JSON.stringify(kept));
      putMail.run(correspondent, id, chat);
      dropMails.run(MOST_MAILS);
      dropThreads.run(MOST_THREADS);
      return chat;
    },

    since(now) {
      putFact.run("since", String(now));
      return Number(fact.get("since")?.["value"] ?? now);
    },

    close: () => db.close(),
  };
}
