/**
 * Reactions of people: never answered, told along with the next message that is.
 *
 * - A person has one reaction on a message. A later one takes the place of an earlier one that no turn has
 *   been told of, so whoever presses to and fro fills nobody's context.
 * - What was taken away before anybody was told of it is not told at all.
 */
import { type Kysely, sql } from "kysely";
import type { SenderId } from "../core/ids.ts";
import type { Chat } from "./chats.ts";
import type { Database } from "./tables.ts";

interface Reaction {
  readonly chat: Pick<Chat, "id" | "context_from">;
  readonly sender: SenderId;
  /** The platform's id of the message that it is on. */
  readonly replyTo?: string | undefined;
  /** Empty: taken away. */
  readonly emoji: string;
}

/** Whether it is to be told. Only inside the transaction that stores it. */
export async function replaceReaction(
  trx: Kysely<Database>,
  { chat, sender, replyTo = "", emoji }: Reaction,
): Promise<boolean> {
  const earlier = await trx
    .selectFrom("inbox")
    .select(["id", "seq", "text", "context", "turn_id"])
    .where("chat_id", "=", chat.id)
    .where("reply_to", "=", replyTo)
    .where("sender_id", "=", sender)
    .where(sql<boolean>`kind = 'reaction'`) // literal: see the index inbox_reactions
    .orderBy("seq")
    .execute();
  const untold = earlier.filter(({ context, seq }) => context === 1 && seq >= chat.context_from);
  if (untold.length > 0)
    await trx
      .updateTable("inbox")
      .set({ context: 0 })
      .where(
        "id",
        "in",
        untold.map(({ id }) => id),
      )
      .execute();
  const told = earlier.findLast(({ turn_id }) => turn_id !== null);
  return emoji === "" ? told !== undefined && told.text !== "" : told?.text !== emoji;
}
