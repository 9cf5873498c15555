/**
 * Sessions: the engine's conversations, and where to resume them.
 *
 * - One session is in use per scope. One that ended is never used again.
 * - The position is written by a completed turn alone, under its fence (store/turns.ts), and cleared
 *   only by ending the session (G22).
 */
import { type Kysely, type Selectable, sql } from "kysely";
import { type ChatId, chatAddress, type GroupFolder, newId, SessionId } from "../core/ids.ts";
import type { Database, SessionsTable } from "./tables.ts";

export type Session = Selectable<SessionsTable>;

export interface Scope {
  readonly kind: SessionsTable["scope_kind"]["__select__"];
  readonly key: string;
}

/** Chats at the owner's own desk are conversations of their own; elsewhere a group shares one. */
export function scopeOf(chat: ChatId, group: GroupFolder): Scope {
  const { channel } = chatAddress(chat);
  return channel === "web" || channel === "terminal"
    ? { kind: "chat", key: chat }
    : { kind: "group", key: group };
}

/** What a conversation that begins now is held with. */
export interface Spoken {
  readonly engine: Session["engine"];
  readonly provider: string;
  /** Whether one with another provider goes on there; without it, none does. */
  readonly keeps?: ((provider: string) => boolean) | undefined;
}

export interface SessionSeed extends Spoken {
  readonly groupId: number;
  readonly scope: Scope;
  readonly now: number;
}

export function goesOn(session: Pick<Session, "engine" | "provider">, spoken: Spoken): boolean {
  if (session.engine !== spoken.engine) return false;
  return session.provider === spoken.provider || spoken.keeps?.(session.provider) === true;
}

/**
 * The scope's session in use. Another engine or provider cannot read the old one's conversation, so
 * a change of either begins a fresh session.
 */
export async function sessionInUse(trx: Kysely<Database>, seed: SessionSeed): Promise<SessionId> {
  const current = await trx
    .selectFrom("sessions")
    .select(["id", "engine", "provider", "tainted"])
    .where("group_id", "=", seed.groupId)
    .where("scope_kind", "=", seed.scope.kind)
    .where("scope_key", "=", seed.scope.key)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  if (current && goesOn(current, seed)) return current.id;
  if (current) await endSession(trx, current.id, seed.now);
  // What it is told of the old one is as tainted as that was.
  const id = await newSession(trx, seed, current && { tainted: current.tainted });
  // What waited for the old session is answered by the new one.
  if (current) await moveWaiting(trx, current.id, id);
  return id;
}

/** The first of a scope; or the one after another, which begins with a recap. */
export async function newSession(
  trx: Kysely<Database>,
  seed: SessionSeed,
  after?: Pick<Session, "tainted">,
): Promise<SessionId> {
  const id = newId(SessionId);
  await trx
    .insertInto("sessions")
    .values({
      id,
      group_id: seed.groupId,
      scope_kind: seed.scope.kind,
      scope_key: seed.scope.key,
      engine: seed.engine,
      provider: seed.provider,
      engine_session: null,
      position: null,
      tainted: after?.tainted ?? 0,
      recap: after && seed.scope.kind !== "occurrence" ? 1 : 0, // a run of its own shares no conversation
      created_at: seed.now,
      ended_at: null,
    })
    .execute();
  return id;
}

/** The scope's session in use, if it has one; of whatever engine. */
export async function currentSession(
  db: Kysely<Database>,
  groupId: number,
  scope: Scope,
): Promise<SessionId | undefined> {
  const row = await db
    .selectFrom("sessions")
    .select("id")
    .where("group_id", "=", groupId)
    .where("scope_kind", "=", scope.kind)
    .where("scope_key", "=", scope.key)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  return row?.id;
}

/**
 * Puts the conversation away because a person wants a fresh one: nothing of it is known there, and it is
 * not tainted. What waits is answered in the fresh one.
 */
export async function archive(trx: Kysely<Database>, old: SessionId, seed: SessionSeed): Promise<SessionId> {
  await endSession(trx, old, seed.now);
  const fresh = await sessionInUse(trx, seed);
  await moveWaiting(trx, old, fresh);
  return fresh;
}

/**
 * A fresh one of the same scope, for a conversation that the engine no longer knows; it begins with a
 * recap. Where another of the scope is in use by now (a change of engine), the fresh one is for one turn
 * alone, and ends as it begins.
 */
export async function replaceSession(
  trx: Kysely<Database>,
  old: Session,
  fence: number,
  now: number,
): Promise<Session> {
  const { ended_at: before } = await trx
    .selectFrom("sessions")
    .select("ended_at")
    .where("id", "=", old.id)
    .executeTakeFirstOrThrow();
  if (before === null) await endSession(trx, old.id, now);
  return await trx
    .insertInto("sessions")
    .values({
      id: newId(SessionId),
      group_id: old.group_id,
      scope_kind: old.scope_kind,
      scope_key: old.scope_key,
      engine: old.engine,
      provider: old.provider,
      engine_session: null,
      position: null,
      fence,
      tainted: old.tainted,
      recap: 1,
      created_at: now,
      ended_at: before === null ? null : now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** What no turn has taken yet. */
export async function moveWaiting(trx: Kysely<Database>, from: SessionId, to: SessionId): Promise<void> {
  await trx
    .updateTable("inbox")
    .set({ session_id: to })
    .where("session_id", "=", from)
    .where(sql<boolean>`state = 'waiting'`) // literal: see the index inbox_waiting
    .execute();
  await trx
    .updateTable("occurrences")
    .set({ session_id: to })
    .where("session_id", "=", from)
    .where(sql<boolean>`state = 'waiting'`) // the same
    .execute();
}

/** Those of these that were made for one run of a task alone. */
export async function endOwnSessions(
  trx: Kysely<Database>,
  ids: readonly SessionId[],
  now: number,
): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable("sessions")
    .set({ ended_at: now })
    .where("id", "in", ids)
    .where("scope_kind", "=", "occurrence")
    .where("ended_at", "is", null)
    .execute();
}

export async function endSession(trx: Kysely<Database>, id: SessionId, now: number): Promise<void> {
  await trx.updateTable("sessions").set({ ended_at: now }).where("id", "=", id).execute();
}
