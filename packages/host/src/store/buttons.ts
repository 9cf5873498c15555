/**
 * Buttons that were sent, and the chat commands that they stand for.
 *
 * - They are made by the transaction that makes their message owed, so that a press after a restart finds
 *   them. A press counts only in the chat to which they were sent, and until their time is over.
 * - Those whose time is over are forgotten when others are made; a press of one is answered like that of one
 *   that never was.
 */
import type { Kysely } from "kysely";
import { type ButtonId, newButtonId, type Offer } from "../core/button.ts";
import type { ShownButtons } from "../core/events.ts";
import type { ChatId, OutboxId } from "../core/ids.ts";
import type { Database } from "./tables.ts";

/** Only inside the transaction that makes their message owed. */
export async function offerButtons(
  trx: Kysely<Database>,
  message: { readonly id: OutboxId; readonly chat: ChatId; readonly now: number },
  { buttons, until }: Offer,
): Promise<void> {
  await trx.deleteFrom("buttons").where("expires_at", "<=", message.now).execute();
  for (const [place, { label, command }] of buttons.entries())
    await trx
      .insertInto("buttons")
      .values({
        id: newButtonId(),
        outbox_id: message.id,
        chat_id: message.chat,
        place,
        label,
        command,
        expires_at: until,
      })
      .execute();
}

/** Those of one message that may still be pressed, in their order. */
export async function buttonsOf(
  db: Kysely<Database>,
  message: OutboxId,
  now: number,
): Promise<{ readonly id: ButtonId; readonly label: string }[]> {
  return await db
    .selectFrom("buttons")
    .select(["id", "label"])
    .where("outbox_id", "=", message)
    .where("expires_at", ">", now)
    .orderBy("place")
    .execute();
}

/** Of several messages, each with the text that it reads where its buttons are shown. */
export async function buttonsByMessage(
  db: Kysely<Database>,
  instead: ReadonlyMap<OutboxId, string>,
): Promise<Map<string, ShownButtons>> {
  const rows = await db
    .selectFrom("buttons")
    .select(["id", "label", "outbox_id", "expires_at"])
    .where("outbox_id", "in", [...instead.keys()])
    .orderBy("outbox_id")
    .orderBy("place")
    .execute();
  const all = new Map<string, ShownButtons>();
  for (const { id, label, outbox_id: message, expires_at: until } of rows) {
    const buttons = [...(all.get(message)?.buttons ?? []), { id, label }];
    all.set(message, { instead: instead.get(message) ?? "", until, buttons });
  }
  return all;
}

/** The command that a press in this chat gives; undefined where the button is not known, or not any more. */
export async function commandOf(
  trx: Kysely<Database>,
  { id, chat, now }: { readonly id: ButtonId; readonly chat: ChatId; readonly now: number },
): Promise<string | undefined> {
  const row = await trx
    .selectFrom("buttons")
    .select("command")
    .where("id", "=", id)
    .where("chat_id", "=", chat)
    .where("expires_at", ">", now)
    .executeTakeFirst();
  return row?.command;
}
