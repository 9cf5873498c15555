/**
 * Who is who, beside what the configuration says: what the owner decided of a sender, and codes that make
 * somebody an owner.
 *
 * - An owner's code is good once, for an hour. The message that brings it, used or not, right or late, is
 *   stored nowhere: only its hash is known here.
 * - Three wrong codes from one place, and none from there is looked at for an hour.
 */
import type { Kysely, Selectable } from "kysely";
import type { ChatId, SenderId } from "../core/ids.ts";
import { CODE_LIVES_MS, CODE_TRIES, hashCode } from "../core/pairing-code.ts";
import { audit } from "./audit.ts";
import { owe } from "./outbox.ts";
import type { Database, PairingsTable, SendersTable } from "./tables.ts";
import { anyChat, ensureWaiting } from "./waiting-chats.ts";

export type Standing = SendersTable["standing"];
export type PairingRow = Selectable<PairingsTable>;

/**
 * @param linked other ids of the same person (store/people.ts). Who is an owner or let in under one of them is so
 *   under each; but one that was turned away itself stays that.
 */
export async function standingOf(
  trx: Kysely<Database>,
  { id, linked = [] }: { readonly id: SenderId; readonly linked?: readonly SenderId[] | undefined },
): Promise<Standing | undefined> {
  const rows = await trx
    .selectFrom("senders")
    .select(["id", "standing"])
    .where("id", "in", [id, ...linked])
    .execute();
  const own = rows.find((row) => row.id === id)?.standing;
  if (own === "denied") return own;
  const all = rows.map(({ standing }) => standing);
  return all.includes("owner") ? "owner" : all.includes("allowed") ? "allowed" : undefined;
}

export interface Decision {
  readonly sender: SenderId;
  readonly name: string;
  readonly standing: Standing;
  readonly by: string;
  readonly detail: string;
}

/** Writes down what was decided, and that it was. */
export async function decide(
  trx: Kysely<Database>,
  { sender, name, standing, by, detail }: Decision,
  now: number,
): Promise<void> {
  const decided = { standing, name, decided_by: by, decided_at: now };
  await trx
    .insertInto("senders")
    .values({ id: sender, ...decided })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(decided))
    .execute();
  const action = { owner: "senders.own", allowed: "senders.allow", denied: "senders.deny" }[standing];
  await audit(
    trx,
    { actor: by, groupId: null, action, subject: `sender:${sender}`, allowed: true, detail },
    now,
  );
}

/** How many more wrong codes may come from there. */
export async function triesLeft(trx: Kysely<Database>, place: string, now: number): Promise<number> {
  const tries = await trx
    .selectFrom("code_tries")
    .select("id")
    .where("place", "=", place)
    .where("at", ">", now - CODE_LIVES_MS)
    .limit(CODE_TRIES)
    .execute();
  return CODE_TRIES - tries.length;
}

export async function countTry(trx: Kysely<Database>, place: string, now: number): Promise<void> {
  await trx
    .deleteFrom("code_tries")
    .where("at", "<=", now - CODE_LIVES_MS)
    .execute();
  await trx.insertInto("code_tries").values({ place, at: now }).execute();
}

/** A new code for an owner; one that was not used is void from now on. */
export async function issueOwnerCode(trx: Kysely<Database>, code: string, by: string, now: number) {
  const expiresAt = now + CODE_LIVES_MS;
  await trx
    .updateTable("pairings")
    .set({ state: "expired" })
    .where("kind", "=", "owner")
    .where("state", "=", "pending")
    .execute();
  await trx
    .insertInto("pairings")
    .values({
      kind: "owner",
      code_hash: hashCode(code),
      chat_id: null,
      sender_id: null,
      sender_name: null,
      state: "pending",
      created_at: now,
      expires_at: expiresAt,
    })
    .execute();
  const detail = "a code that makes whoever sends it an owner, once";
  await audit(
    trx,
    { actor: by, groupId: null, action: "senders.pair", subject: "code", allowed: true, detail },
    now,
  );
  return { expiresAt };
}

