/**
 * Chats that change hands, and groups that go. A turn answers in the group that its chat had when it began, so
 * nothing of a chat may be under way, or wait, when it leaves its group.
 *
 * - What waits there is stored as unanswered, and the chat is told, once. What is under way is ended by whoever
 *   asks, before: each step here that moves something fails where anything is left.
 * - Of a group that goes everything stays to be read: messages, tasks, what was spent. A group that is made under
 *   its name takes it up again, but for its conversations.
 */
import { TemporaryError } from "@bellhop/sdk";
import { type Kysely, sql } from "kysely";
import { type ChatId, chatAddress, type GroupFolder, MAIN, type SessionId } from "../core/ids.ts";
import { admitWaiting, ensureChat, findChat } from "./chats.ts";
import { openIfEmpty } from "./newcomers.ts";
import { endWaiting } from "./occurrences.ts";
import { owe } from "./outbox.ts";
import type { Database } from "./tables.ts";
import { changeTask } from "./tasks.ts";
import { guestGroupOf } from "./waiting-chats.ts";

/** Something began in between: end it, and come again. */
export class StillBusyError extends TemporaryError {}

/** So often something may begin while we are about to move a chat; then it is written in without a pause. */
const MOST_ATTEMPTS = 20;

export interface Settling {
  readonly db: Kysely<Database>;
  /** Ends the live turn of a session for good. Resolves when it is over. */
  readonly stop: (session: SessionId, why: string) => Promise<unknown>;
  /** The chat is owed something. */
  readonly deliver: (chat: ChatId) => void;
  readonly now: () => number;
}

/**
 * Ends what is under way in these chats and what waits there, and then does `move`, in whose transaction nothing
 * of that is there.
 * @param why for people: what becomes of the chat
 * @returns what `move` gives
 * @throws TemporaryError when messages come faster than they can be ended
 */
export async function whenSettled<T>(
  { db, stop, deliver, now }: Settling,
  chats: () => Promise<readonly ChatId[]>,
  why: string,
  move: () => Promise<T>,
): Promise<T> {
  const told = new Set<ChatId>();
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const leaving = await chats();
    const live = await db.transaction().execute(async (trx) => {
      const turns = await liveIn(trx, leaving);
      const dropped = await endWhatWaits(trx, leaving, why, now());
      for (const one of [...dropped, ...turns.filter(({ kind }) => kind === "chat")]) {
        if (!told.has(one.chat)) await tellUnanswered(trx, one, why, now());
        told.add(one.chat);
      }
      return turns.map(({ session }) => session);
    });
    for (const chat of told) deliver(chat);
    await Promise.all(live.map((session) => stop(session, why)));
    if (live.length > 0) continue;
    try {
      return await move();
    } catch (error) {
      if (!(error instanceof StillBusyError)) throw error;
    }
  }
  throw new TemporaryError("Too much is being written there just now; try again in a moment.");
}

/** @throws StillBusyError where something of these chats is under way or waits */
export async function assertSettled(trx: Kysely<Database>, chats: readonly ChatId[]): Promise<void> {
  const waits =
    chats.length > 0 &&
    (await trx
      .selectFrom("inbox")
      .select("id")
      .where("chat_id", "in", chats)
      .where(sql<boolean>`state = 'waiting'`) // literal: see the index inbox_waiting
      .limit(1)
      .executeTakeFirst());
  if (waits || (await liveIn(trx, chats)).length > 0) throw new StillBusyError("something began meanwhile");
}

async function liveIn(trx: Kysely<Database>, chats: readonly ChatId[]) {
  if (chats.length === 0) return [];
  return await trx
    .selectFrom("turns")
    .select(["id", "session_id as session", "chat_id as chat", "group_id as groupId", "kind"])
    .where("chat_id", "in", chats)
    .where("ended_at", "is", null)
    .execute();
}

/** @returns the messages that stay unanswered, oldest first */
async function endWhatWaits(trx: Kysely<Database>, chats: readonly ChatId[], why: string, now: number) {
  if (chats.length === 0) return [];
  const dropped = await trx
    .updateTable("inbox")
    .set({ state: "note", verdict: "noted", reason: why, context: 0, session_id: null })
    .where("chat_id", "in", chats)
    .where(sql<boolean>`state = 'waiting'`) // literal: see the index inbox_waiting
    .returning(["id", "chat_id as chat", "group_id as groupId"])
    .execute();
  const runs = await trx
    .selectFrom("occurrences")
    .innerJoin("tasks", "tasks.id", "occurrences.task_id")
    .select("tasks.id")
    .distinct()
    .where("tasks.chat_id", "in", chats)
    .where(sql<boolean>`occurrences.state = 'waiting'`) // literal, as above
    .execute();
  for (const { id } of runs)
    await endWaiting(trx, { task: id }, { state: "skipped", reason: `${why}.` }, now);
  return dropped;
}

