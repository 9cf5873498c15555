/**
 * The rows of a message's files: made or attached by the transaction that accepts the message, read with
 * it. What becomes of them is in files.ts.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely, Selectable } from "kysely";
import type { FileId, InboxId } from "../core/ids.ts";
import type { Database, FilesTable } from "./tables.ts";

export type FileRow = Selectable<FilesTable>;

/** A file of a message that is accepted just now: to be fetched, or handed over before. */
export type MessageFile =
  | { readonly id: FileId; readonly name: string; readonly type: string; readonly bytes: number }
  | { readonly attached: FileId };

/**
 * The files of a message, in the transaction that accepts it.
 * @throws RejectedError when one that was handed over before is not there, is another group's or was used
 */
export async function addFiles(
  trx: Kysely<Database>,
  message: { readonly id: InboxId; readonly groupId: number; readonly now: number },
  files: readonly MessageFile[],
): Promise<void> {
  for (const file of files) {
    if ("attached" in file) await attach(trx, message, file.attached);
    else {
      await trx
        .insertInto("files")
        .values({
          id: file.id,
          group_id: message.groupId,
          inbox_id: message.id,
          turn_id: null,
          name: file.name,
          type: file.type,
          bytes: file.bytes,
          sha256: null,
          path: null,
          state: "coming",
          reason: null,
          created_at: message.now,
        })
        .execute();
    }
  }
}

async function attach(
  trx: Kysely<Database>,
  message: { id: InboxId; groupId: number },
  file: FileId,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable("files")
    .set({ inbox_id: message.id })
    .where("id", "=", file)
    .where("group_id", "=", message.groupId)
    .where("inbox_id", "is", null)
    .where("turn_id", "is", null)
    .where("state", "=", "stored")
    .executeTakeFirst();
  if (numUpdatedRows === 0n)
    throw new RejectedError(`there is no file ${file} to attach: hand it over first, and attach it once`);
}

/** In the order in which they came. */
export async function filesOfMessages(
  db: Kysely<Database>,
  messages: readonly InboxId[],
): Promise<FileRow[]> {
  if (messages.length === 0) return [];
  return await db
    .selectFrom("files")
    .selectAll()
    .where("inbox_id", "in", messages)
    .orderBy("created_at")
    .execute();
}
