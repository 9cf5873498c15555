/**
 * Context: what was said in a chat without calling the assistant. It rides along with the next message
 * that does, oldest first.
 *
 * - A row waits as context once. When a message after it is taken by a turn, it rides along with it
 *   (`turn_id`; a later attempt of the turn is shown it again) or is left out for good.
 * - Up to where a chat's context was given away or left out stands in the chat (`context_from`): to mark
 *   each row that is left out would take long in a chat that talks much and calls seldom.
 * - Both bounds hold for what is newest; what is left out is the oldest, and how many they were is kept.
 */
import { type Kysely, sql } from "kysely";
import type { ChatId, TurnId } from "../core/ids.ts";
import type { InboxRow } from "./inbox.ts";
import { tokensIn } from "../core/tokens.ts";
import type { Database } from "./tables.ts";

export interface ContextBounds {
  readonly messages: number;
  /** Estimated: four bytes of UTF-8 to a token, which errs to the safe side for most languages. */
  readonly tokens: number;
}

export interface Context {
  /** Oldest first. */
  readonly rows: readonly InboxRow[];
  readonly leftOut: number;
}

export interface Span {
  readonly chat: ChatId;
  /** Only what was said after this number; 0 for all. */
  readonly afterSeq: number;
  readonly beforeSeq: number;
}

/** Both together; the first was said first. */
export function joined(first: Context, second: Context): Context {
  return { rows: [...first.rows, ...second.rows], leftOut: first.leftOut + second.leftOut };
}

export const NO_CONTEXT: Context = { rows: [], leftOut: 0 };

/** Literal, because only then does SQLite use the index of what waits as context. */
const isContext = sql<boolean>`inbox.context = 1`;

/** What would ride along. */
export async function readContext(db: Kysely<Database>, span: Span, bounds: ContextBounds): Promise<Context> {
  const { context_from: from } = await db
    .selectFrom("chats")
    .select("context_from")
    .where("id", "=", span.chat)
    .executeTakeFirstOrThrow();
  const all = { ...span, afterSeq: Math.max(span.afterSeq, from - 1) };
  const newest = await within(db, all)
    .select(["id", sql<number>`octet_length(text)`.as("bytes")])
    .orderBy("seq", "desc")
    .limit(Math.max(1, bounds.messages))
    .execute();
  if (newest.length === 0) return NO_CONTEXT;
  const { count } = await within(db, all)
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  let tokens = 0;
  const chosen = newest
    .slice(0, bounds.messages)
    .filter(({ bytes }) => (tokens += tokensIn(bytes)) <= bounds.tokens)
    .map(({ id }) => id);
  const rows =
    chosen.length === 0
      ? []
      : await db.selectFrom("inbox").selectAll().where("id", "in", chosen).orderBy("seq").execute();
  return { rows, leftOut: count - rows.length };
}

/** Gives it to the turn. Only inside the transaction that gives the turn the message it rides along with. */
export async function takeContext(
  trx: Kysely<Database>,
  turn: TurnId,
  span: Omit<Span, "afterSeq">,
  bounds: ContextBounds,
): Promise<Context> {
  const context = await readContext(trx, { ...span, afterSeq: 0 }, bounds);
  if (context === NO_CONTEXT) return context; // mostly, and this is on the way to an answer
  const ids = context.rows.map(({ id }) => id);
  if (ids.length > 0)
    await trx.updateTable("inbox").set({ turn_id: turn, context: 0 }).where("id", "in", ids).execute();
  await trx.updateTable("chats").set({ context_from: span.beforeSeq }).where("id", "=", span.chat).execute();
  if (context.leftOut > 0)
    await trx
      .updateTable("turns")
      .set((eb) => ({ context_left_out: eb("context_left_out", "+", context.leftOut) }))
      .where("id", "=", turn)
      .execute();
  return context;
}

function within(db: Kysely<Database>, { chat, afterSeq, beforeSeq }: Span) {
  return db
    .selectFrom("inbox")
    .where("chat_id", "=", chat)
    .where("seq", ">", afterSeq)
    .where("seq", "<", beforeSeq)
    .where(isContext);
}
