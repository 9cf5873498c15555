/**
 * Chats that no group has, and that we know all the same because we owe them a word. Each belongs to the
 * group that is made for it once it is let in; until then nothing of it is read.
 */
import { createHash } from "node:crypto";
import type { Kysely } from "kysely";
import { type ChatId, chatAddress, GroupFolder, type SenderId } from "../core/ids.ts";
import type { Chat } from "./chats.ts";
import type { Database } from "./tables.ts";

/** Whatever its standing. */
export async function anyChat(db: Kysely<Database>, id: ChatId): Promise<Chat | undefined> {
  return await db
    .selectFrom("chats")
    .innerJoin("groups", "groups.id", "chats.group_id")
    .selectAll("chats")
    .select("groups.folder")
    .where("chats.id", "=", id)
    .executeTakeFirst();
}

export interface Unknown {
  readonly id: ChatId;
  readonly chatTitle?: string | undefined;
  readonly direct?: boolean | undefined;
  readonly sender: { readonly id: SenderId; readonly name: string };
}

/** Makes it `waiting` unless it is there; then it stays as it is. */
export async function ensureWaiting(
  trx: Kysely<Database>,
  { id, chatTitle, direct, sender }: Unknown,
  now: number,
): Promise<Chat> {
  const known = await anyChat(trx, id);
  if (known) return known;
  const group_id = await guestGroupOf(trx, id, sender.name, now);
  await trx
    .insertInto("chats")
    .values({
      id,
      ...chatAddress(id),
      group_id,
      title: chatTitle ?? null,
      direct: direct ? 1 : 0,
      next_seq: 1,
      standing: "waiting",
      created_at: now,
    })
    .execute();
  const made = await anyChat(trx, id);
  if (!made) throw new Error(`the chat ${id} vanished while it was made`);
  return made;
}

/** The group that is there for a chat if it is let in: its number. Nobody is in it yet. */
export async function guestGroupOf(
  trx: Kysely<Database>,
  chat: ChatId,
  name: string,
  now: number,
): Promise<number> {
  const folder = guestFolder(chat, name);
  await trx
    .insertInto("groups")
    .values({ folder, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { id } = await trx
    .selectFrom("groups")
    .select("id")
    .where("folder", "=", folder)
    .executeTakeFirstOrThrow();
  return id;
}

/** A name of its own for the group of a guest: readable, and the same for nobody else. Never `main`. */
export function guestFolder(chat: ChatId, name: string): GroupFolder {
  const readable = name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 24)
    .replaceAll(/^-+|-+$/g, "");
  const own = createHash("sha256").update(chat).digest("hex").slice(0, 16);
  return GroupFolder.parse(["guest", readable, own].filter((part) => part !== "").join("-"));
}
