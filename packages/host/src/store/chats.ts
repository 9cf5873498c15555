/**
 * Groups, and the chats that are bound to them.
 *
 * - A chat belongs to one group. Its address never changes.
 * - `next_seq` numbers everything that is said in a chat, in or out, in the order of commit (G3).
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely, Selectable } from "kysely";
import { sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { EventId } from "../core/events.ts";
import { type ChatId, chatAddress, type GroupFolder } from "../core/ids.ts";
import type { ChatsTable, Database } from "./tables.ts";

export type Chat = Selectable<ChatsTable> & { readonly folder: GroupFolder };

export interface ChatSummary {
  readonly id: ChatId;
  readonly title: string | null;
  readonly group: GroupFolder;
  readonly channel: string;
  /** The newest event of the chat, and when it was; null where nothing was said yet. */
  readonly lastEvent: EventId | null;
  readonly lastAt: number | null;
}

export type Chats = ReturnType<typeof createChats>;

export function createChats(db: Kysely<Database>, clock: Clock) {
  return {
    /** Makes the group if it is not there yet. */
    async ensureGroup(folder: GroupFolder): Promise<void> {
      await db
        .insertInto("groups")
        .values({ folder, created_at: clock.now() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },

    /** @throws RejectedError when there is no such group */
    async numberOf(folder: GroupFolder): Promise<number> {
      const row = await db.selectFrom("groups").select("id").where("folder", "=", folder).executeTakeFirst();
      if (row) return row.id;
      throw new RejectedError(`there is no group ${folder}`);
    },

    /** Makes the chat if it is not there yet; an existing one keeps its group and title. */
    ensure: (id: ChatId, group: GroupFolder, title?: string): Promise<Chat> =>
      ensureChat(db, { id, group, title, now: clock.now() }),

    find: (id: ChatId): Promise<Chat | undefined> => findChat(db, id),

    /** Names it, where it has no title yet. */
    async nameIt(id: ChatId, title: string): Promise<void> {
      await db.updateTable("chats").set({ title }).where("id", "=", id).where("title", "is", null).execute();
    },

    /**
     * Registers the chat with this group, whichever it belonged to before, and with it those of its threads that
     * belonged there too.
     * @throws RejectedError when there is no such group
     */
    async bind(id: ChatId, group: GroupFolder): Promise<void> {
      await db.transaction().execute(async (trx) => {
        if (await admitWaiting(trx, id, group)) return;
        const chat = await ensureChat(trx, { id, group, now: clock.now() });
        if (chat.folder === group) return;
        const { id: groupId } = await groupNamed(trx, group, id);
        await trx
          .updateTable("chats")
          // What was said in front of one group is not the other's business.
          .set((eb) => ({ group_id: groupId, context_from: eb.ref("next_seq") }))
          .where("group_id", "=", chat.group_id)
          .where((eb) => eb.or([eb("id", "=", id), eb("thread_of", "=", id)]))
          .execute();
      });
    },

    /** All there are. */
    async groups(): Promise<GroupFolder[]> {
      const rows = await db.selectFrom("groups").select("folder").orderBy("id").execute();
      return rows.map(({ folder }) => folder);
    },

    /** Of one person with the assistant alone, on platforms. */
    async listDirect(group: GroupFolder): Promise<ChatId[]> {
      const rows = await db
        .selectFrom("chats")
        .innerJoin("groups", "groups.id", "chats.group_id")
        .select("chats.id")
        .where("groups.folder", "=", group)
        .where("direct", "=", 1)
        .where("channel", "not in", ["web", "terminal"])
        .orderBy("chats.created_at")
        .execute();
      return rows.map(({ id }) => id);
    },

    async list(): Promise<ChatSummary[]> {
      return await db
        .selectFrom("chats")
        .innerJoin("groups", "groups.id", "chats.group_id")
        // One look into the index per chat; grouping would read the index of all events ever.
        .leftJoin("events", (join) =>
          join.on("events.id", "=", (eb) =>
            eb
              .selectFrom("events as newest")
              .select((e) => e.fn.max("newest.id").as("id"))
              .whereRef("newest.chat_id", "=", "chats.id"),
          ),
        )
        .select([
          "chats.id",
          "chats.title",
          "groups.folder as group",
          "chats.channel",
          "events.id as lastEvent",
          "events.at as lastAt",
        ])
        .where("chats.standing", "=", "open")
        .orderBy(sql`coalesce(events.at, chats.created_at)`, "desc")
        .execute();
    },
  };
}

/** One that no group has yet is not found. */
export async function findChat(db: Kysely<Database>, id: ChatId): Promise<Chat | undefined> {
  return await db
    .selectFrom("chats")
    .innerJoin("groups", "groups.id", "chats.group_id")
    .selectAll("chats")
    .select("groups.folder")
    .where("chats.id", "=", id)
    .where("chats.standing", "=", "open")
    .executeTakeFirst();
}

/**
 * The thread of a chat, which belongs to the group of that chat from now on. Undefined where no group has it, or
 * where the thread itself waits to be let in.
 */
export async function findThread(
  trx: Kysely<Database>,
  {
    id,
    parent,
    title,
    direct,
    now,
  }: {
    readonly id: ChatId;
    readonly parent: ChatId;
    readonly title: string | undefined;
    readonly direct: boolean | undefined;
    readonly now: number;
  },
): Promise<Chat | undefined> {
  const whole = await findChat(trx, parent);
  if (!whole) return undefined;
  await trx
    .insertInto("chats")
    .values({
      id,
      ...chatAddress(id),
      group_id: whole.group_id,
      title: title ?? null,
      direct: (direct ?? whole.direct === 1) ? 1 : 0,
      next_seq: 1,
      thread_of: parent,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return await findChat(trx, id);
}

/**
 * Gives a chat that waits to be let in to this group. Whether it was one that waits. It is open once what
 * was held of it has been admitted, which whoever calls this sees to (`Newcomers.entering`).
 */
export async function admitWaiting(db: Kysely<Database>, id: ChatId, group: GroupFolder): Promise<boolean> {
  const waits = await db
    .selectFrom("chats")
    .select("id")
    .where("id", "=", id)
    .where("standing", "<>", "open")
    .executeTakeFirst();
  if (!waits) return false;
  const { id: groupId } = await groupNamed(db, group, id);
  await db
    .updateTable("chats")
    .set((eb) => ({ group_id: groupId, context_from: eb.ref("next_seq"), standing: "entering" }))
    .where("id", "=", id)
    .execute();
  await db
    .updateTable("pairings")
    .set({ state: "used" })
    .where("chat_id", "=", id)
    .where("state", "=", "pending")
    .execute();
  return true;
}

/** The chat of a group in which something was said last; but not this one. */
export async function lastSpokenIn(
  db: Kysely<Database>,
  group: GroupFolder,
  but: ChatId,
): Promise<ChatId | undefined> {
  const row = await db
    .selectFrom("chats")
    .innerJoin("groups", "groups.id", "chats.group_id")
    .select("chats.id")
    .where("groups.folder", "=", group)
    .where("chats.id", "<>", but)
    .orderBy(
      (eb) =>
        eb
          .selectFrom("events")
          .select((e) => e.fn.max("events.id").as("id"))
          .whereRef("events.chat_id", "=", "chats.id"),
      "desc",
    )
    .orderBy("chats.created_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

async function groupNamed(db: Kysely<Database>, group: GroupFolder, chat: ChatId) {
  const row = await db.selectFrom("groups").selectAll().where("folder", "=", group).executeTakeFirst();
  if (!row) throw new RejectedError(`there is no group ${group} to bind the chat ${chat} to`);
  return row;
}

/** @throws RejectedError when the group is not registered */
export async function ensureChat(
  db: Kysely<Database>,
  {
    id,
    group,
    title,
    direct,
    now,
  }: {
    id: ChatId;
    group: GroupFolder;
    title?: string | undefined;
    direct?: boolean | undefined;
    now: number;
  },
): Promise<Chat> {
  const existing = await findChat(db, id);
  if (existing) return await describeChat(db, existing, { title, direct });
  const row = await groupNamed(db, group, id);
  await db
    .insertInto("chats")
    .values({
      id,
      ...chatAddress(id),
      group_id: row.id,
      title: title ?? null,
      direct: direct ? 1 : 0,
      next_seq: 1,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const chat = await findChat(db, id);
  if (!chat) throw new Error(`the chat ${id} vanished while it was made`);
  return chat;
}

/** Adds what was not known of the chat when it was bound. A title that it has stays. */
export async function describeChat(
  db: Kysely<Database>,
  chat: Chat,
  { title, direct }: { title?: string | undefined; direct?: boolean | undefined },
): Promise<Chat> {
  const now = { title: chat.title ?? title ?? null, direct: direct ? 1 : chat.direct };
  if (now.title === chat.title && now.direct === chat.direct) return chat;
  await db.updateTable("chats").set(now).where("id", "=", chat.id).execute();
  return { ...chat, ...now };
}

/** Takes `count` numbers of the chat and returns the first. Only inside the transaction that uses them. */
export async function takeSeq(trx: Kysely<Database>, chat: ChatId, count = 1): Promise<number> {
  const { next_seq } = await trx
    .updateTable("chats")
    .set((eb) => ({ next_seq: eb("next_seq", "+", count) }))
    .where("id", "=", chat)
    .returning("next_seq")
    .executeTakeFirstOrThrow();
  return next_seq - count;
}
