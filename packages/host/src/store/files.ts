/**
 * Files: what people sent and what agents send, as rows. The bytes are the media store's.
 *
 * - A row comes first, `coming`, with the place that its bytes will have; so bytes that nobody knows
 *   of cannot lie on the disk, whenever we die. It ends as `stored`, with length and checksum of what
 *   is on the disk, or as a `stub`, with the reason; each is final.
 * - What becomes a stub of a chat's is told to the chat by the same transaction, once (G25).
 */
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { type ChatId, FileId, type GroupFolder, type InboxId, newId, type TurnId } from "../core/ids.ts";
import { owe } from "./outbox.ts";
import { type FileRow, filesOfMessages } from "./message-files.ts";
import type { Database } from "./tables.ts";

export interface NewFile {
  readonly groupId: number;
  /** The turn that sends it; of what is handed over before its message, nothing. */
  readonly turn?: TurnId | undefined;
  readonly name: string;
  /** Below `media/`, by the id. */
  readonly pathOf: (id: FileId) => string;
}

/** As literals, word for word as the indexes say them; else SQLite does not use these. */
const isStored = sql<boolean>`state = 'stored'`;
const isComing = sql<boolean>`state = 'coming'`;

export type Files = ReturnType<typeof createFiles>;

export function createFiles(db: Kysely<Database>, clock: Clock) {
  return {
    /** The row of a file whose bytes are about to come. */
    async add({ groupId, turn, name, pathOf }: NewFile): Promise<FileRow> {
      const id = newId(FileId);
      return await db
        .insertInto("files")
        .values({
          id,
          group_id: groupId,
          inbox_id: null,
          turn_id: turn ?? null,
          name,
          type: "application/octet-stream",
          bytes: 0,
          sha256: null,
          path: pathOf(id),
          state: "coming",
          reason: null,
          created_at: clock.now(),
        })
        .returningAll()
        .executeTakeFirstOrThrow();
    },

    /** Says where the bytes of one that is to be fetched will lie. */
    async place(id: FileId, path: string): Promise<void> {
      await db
        .updateTable("files")
        .set({ path })
        .where("id", "=", id)
        .where("state", "=", "coming")
        .execute();
    },

    async stored(id: FileId, is: { type: string; bytes: number; sha256: string }): Promise<void> {
      await db
        .updateTable("files")
        .set({ state: "stored", ...is })
        .where("id", "=", id)
        .where("state", "=", "coming")
        .execute();
    },

    /** It never will be here. Returns the chat that was told, where it came with a message. */
    async stub(id: FileId, reason: string, notice: (name: string) => string): Promise<ChatId | undefined> {
      return await db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable("files")
          .set({ state: "stub", reason, path: null })
          .where("id", "=", id)
          .where("state", "=", "coming")
          .returningAll()
          .executeTakeFirst();
        if (!row?.inbox_id) return undefined;
        const { chat_id: chat } = await trx
          .selectFrom("inbox")
          .select("chat_id")
          .where("id", "=", row.inbox_id)
          .executeTakeFirstOrThrow();
        const to = { chat, groupId: row.group_id, turn: undefined, now: clock.now() };
        await owe(trx, to, [
          { key: `file:${id}`, kind: "notice", text: notice(row.name), replyTo: row.inbox_id },
        ]);
        return chat;
      });
    },

    find: (id: FileId): Promise<FileRow | undefined> =>
      db.selectFrom("files").selectAll().where("id", "=", id).executeTakeFirst(),

    ofMessages: (messages: readonly InboxId[]): Promise<FileRow[]> => filesOfMessages(db, messages),

    /** What a dead host was about to fetch or to take in. */
    coming: (): Promise<FileRow[]> => db.selectFrom("files").selectAll().where(isComing).execute(),

    /** Handed over before `time`, and never sent with a message. */
    unattached: (time: number): Promise<FileRow[]> =>
      db
        .selectFrom("files")
        .selectAll()
        .where("inbox_id", "is", null)
        .where("turn_id", "is", null)
        .where("created_at", "<", time)
        .execute(),

    /** Stored for a turn that died before it owed them to a chat. Only where no turn runs. */
    unowed: (): Promise<FileRow[]> =>
      db
        .selectFrom("files")
        .selectAll()
        .where("turn_id", "is not", null)
        .where((eb) =>
          eb.not(eb.exists(eb.selectFrom("outbox").select("id").whereRef("outbox.file_id", "=", "files.id"))),
        )
        .execute(),

    async drop(id: FileId): Promise<void> {
      await db.deleteFrom("files").where("id", "=", id).execute();
    },

    /** Bytes that a group's files take. */
    async bytesOf(groupId: number): Promise<number> {
      const row = await db
        .selectFrom("files")
        .select((eb) => eb.fn.sum<number | null>("bytes").as("bytes"))
        .where("group_id", "=", groupId)
        .where(isStored)
        .executeTakeFirst();
      return row?.bytes ?? 0;
    },

    async folderOf(groupId: number): Promise<GroupFolder> {
      const row = await db
        .selectFrom("groups")
        .select("folder")
        .where("id", "=", groupId)
        .executeTakeFirstOrThrow();
      return row.folder;
    },
  };
}
