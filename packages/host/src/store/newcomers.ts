/**
 * Strangers who wrote to us directly: what they said is held until the owner has decided (design 4).
 *
 * - A message is held by the transaction that moves its cursor (G1), once however often it is delivered
 *   (G2). Of a chat the newest are kept, and nothing of it is read meanwhile.
 * - Who is let in gets a group of their own. What was held is admitted one by one, in order, each by the
 *   transaction that takes it out of here; until the last one is through, what comes is put behind it.
 * - Who is turned away, or not answered for an hour, loses it; how much that was stands in the record.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { failpoint } from "../core/failpoint.ts";
import { ChatId, type GroupFolder, MAIN, SenderId } from "../core/ids.ts";
import { asCode, CODE_LIVES_MS, hashCode } from "../core/pairing-code.ts";
import { amend } from "./amendments.ts";
import { audit } from "./audit.ts";
import { owe } from "./outbox.ts";
import {
  countTry,
  decide,
  issueOwnerCode,
  knowsOwnerCode,
  type PairingRow,
  standingOf,
  triesLeft,
} from "./senders.ts";
import type { Database, SendersTable } from "./tables.ts";
import { anyChat, ensureWaiting } from "./waiting-chats.ts";

const MOST_HELD = 20;
/** At a time; who comes then is nobody's business, as in any chat that no group has. */
const MOST_PENDING = 50;
/** How often the owner is asked about the same chat within a day. */
const MOST_ASKED = 3;
const DAY_MS = 24 * 60 * 60_000;

/** An `Inbound` as it is kept: its files without their bytes. */
export const HeldInbound = z.object({
  platformId: z.string(),
  kind: z.enum(["message", "edit", "delete"]),
  version: z.number(),
  chat: z.string(),
  chatTitle: z.string().optional(),
  threadOf: z.string().optional(),
  direct: z.boolean().optional(),
  sender: z.object({ id: z.string(), name: z.string() }),
  text: z.string(),
  nonText: z.string().optional(),
  mentionsUs: z.boolean().optional(),
  replyTo: z.string().optional(),
  quote: z.string().optional(),
  forwarded: z.string().optional(),
  sentAt: z.number().optional(),
  files: z
    .array(z.object({ name: z.string(), type: z.string().optional(), bytes: z.number().optional() }))
    .optional(),
});
export type HeldInbound = z.infer<typeof HeldInbound>;

export interface Newcomer {
  readonly chat: ChatId;
  readonly chatTitle?: string | undefined;
  readonly sender: {
    readonly id: SenderId;
    readonly name: string;
    readonly linked?: readonly SenderId[] | undefined;
  };
  readonly inbound: HeldInbound;
  /** As configured. */
  readonly owner: boolean;
  readonly code: string;
  /** What they are told with it; nothing on a personal account, where it would be the owner who writes. */
  readonly greeting: string | undefined;
}

/** What became of a message that is not taken. */
export type NotTaken =
  | { readonly not: "held"; readonly asked: boolean; readonly entering: boolean }
  /** Nothing of it is stored, and nobody is told. */
  | { readonly not: "dropped" }
  /** It brought an owner's code, or a wrong one. */
  | { readonly not: "code"; readonly owner: boolean };

/** Only inside the transaction that moves the cursor. Undefined: nobody's business. */
export async function hold(
  trx: Kysely<Database>,
  newcomer: Newcomer,
  now: number,
): Promise<NotTaken | undefined> {
  const { chat: id, sender } = newcomer;
  const chat = await anyChat(trx, id);
  const standing = await standingOf(trx, sender);
  if (standing === "denied") return { not: "dropped" };
  if (chat?.standing === "entering") {
    await keep(trx, newcomer, now);
    return { not: "held", asked: false, entering: true };
  }
  if (standing === "owner" || newcomer.owner) return undefined;
  if (standing === "allowed") {
    await ensureWaiting(trx, { ...newcomer, id, direct: true }, now);
    await keep(trx, newcomer, now);
    await letIn(trx, id);
    return { not: "held", asked: false, entering: true };
  }
  const asked = !(await pendingIn(trx, id));
  if (asked && !(await ask(trx, newcomer, now))) return chat ? { not: "dropped" } : undefined;
  await keep(trx, newcomer, now);
  failpoint("stranger.held");
  return { not: "held", asked, entering: false };
}

