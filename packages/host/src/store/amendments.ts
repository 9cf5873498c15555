/**
 * Amendments: what a message of ours that people have seen is to read from now on. Owed like any message (G12).
 *
 * - One is a notice of no turn that replaces a message. It goes out in the order of its chat, so behind what it
 *   changes: as an edit, or not at all where that never arrived or its channel edits nothing (outbox/deliver.ts).
 * - It is no message of its own: it is not in the timeline, and nobody is told when it is lost.
 */
import type { Kysely } from "kysely";
import type { ChatId } from "../core/ids.ts";
import { isAmendment, isOwed, owe } from "./outbox.ts";
import type { Database } from "./tables.ts";

export interface Amended {
  /** What the messages are owed under: this key, and all that begin with `below`, if there are such. */
  readonly key: string;
  readonly below?: string;
  readonly text: string;
  readonly now: number;
}

/**
 * Owes it to each of the messages, once. Only inside the transaction that makes it true.
 * @returns the chats that are owed something now
 */
export async function amend(
  trx: Kysely<Database>,
  { key, below, text, now }: Amended,
): Promise<readonly ChatId[]> {
  const exact = await trx.selectFrom("outbox").selectAll().where("key", "=", key).execute();
  const others =
    below === undefined
      ? []
      : await trx
          .selectFrom("outbox")
          .selectAll()
          .where("key", ">=", below)
          .where("key", "<", `${below}\u{10ffff}`)
          .execute();
  const chats: ChatId[] = [];
  for (const row of [...exact, ...others]) {
    const own = `${row.key}:amended`;
    if (isAmendment(row) || (await isOwed(trx, own))) continue;
    const to = { chat: row.chat_id, groupId: row.group_id, turn: undefined, now };
    await owe(trx, to, [{ key: own, kind: "notice", text, amends: row.id }]);
    chats.push(row.chat_id);
  }
  return chats;
}
