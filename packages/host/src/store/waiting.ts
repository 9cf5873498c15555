/** What waits for a turn: the inbox as whoever claims a turn sees it. */
import { type Kysely, sql } from "kysely";
import type { ChatId, SessionId } from "../core/ids.ts";
import type { InboxRow } from "./inbox.ts";
import type { Database } from "./tables.ts";

/** So that one prompt stays readable; what is over waits for the next turn. */
const BATCH_MESSAGES = 50;
/** In UTF-16 units: a few long messages must not make a prompt that no model can read. */
const BATCH_LENGTH = 200_000;

/** Spelled as a literal, because only then does SQLite use the index of what waits. */
export const isWaiting = sql<boolean>`inbox.state = 'waiting'`;

export function waiting(db: Kysely<Database>, session: SessionId) {
  return db.selectFrom("inbox").where("session_id", "=", session).where(isWaiting);
}

/** The next of them in a chat, in the order they were accepted. */
export function waitingIn(db: Kysely<Database>, session: SessionId, chat: ChatId) {
  return waiting(db, session).selectAll().where("chat_id", "=", chat).orderBy("seq").limit(BATCH_MESSAGES);
}

/** As many from the beginning as make a prompt that can be read; at least one. */
export async function readable(query: { execute(): Promise<InboxRow[]> }): Promise<InboxRow[]> {
  const rows = await query.execute();
  let length = 0;
  const past = rows.findIndex(({ text }, index) => (length += text.length) > BATCH_LENGTH && index > 0);
  return past === -1 ? rows : rows.slice(0, past);
}