/** Whether the owner is asked now. */
async function ask(trx: Kysely<Database>, newcomer: Newcomer, now: number): Promise<boolean> {
  const { chat: id, sender, code, greeting } = newcomer;
  const before = await trx
    .selectFrom("pairings")
    .select("id")
    .where("chat_id", "=", id)
    .where("created_at", ">", now - DAY_MS)
    .limit(MOST_ASKED)
    .execute();
  const pending = await trx
    .selectFrom("pairings")
    .select("id")
    .where("state", "=", "pending")
    .limit(MOST_PENDING)
    .execute();
  if (before.length >= MOST_ASKED || pending.length >= MOST_PENDING) return false;
  const chat = await ensureWaiting(trx, { ...newcomer, id, direct: true }, now);
  const code_hash = hashCode(code);
  await trx
    .insertInto("pairings")
    .values({
      kind: "stranger",
      code_hash,
      chat_id: id,
      sender_id: sender.id,
      sender_name: sender.name,
      state: "pending",
      created_at: now,
      expires_at: now + CODE_LIVES_MS,
    })
    .execute();
  if (greeting !== undefined)
    await owe(trx, { chat: id, groupId: chat.group_id, turn: undefined, now }, [
      { key: `stranger:${code_hash}`, kind: "notice", text: greeting },
    ]);
  return true;
}

