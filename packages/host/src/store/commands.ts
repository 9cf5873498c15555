/**
 * Chat commands that people have given, and what they were answered.
 *
 * - A command is a row of the inbox like any message, so a platform that delivers it twice gives it once.
 * - Its answer is owed under a key made of its id, so it is answered once, and a host that died before it
 *   did so finds it again.
 */
import { type Kysely, sql } from "kysely";
import type { Offer } from "../core/button.ts";
import type { Clock } from "../core/clock.ts";
import type { InboxId, SenderId, SessionId } from "../core/ids.ts";
import { COMMAND_KEY } from "../core/pause.ts";
import { type Chat, findChat } from "./chats.ts";
import type { InboxRow } from "./inbox.ts";
import { owe } from "./outbox.ts";
import type { Database } from "./tables.ts";

export interface Asked {
  readonly id: InboxId;
  readonly chat: Chat;
  readonly seq: number;
  readonly sender: { readonly id: SenderId; readonly name: string; readonly role: InboxRow["sender_role"] };
  readonly text: string;
  /** Id of the message that it replies to: the platform's, or ours. */
  readonly replyTo: string | undefined;
  /** The chat's conversation at the moment when the command was accepted. */
  readonly session: SessionId | undefined;
}

export type CommandStore = ReturnType<typeof createCommandStore>;

export function createCommandStore(db: Kysely<Database>, clock: Clock) {
  return {
    async find(id: InboxId): Promise<Asked> {
      const row = await db.selectFrom("inbox").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
      const chat = await findChat(db, row.chat_id);
      if (!chat) throw new Error(`the chat ${row.chat_id} is gone`);
      return {
        id,
        chat,
        seq: row.seq,
        sender: { id: row.sender_id, name: row.sender_name, role: row.sender_role },
        text: row.text,
        replyTo: row.reply_to ?? undefined,
        session: row.session_id ?? undefined,
      };
    },

    /** Given since `since` and not answered, oldest first. */
    async unanswered(since: number): Promise<InboxId[]> {
      const rows = await db
        .selectFrom("inbox")
        .select("id")
        .where(sql<boolean>`inbox.command IS NOT NULL`) // literal: see the index inbox_commands
        .where("accepted_at", ">=", since)
        .where(({ exists, not, selectFrom }) =>
          not(
            exists(
              selectFrom("outbox")
                .select("outbox.id")
                .where("outbox.key", "=", sql<string>`${COMMAND_KEY} || inbox.id`),
            ),
          ),
        )
        .orderBy("accepted_at")
        .orderBy("seq")
        .execute();
      return rows.map(({ id }) => id);
    },

    /**
     * Owes the answer to the chat of the command, in as many parts as its channel needs.
     * @param offer what may be done next, of an answer in one part
     */
    async answer({ id, chat }: Asked, parts: readonly string[], offer?: Offer): Promise<void> {
      const to = { chat: chat.id, groupId: chat.group_id, turn: undefined, now: clock.now() };
      await db.transaction().execute(
        async (trx) =>
          await owe(
            trx,
            to,
            parts.map((text, index) => ({
              key: index === 0 ? commandKey(id) : `${commandKey(id)}:${index}`,
              kind: "notice",
              text,
              replyTo: id,
              offer,
            })),
          ),
      );
    },
  };
}

/** What the answer to a command is owed under. */
export function commandKey(command: InboxId): string {
  return `${COMMAND_KEY}${command}`;
}
