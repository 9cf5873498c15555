/**
 * Messages that wait until plugins have looked at them.
 *
 * - Such a message is on disk and was acknowledged (G1). It is no turn's yet, and no context; and what
 *   comes after it in its chat waits behind it, so that nobody reads the chat in another order than it was
 *   written in.
 * - What the plugins made of it is written in one transaction, which ends the waiting. It holds only for the
 *   text that they saw: one that was edited or deleted meanwhile is looked at again, or not at all.
 * - A message that a plugin holds keeps its deadline on disk.
 */
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { type Hooked, hookedOf } from "../core/hooked.ts";
import { chatAddress, type ChatId, type GroupFolder, type InboxId, type SessionId } from "../core/ids.ts";
import type { InboxRow, RouteOf } from "./inbox.ts";
import { owe } from "./outbox.ts";
import { sessionInUse } from "./sessions.ts";
import type { Database } from "./tables.ts";
import { anyChat } from "./waiting-chats.ts";

/** Spelled as a literal, because only then does SQLite use its index. */
export const isBeforeHooks = sql<boolean>`inbox.hooks IN ('waiting', 'held')`;

export interface HookedMessage {
  readonly row: InboxRow;
  readonly group: GroupFolder;
  readonly hooked: Hooked;
}

export interface Released {
  /** Whose turn answers it; none where it is context. */
  readonly session: SessionId | undefined;
}

export type HookedInbox = ReturnType<typeof createHookedInbox>;

export function createHookedInbox(db: Kysely<Database>, clock: Clock, routeOf: RouteOf) {
  function messages() {
    return db
      .selectFrom("inbox")
      .innerJoin("groups", "groups.id", "inbox.group_id")
      .selectAll("inbox")
      .select("groups.folder");
  }

  function toMessage({ folder, ...row }: InboxRow & { folder: GroupFolder }): HookedMessage {
    return { row, group: folder, hooked: hookedOf(row.hooked) };
  }

  /** Whether it is still as it was seen. */
  async function change(
    trx: Kysely<Database>,
    { id, text }: Pick<InboxRow, "id" | "text">,
    to: Partial<
      Pick<InboxRow, "hooks" | "hooked" | "text" | "written" | "state" | "context" | "session_id">
    > &
      Partial<Pick<InboxRow, "verdict" | "reason">>,
  ): Promise<boolean> {
    const { numUpdatedRows } = await trx
      .updateTable("inbox")
      .set(to)
      .where("id", "=", id)
      .where("text", "=", text)
      .where(isBeforeHooks)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  return {
    /** The first message of the chat that waits for plugins. */
    async next(chat: ChatId): Promise<HookedMessage | undefined> {
      const row = await messages()
        .where("chat_id", "=", chat)
        .where(isBeforeHooks)
        .orderBy("seq")
        .limit(1)
        .executeTakeFirst();
      return row && toMessage(row);
    },

    /** Chats in which one waits. */
    async chats(): Promise<ChatId[]> {
      const rows = await db.selectFrom("inbox").select("chat_id").distinct().where(isBeforeHooks).execute();
      return rows.map(({ chat_id }) => chat_id);
    },

    /** How many wait, by chat; `held` of them because a plugin said so. */
    async counts(): Promise<{ chat: ChatId; messages: number; held: number }[]> {
      return await db
        .selectFrom("inbox")
        .select((eb) => [
          "chat_id as chat",
          eb.fn.countAll<number>().as("messages"),
          sql<number>`sum(hooks = 'held')`.as("held"),
        ])
        .where(isBeforeHooks)
        .groupBy("chat_id")
        .execute();
    },

    /** One that a plugin holds just now. */
    async held(id: InboxId): Promise<HookedMessage | undefined> {
      const row = await messages().where("inbox.id", "=", id).where("hooks", "=", "held").executeTakeFirst();
      return row && toMessage(row);
    },

    /** Whoever may see it: a message by its id, and whose group it was said in. */
    async find(id: InboxId): Promise<HookedMessage | undefined> {
      const row = await messages().where("inbox.id", "=", id).executeTakeFirst();
      return row && toMessage(row);
    },

    /** It waits for the plugin that `hooked.hold` names. False where it is not as it was seen any more. */
    hold: (row: InboxRow, text: string, hooked: Hooked): Promise<boolean> =>
      change(db, row, { hooks: "held", hooked: JSON.stringify(hooked), ...rewritten(row, text) }),

    /** The hold is over; what comes after that plugin looks at it next. */
    goOn: (row: InboxRow, text: string, { hold: _over, ...hooked }: Hooked): Promise<boolean> =>
      change(db, row, { hooks: "waiting", hooked: JSON.stringify(hooked), ...rewritten(row, text) }),

    /** All have looked at it. Undefined where it is not as it was seen any more. */
    async release(
      { row, group }: Pick<HookedMessage, "row" | "group">,
      text: string,
      hooked: Hooked,
    ): Promise<Released | undefined> {
      return await db.transaction().execute(async (trx) => {
        const admitted = row.verdict === "admitted";
        const done = await change(trx, row, {
          hooks: "done",
          hooked: JSON.stringify(hooked),
          state: admitted ? "waiting" : "note",
          context: admitted ? 0 : 1,
          ...rewritten(row, text),
        });
        if (!done) return undefined;
        if (!admitted) return { session: undefined };
        const chat = await anyChat(trx, row.chat_id); // that of somebody just let in may not be open yet
        if (!chat) throw new Error(`the chat ${row.chat_id} is gone`);
        const session = await sessionInUse(trx, {
          groupId: row.group_id,
          now: clock.now(),
          ...routeOf({ ...chat, folder: group }),
        });
        await trx.updateTable("inbox").set({ session_id: session }).where("id", "=", row.id).execute();
        return { session };
      });
    },

    /**
     * Nobody answers it. At the owner's own desk, where nobody else writes, the chat is told.
     * Undefined where it is not as it was seen any more.
     */
    async drop(
      row: InboxRow,
      reason: string,
      hooked: Hooked,
    ): Promise<{ readonly notice: boolean } | undefined> {
      const { channel } = chatAddress(row.chat_id);
      const notice = channel === "web" || channel === "terminal";
      return await db.transaction().execute(async (trx) => {
        const done = await change(trx, row, {
          hooks: "dropped",
          hooked: JSON.stringify(hooked),
          verdict: "refused",
          reason,
        });
        if (!done) return undefined;
        const to = { chat: row.chat_id, groupId: row.group_id, turn: undefined, now: clock.now() };
        if (notice)
          await owe(trx, to, [
            {
              key: `${row.id}:refused`,
              kind: "notice",
              text: `I leave this without an answer: ${reason}.`,
              replyTo: row.id,
            },
          ]);
        return { notice };
      });
    },
  };
}

/** What was written stays beside what is read. */
function rewritten({ text, written }: InboxRow, to: string): Partial<Pick<InboxRow, "text" | "written">> {
  if (to === text) return {};
  const original = written ?? text;
  return { text: to, written: to === original ? null : original };
}