async function tellUnanswered(
  trx: Kysely<Database>,
  { id, chat, groupId }: { readonly id: string; readonly chat: ChatId; readonly groupId: number },
  why: string,
  now: number,
): Promise<void> {
  const text = `What I had not answered here stays unanswered: ${why}.`;
  await owe(trx, { chat, groupId, turn: undefined, now }, [{ key: `moved:${id}`, kind: "notice", text }]);
}

/** Where a chat is; undefined where no group has it. */
export async function groupOfChat(db: Kysely<Database>, chat: ChatId): Promise<GroupFolder | undefined> {
  return (await findChat(db, chat))?.folder;
}

/**
 * Gives a chat to a group. Only inside a transaction in which it is settled.
 * @returns conversations that were the chat's own and have ended
 */
export async function moveChat(
  trx: Kysely<Database>,
  id: ChatId,
  group: GroupFolder,
  now: number,
): Promise<SessionId[]> {
  if (await admitWaiting(trx, id, group)) {
    await openIfEmpty(trx, id); // what was held of it comes in first (admission/senders.ts)
    return [];
  }
  const chat = await ensureChat(trx, { id, group, now });
  if (chat.folder === group) return [];
  await assertSettled(trx, [id]);
  const { id: groupId } = await trx
    .selectFrom("groups")
    .select("id")
    .where("folder", "=", group)
    .executeTakeFirstOrThrow();
  await trx
    .updateTable("chats")
    // What was said in front of one group is not the other's business.
    .set((eb) => ({ group_id: groupId, context_from: eb.ref("next_seq") }))
    .where("id", "=", id)
    .execute();
  const ended = await trx
    .updateTable("sessions")
    .set({ ended_at: now })
    .where("group_id", "=", chat.group_id)
    .where("scope_kind", "=", "chat")
    .where("scope_key", "=", id)
    .where("ended_at", "is", null)
    .returning("id")
    .execute();
  return ended.map((session) => session.id);
}

/**
 * Takes a chat from its group. One of a platform is read no more; one at the owner's own desk, where a group is
 * always, goes back to `main`.
 */
export async function releaseChat(trx: Kysely<Database>, id: ChatId, now: number): Promise<SessionId[]> {
  if (isAtTheDesk(id)) return await moveChat(trx, id, MAIN, now);
  await assertSettled(trx, [id]);
  const chat = await findChat(trx, id);
  if (!chat) return [];
  const group_id = await guestGroupOf(trx, id, chat.title ?? "", now);
  await trx
    .updateTable("chats")
    .set((eb) => ({ group_id, context_from: eb.ref("next_seq"), standing: "waiting" }))
    .where("id", "=", id)
    .execute();
  return [];
}

export function isAtTheDesk(chat: ChatId): boolean {
  const { channel } = chatAddress(chat);
  return channel === "web" || channel === "terminal";
}

/** Its open chats. */
export async function chatsOf(db: Kysely<Database>, groupId: number): Promise<ChatId[]> {
  const rows = await db
    .selectFrom("chats")
    .select("id")
    .where("group_id", "=", groupId)
    .where("standing", "=", "open")
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map(({ id }) => id);
}

/** Takes a group out of the house: only inside a transaction in which its chats are settled. */
export async function forgetGroup(
  trx: Kysely<Database>,
  groupId: number,
  now: number,
): Promise<{ readonly chats: readonly ChatId[]; readonly paused: number }> {
  const chats = await chatsOf(trx, groupId);
  await assertSettled(trx, chats);
  const tasks = await trx
    .selectFrom("tasks")
    .select("id")
    .where("group_id", "=", groupId)
    .where("state", "=", "active")
    .execute();
  for (const { id } of tasks) {
    await endWaiting(trx, { task: id }, { state: "skipped", reason: "Its group was removed." }, now);
    const note = "Paused because its group was removed.";
    await changeTask(trx, id, { state: "paused", note, next_at: null, due_at: null }, now);
  }
  for (const chat of chats) await releaseChat(trx, chat, now);
  await trx
    .updateTable("sessions")
    .set({ ended_at: now })
    .where("group_id", "=", groupId)
    .where("ended_at", "is", null)
    .execute();
  await trx
    .updateTable("groups")
    .set({ made: 0, guest: 0, chosen: null })
    .where("id", "=", groupId)
    .execute();
  return { chats, paused: tasks.length };
}