/** A message in which something has the form of a code. */
export interface Offered {
  readonly chat: ChatId;
  readonly chatTitle?: string | undefined;
  readonly direct?: boolean | undefined;
  readonly platformId: string;
  readonly sender: { readonly id: SenderId; readonly name: string };
  readonly codes: readonly string[];
  /** The whole message is one. */
  readonly whole: boolean;
  /** Nobody is answered there: it is the owner's own account that would be writing. */
  readonly silent: boolean;
}

/** Whether any of these is, or was, an owner's code. */
export async function knowsOwnerCode(db: Kysely<Database>, codes: readonly string[]): Promise<boolean> {
  return (await ownerCode(db, codes)) !== undefined;
}

/**
 * Takes the message for its code: then it is no message, and nothing of it is stored. Only inside the
 * transaction that moves the cursor over it.
 * @returns undefined where it is a message like any other
 */
export async function pair(
  trx: Kysely<Database>,
  offered: Offered,
  now: number,
): Promise<{ readonly owner: boolean } | undefined> {
  const { chat, sender, codes, whole } = offered;
  const known = await ownerCode(trx, codes);
  if (!known && !(whole && (await awaitsOwner(trx, now)))) return undefined;
  if (known && known.state !== "pending") return { owner: false }; // used, or void: it may be delivered twice
  const left = await triesLeft(trx, chat, now);
  if (left <= 0) return { owner: false };
  if (!known || known.expires_at <= now) {
    await countTry(trx, chat, now);
    const detail = known ? "a code that has expired" : "a wrong code";
    const { id } = sender;
    const subject = `sender:${id}`;
    await audit(
      trx,
      { actor: id, groupId: null, action: "senders.pair", subject, allowed: false, detail },
      now,
    );
    await answer(trx, offered, wrong(left - 1), now);
    return { owner: false };
  }
  await trx
    .updateTable("pairings")
    .set({ state: "used", sender_id: sender.id, sender_name: sender.name })
    .where("id", "=", known.id)
    .execute();
  const detail = `by the code of bellhop pair, in ${chat}`;
  await decide(trx, { sender: sender.id, name: sender.name, standing: "owner", by: sender.id, detail }, now);
  const there = await anyChat(trx, chat);
  const direct = offered.direct ?? there?.direct === 1;
  await answer(trx, offered, welcome(direct), now);
  return { owner: true };
}

async function ownerCode(db: Kysely<Database>, codes: readonly string[]): Promise<PairingRow | undefined> {
  if (codes.length === 0) return undefined;
  return await db
    .selectFrom("pairings")
    .selectAll()
    .where("code_hash", "in", codes.map(hashCode))
    .where("kind", "=", "owner")
    .executeTakeFirst();
}

async function awaitsOwner(db: Kysely<Database>, now: number): Promise<boolean> {
  const row = await db
    .selectFrom("pairings")
    .select("id")
    .where("state", "=", "pending")
    .where("kind", "=", "owner")
    .where("expires_at", ">", now)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function answer(trx: Kysely<Database>, offered: Offered, text: string, now: number): Promise<void> {
  if (offered.silent) return;
  const chat = await ensureWaiting(trx, { ...offered, id: offered.chat }, now);
  const key = `pair:${chat.id}:${offered.platformId}`;
  await owe(trx, { chat: chat.id, groupId: chat.group_id, turn: undefined, now }, [
    { key, kind: "notice", text },
  ]);
}

function wrong(left: number): string {
  if (left === 0) return "That code is not valid. No more codes are taken here for an hour.";
  return `That code is not valid. You may try ${left === 1 ? "once" : `${left} times`} more.`;
}

function welcome(direct: boolean): string {
  const main = "the group that administers the others";
  if (direct) return `You are an owner now. Send /main to make this chat part of main, ${main}.`;
  return (
    `You are an owner now. Several people write here: if this chat became part of main, ${main}, all of them ` +
    "would be heard there. Better pair in a direct chat. If you want it all the same, send: /main yes"
  );
}
