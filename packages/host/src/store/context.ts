/**
 * Context: what was said in a chat without calling the assistant. It rides along with the next message
 * that does, oldest first.
 *
 * - A row waits as context once. When a message after it is taken by a turn, it rides along with it
 *   (`turn_id`; a later attempt of the turn is shown it again) or is left out for good.
 * - Both bounds hold for what is newest; what is left out is the oldest, and how many they were is kept.
 * - What was said while the chat belonged to another group is not this group's business.
 */
import { type Kysely, sql } from "kysely";
import type { ChatId, TurnId } from "../core/ids.ts";
import type { InboxRow } from "./inbox.ts";
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
  readonly groupId: number;
  /** Only what was said after this number; 0 for all. */
  readonly afterSeq: number;
  readonly beforeSeq: number;
}

/** Both together; the first was said first. */
export function joined(first: Context, second: Context): Context {
  return { rows: [...first.rows, ...second.rows], leftOut: first.leftOut + second.leftOut };
}

export const NO_CONTEXT: Context = { rows: [], leftOut: 0 };

const BYTES_PER_TOKEN = 4;
/** Literal, because only then does SQLite use the index of what waits as context. */
const isContext = sql<boolean>`inbox.context = 1`;

/** What would ride along. */
export async function readContext(db: Kysely<Database>, span: Span, bounds: ContextBounds): Promise<Context> {
  const found = await within(db, span)
    .select(["id", sql<number>`octet_length(text)`.as("bytes")])
    .orderBy("seq", "desc")
    .limit(bounds.messages + 1)
    .execute();
  if (found.length === 0) return NO_CONTEXT;
  let tokens = 0;
  const chosen = found
    .slice(0, bounds.messages)
    .filter(({ bytes }) => (tokens += Math.ceil(bytes / BYTES_PER_TOKEN)) <= bounds.tokens)
    .map(({ id }) => id);
  const { all } = await within(db, span)
    .select((eb) => eb.fn.countAll<number>().as("all"))
    .executeTakeFirstOrThrow();
  const rows =
    chosen.length === 0
      ? []
      : await db.selectFrom("inbox").selectAll().where("id", "in", chosen).orderBy("seq").execute();
  return { rows, leftOut: all - rows.length };
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
  if (context.rows.length > 0)
    await trx
      .updateTable("inbox")
      .set({ turn_id: turn })
      .where(
        "id",
        "in",
        context.rows.map(({ id }) => id),
      )
      .execute();
  await trx
    .updateTable("inbox")
    .set({ context: 0 })
    .where("chat_id", "=", span.chat)
    .where("seq", "<", span.beforeSeq)
    .where(isContext)
    .execute();
  if (context.leftOut > 0)
    await trx
      .updateTable("turns")
      .set((eb) => ({ context_left_out: eb("context_left_out", "+", context.leftOut) }))
      .where("id", "=", turn)
      .execute();
  return context;
}

function within(db: Kysely<Database>, { chat, groupId, afterSeq, beforeSeq }: Span) {
  return db
    .selectFrom("inbox")
    .where("chat_id", "=", chat)
    .where("seq", ">", afterSeq)
    .where("seq", "<", beforeSeq)
    .where(isContext)
    .where("group_id", "=", groupId);
}
