/**
 * Who has written to a number, and when last: WhatsApp lets an answer through for a day from then on, and does not say
 * whether it still does.
 *
 * - It outlives a restart, and only ever grows: what comes again or late takes nothing back.
 * - A person stays who they were when they first wrote, whether they hide their number later or show it: WhatsApp names
 *   the id that they have with us (`user_id`) in any case.
 */
import { DatabaseSync } from "node:sqlite";

const DAY_MS = 24 * 60 * 60_000;
/** What is sent at the last moment arrives after it. */
const MARGIN_MS = 60_000;

export type People = ReturnType<typeof openPeople>;

/** @param file its database; `:memory:` for none */
export function openPeople(file: string) {
  const db = new DatabaseSync(file);
  db.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS people (
      account TEXT NOT NULL,
      person TEXT NOT NULL,
      user_id TEXT,
      heard_at INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (account, person)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS people_by_user ON people (account, user_id);
  `);
  const byUser = db.prepare("SELECT person FROM people WHERE account = ? AND user_id = ?");
  const heardAt = db.prepare("SELECT heard_at FROM people WHERE account = ? AND person = ?");
  const hear = db.prepare(`
    INSERT INTO people (account, person, user_id, heard_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (account, person) DO UPDATE SET
      user_id = coalesce(excluded.user_id, user_id),
      heard_at = max(heard_at, excluded.heard_at)
  `);
  const shut = db.prepare("UPDATE people SET heard_at = 0 WHERE account = ? AND person = ?");

  return {
    /** Those of one number. */
    of(account: string) {
      return {
        /** Who they were when they first wrote, and if they never did: their number, or else their id with us. */
        who(phone: string | undefined, userId: string | undefined): string | undefined {
          const known = userId === undefined ? undefined : byUser.get(account, userId)?.["person"];
          return typeof known === "string" ? known : (phone ?? userId);
        },
        /** @param at when they wrote, ms since 1970 */
        heard(person: string, userId: string | undefined, at: number): void {
          hear.run(account, person, userId ?? null, at);
        },
        /** WhatsApp says that the day is over, whatever we believe. */
        shut(person: string): void {
          shut.run(account, person);
        },
        mayBeAnswered(person: string, now: number): boolean {
          const at = heardAt.get(account, person)?.["heard_at"];
          return typeof at === "number" && now < at + DAY_MS - MARGIN_MS;
        },
      };
    },
    close: () => db.close(),
  };
}