async function keep(trx: Kysely<Database>, { chat, inbound }: Newcomer, now: number): Promise<void> {
  const { platformId: platform_id, kind, version } = inbound;
  await trx
    .insertInto("held")
    .values({ chat_id: chat, platform_id, kind, version, inbound: JSON.stringify(inbound), held_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const oldestKept = await trx
    .selectFrom("held")
    .select("id")
    .where("chat_id", "=", chat)
    .orderBy("id", "desc")
    .offset(MOST_HELD - 1)
    .limit(1)
    .executeTakeFirst();
  // Those of a chat that is let in are all on their way.
  if (!oldestKept || (await anyChat(trx, chat))?.standing === "entering") return;
  await trx.deleteFrom("held").where("chat_id", "=", chat).where("id", "<", oldestKept.id).execute();
}

async function pendingIn(trx: Kysely<Database>, chat: ChatId): Promise<PairingRow | undefined> {
  return await trx
    .selectFrom("pairings")
    .selectAll()
    .where("chat_id", "=", chat)
    .where("state", "=", "pending")
    .where("kind", "=", "stranger")
    .executeTakeFirst();
}

/** The chat belongs to its guest group from now on, as soon as what was held has been admitted. */
async function letIn(trx: Kysely<Database>, id: ChatId): Promise<void> {
  await trx
    .updateTable("groups")
    .set({ guest: 1 })
    .where("id", "=", (eb) => eb.selectFrom("chats").select("group_id").where("id", "=", id))
    .where("folder", "<>", MAIN)
    .execute();
  await trx.updateTable("chats").set({ standing: "entering" }).where("id", "=", id).execute();
}

/** One that is held was admitted. The last one opens its chat. Only inside the transaction that admits it. */
export async function letGo(trx: Kysely<Database>, chat: ChatId, held: number): Promise<void> {
  await trx.deleteFrom("held").where("id", "=", held).execute();
  failpoint("stranger.entered");
  await openIfEmpty(trx, chat);
}

/** Opens the chat if nothing of it is held, and it is let in. */
export async function openIfEmpty(trx: Kysely<Database>, chat: ChatId): Promise<void> {
  const more = await trx
    .selectFrom("held")
    .select("id")
    .where("chat_id", "=", chat)
    .limit(1)
    .executeTakeFirst();
  if (more) return;
  await trx
    .updateTable("chats")
    .set({ standing: "open" })
    .where("id", "=", chat)
    .where("standing", "=", "entering")
    .execute();
}

export interface Waiting {
  readonly chat: ChatId;
  readonly sender: SenderId;
  readonly name: string;
  readonly messages: number;
  readonly since: number;
  readonly expiresAt: number;
}

export interface Known {
  readonly id: SenderId;
  readonly standing: SendersTable["standing"];
  readonly name: string;
  readonly by: string;
  readonly at: number;
}

/** The owner was asked about somebody by a card, which reads otherwise from now on. */
export interface ClosedCard {
  readonly key: string;
  readonly text: string;
}
export type CloseCard = (row: PairingRow) => ClosedCard;

export type Newcomers = ReturnType<typeof createNewcomers>;

export function createNewcomers(db: Kysely<Database>, clock: Pick<Clock, "now">) {
  async function pending(): Promise<PairingRow[]> {
    return await db
      .selectFrom("pairings")
      .selectAll()
      .where("state", "=", "pending")
      .where("kind", "=", "stranger")
      .orderBy("id")
      .execute();
  }

  /** The pairings that are meant: by code, by sender, or by chat. */
  async function meant(
    trx: Kysely<Database>,
    who: string,
    now: number,
  ): Promise<PairingRow[] | "wrong code"> {
    const rows = await trx
      .selectFrom("pairings")
      .selectAll()
      .where("state", "=", "pending")
      .where("kind", "=", "stranger")
      .where("expires_at", ">", now)
      .execute();
    const code = asCode(who);
    if (code === undefined)
      return rows.filter(({ sender_id, chat_id }) => sender_id === who || chat_id === who);
    if ((await triesLeft(trx, DESK, now)) <= 0)
      throw new RejectedError(
        "Three codes were wrong within an hour: say who is meant by their address, as bellhop senders list shows it.",
      );
    const fits = rows.filter(({ code_hash }) => code_hash === hashCode(code));
    if (fits.length > 0) return fits;
    await countTry(trx, DESK, now);
    return "wrong code";
  }

  async function close(trx: Kysely<Database>, row: PairingRow, state: "denied" | "expired"): Promise<number> {
    await trx.updateTable("pairings").set({ state }).where("id", "=", row.id).execute();
    const { numDeletedRows } = await trx
      .deleteFrom("held")
      .where("chat_id", "=", row.chat_id)
      .executeTakeFirst();
    return Number(numDeletedRows);
  }

  async function decideOn(
    who: string,
    standing: "allowed" | "denied",
    by: string,
    card: CloseCard,
  ): Promise<{
    readonly sender: SenderId;
    readonly entering: readonly ChatId[];
    readonly owed: readonly ChatId[];
  }> {
    const now = clock.now();
    const done = await db.transaction().execute(async (trx) => {
      const rows = await meant(trx, who.trim(), now);
      if (rows === "wrong code") return rows;
      const sender = rows[0]?.sender_id ?? SenderId.safeParse(who.trim()).data;
      if (!sender)
        throw new RejectedError(
          `${who} names nobody: give a code, or a sender or chat such as telegram:7 (see: bellhop senders list).`,
        );
      if (standing === "allowed" && (await standingOf(trx, { id: sender })) === "owner")
        throw new RejectedError(`${sender} is an owner already.`);
      const entering: ChatId[] = [];
      const owed: ChatId[] = [];
      let dropped = 0;
      for (const row of rows) {
        owed.push(...(await amend(trx, { ...card(row), now })));
        if (standing === "denied") dropped += await close(trx, row, "denied");
        else if (row.chat_id !== null) {
          await trx.updateTable("pairings").set({ state: "used" }).where("id", "=", row.id).execute();
          await letIn(trx, row.chat_id);
          await openIfEmpty(trx, row.chat_id);
          entering.push(row.chat_id);
        }
      }
      const detail = standing === "denied" ? `${dropped} held messages were dropped` : entering.join(" ");
      await decide(trx, { sender, name: rows[0]?.sender_name ?? "", standing, by, detail }, now);
      return { sender, entering, owed };
    });
    if (done === "wrong code") throw new RejectedError("No stranger who waits was given this code.");
    failpoint("stranger.allowed");
    return done;
  }

  return {
    pending,
    /** @throws RejectedError with a sentence for a person */
    allow: (who: string, by: string, card: CloseCard) => decideOn(who, "allowed", by, card),
    deny: (who: string, by: string, card: CloseCard) => decideOn(who, "denied", by, card),

    /** A code that makes whoever sends it an owner. */
    ownerCode: (code: string, by: string) =>
      db.transaction().execute((trx) => issueOwnerCode(trx, code, by, clock.now())),
    knowsOwnerCode: (codes: readonly string[]) => knowsOwnerCode(db, codes),

    /** Forgets those whom nobody answered in time. Returns them, and the chats that are owed something now. */
    async expire(
      card: CloseCard,
    ): Promise<{ readonly late: readonly PairingRow[]; readonly owed: readonly ChatId[] }> {
      const now = clock.now();
      return await db.transaction().execute(async (trx) => {
        const owed: ChatId[] = [];
        const late = await trx
          .selectFrom("pairings")
          .selectAll()
          .where("state", "=", "pending")
          .where("expires_at", "<=", now)
          .execute();
        for (const row of late) {
          const dropped = await close(trx, row, "expired");
          if (row.kind === "stranger") owed.push(...(await amend(trx, { ...card(row), now })));
          const subject = row.sender_id === null ? "code" : `sender:${row.sender_id}`;
          const detail =
            row.kind === "owner"
              ? "a code for an owner was not used"
              : `nobody decided within the hour; ${dropped} held messages were dropped`;
          await audit(
            trx,
            { actor: "Bellhop", groupId: null, action: "senders.expire", subject, allowed: false, detail },
            now,
          );
        }
        return { late, owed };
      });
    },

    /** When the next one expires. */
    async nextExpiry(): Promise<number | undefined> {
      const row = await db
        .selectFrom("pairings")
        .select("expires_at")
        .where("state", "=", "pending")
        .orderBy("expires_at")
        .limit(1)
        .executeTakeFirst();
      return row?.expires_at;
    },

    /** Chats of which something is still to be admitted. */
    async entering(): Promise<readonly { readonly chat: ChatId; readonly group: GroupFolder }[]> {
      const rows = await db
        .selectFrom("chats")
        .innerJoin("groups", "groups.id", "chats.group_id")
        .select(["chats.id as chat", "folder as group"])
        .where("chats.standing", "=", "entering")
        .where("chats.standing", "<>", "open") // so says the index
        .execute();
      return rows;
    },

    /** What is to be admitted next. Where there is nothing, the chat is open from now on. */
    async next(chat: ChatId): Promise<{ readonly id: number; readonly inbound: HeldInbound } | undefined> {
      return await db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom("held")
          .select(["id", "inbound"])
          .where("chat_id", "=", chat)
          .orderBy("id")
          .limit(1)
          .executeTakeFirst();
        if (row) return { id: row.id, inbound: HeldInbound.parse(JSON.parse(row.inbound)) };
        await openIfEmpty(trx, chat);
        return undefined;
      });
    },

    /** What cannot be admitted at all. */
    giveUp: (chat: ChatId, held: number) => db.transaction().execute((trx) => letGo(trx, chat, held)),

    async list(): Promise<{ readonly senders: readonly Known[]; readonly waiting: readonly Waiting[] }> {
      const senders = await db.selectFrom("senders").selectAll().orderBy("decided_at", "desc").execute();
      const counts = await db
        .selectFrom("held")
        .select((eb) => ["chat_id", eb.fn.countAll<number>().as("messages")])
        .groupBy("chat_id")
        .execute();
      const held = new Map(counts.map(({ chat_id, messages }) => [chat_id, messages]));
      return {
        senders: senders.map(({ id, standing, name, decided_by: by, decided_at: at }) => ({
          id,
          standing,
          name,
          by,
          at,
        })),
        waiting: (await pending()).map((row) => ({
          chat: ChatId.parse(row.chat_id),
          sender: SenderId.parse(row.sender_id),
          name: row.sender_name ?? "",
          messages: held.get(ChatId.parse(row.chat_id)) ?? 0,
          since: row.created_at,
          expiresAt: row.expires_at,
        })),
      };
    },
  };
}

/** Where the owner types codes. */
const DESK = "desk";
