/**
 * The outbox: every message the host owes to a chat (G12).
 *
 * - A row is made by the transaction that makes it owed, under a key that names what is owed: the
 *   same thing is never owed twice.
 * - Per chat, rows go out in the order of `seq`, one at a time: only the first open one is claimed.
 * - `sent`, `unknown` and `dead` are final. What was left in `sending`, by a dead host or by a write
 *   that failed, goes through the ambiguity rule (G14) before anything else of its chat.
 */
import { StaleError } from "@bellhop/sdk";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { type ChatId, type FileId, newId, OutboxId, type TurnId } from "../core/ids.ts";
import { COMMAND_KEY } from "../core/pause.ts";
import { takeSeq } from "./chats.ts";
import type { Database, OutboxTable } from "./tables.ts";
import { appendEvent } from "./timeline.ts";
import { failpoint } from "../core/failpoint.ts";

export type OutboxRow = Selectable<OutboxTable>;

export interface NewOutbound {
  readonly key: string;
  readonly kind: OutboxRow["kind"];
  readonly text: string;
  readonly sender?: string | undefined;
  readonly replyTo?: string | undefined;
  /** Of `file`: which; `text` is its caption. */
  readonly file?: FileId | undefined;
}

/** Owes these to a chat, in this order. Only inside the transaction that makes them owed. */
export async function owe(
  trx: Kysely<Database>,
  to: { chat: ChatId; groupId: number; turn: TurnId | undefined; now: number },
  messages: readonly NewOutbound[],
): Promise<OutboxId[]> {
  const ids: OutboxId[] = [];
  for (const message of messages) {
    const known = await trx
      .selectFrom("outbox")
      .select("id")
      .where("key", "=", message.key)
      .executeTakeFirst();
    const id = known?.id ?? newId(OutboxId);
    ids.push(id);
    if (known) continue;
    await trx
      .insertInto("outbox")
      .values({
        id,
        key: message.key,
        chat_id: to.chat,
        group_id: to.groupId,
        turn_id: to.turn ?? null,
        kind: message.kind,
        seq: await takeSeq(trx, to.chat),
        text: message.text,
        file_id: message.file ?? null,
        sender_name: message.sender ?? null,
        reply_to: message.replyTo ?? null,
        state: "pending",
        due_at: to.now,
        platform_id: null,
        error: null,
        created_at: to.now,
        settled_at: null,
      })
      .execute();
    failpoint("outbox.owed");
  }
  return ids;
}

/** Whether this was owed before, whatever became of it. */
export async function isOwed(trx: Kysely<Database>, key: string): Promise<boolean> {
  const row = await trx.selectFrom("outbox").select("id").where("key", "=", key).executeTakeFirst();
  return row !== undefined;
}

export type Claimed =
  /** `replyTo` is the platform's id of the message that it answers or reacts to. */
  | { readonly row: OutboxRow; readonly replyTo: string | undefined }
  | { readonly dueAt: number }
  /** Handed to its channel before, and nobody wrote down what became of it. */
  | { readonly interrupted: OutboxRow };

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(db: Kysely<Database>, clock: Clock) {
  /** @throws StaleError when the row is not being sent: it was settled before */
  async function settle(row: OutboxRow, state: "sent" | "unknown" | "dead", note: string): Promise<void> {
    const now = clock.now();
    await db.transaction().execute(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable("outbox")
        .set({ state, settled_at: now, ...(state === "sent" ? { platform_id: note } : { error: note }) })
        .where("id", "=", row.id)
        .where("state", "=", "sending")
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw new StaleError(`message ${row.id} is not being sent any more`);
      // What may have arrived is shown like what has; what did not is shown nowhere.
      if (state !== "dead") {
        await appendEvent(trx, row.chat_id, now, { kind: "out", ref: row.id });
      }
    });
  }

  return {
    /**
     * The first open row of the chat, now `sending`; or when it is due; or nothing. Each chat is claimed
     * for by one caller at a time: what it finds `sending` is being sent by nobody. While everything is
     * held, only the answers to chat commands go out (G27).
     */
    async claim(chat: ChatId, only?: "answers to commands"): Promise<Claimed | undefined> {
      const now = clock.now();
      return await db.transaction().execute(async (trx) => {
        const first = await trx
          .selectFrom("outbox")
          .selectAll()
          .where("chat_id", "=", chat)
          .where("settled_at", "is", null)
          .$if(only !== undefined, (query) => query.where("key", "like", `${COMMAND_KEY}%`))
          .orderBy("seq")
          .limit(1)
          .executeTakeFirst();
        if (!first) return undefined;
        if (first.state === "sending") return { interrupted: first };
        if (first.due_at > now) return { dueAt: first.due_at };
        const row = await trx
          .updateTable("outbox")
          .set((eb) => ({ state: "sending", attempts: eb("attempts", "+", 1) }))
          .where("id", "=", first.id)
          .returningAll()
          .executeTakeFirstOrThrow();
        return { row, replyTo: row.reply_to === null ? undefined : await platformIdOf(trx, row.reply_to) };
      });
    },

    sent: (row: OutboxRow, platformId: string) => settle(row, "sent", platformId),
    unknown: (row: OutboxRow, why: string) => settle(row, "unknown", why),
    bury: (row: OutboxRow, why: string) => settle(row, "dead", why),

    async retry(row: OutboxRow, at: number, why: string): Promise<void> {
      await db
        .updateTable("outbox")
        .set({ state: "retry", due_at: Math.ceil(at), error: why })
        .where("id", "=", row.id)
        .where("state", "=", "sending")
        .execute();
    },

    /** Owes a word of the host's own, of no turn. False where it was owed before. */
    async oweNotice(notice: { chat: ChatId; groupId: number; key: string; text: string }): Promise<boolean> {
      const { chat, groupId, key, text } = notice;
      return await db.transaction().execute(async (trx) => {
        if (await isOwed(trx, key)) return false;
        const to = { chat, groupId, turn: undefined, now: clock.now() };
        await owe(trx, to, [{ key, kind: "notice", text }]);
        return true;
      });
    },

    /** Chats that are owed something. */
    async chatsOwed(): Promise<ChatId[]> {
      const rows = await db
        .selectFrom("outbox")
        .select("chat_id")
        .distinct()
        .where("settled_at", "is", null)
        .execute();
      return rows.map(({ chat_id }) => chat_id);
    },

    async counts(): Promise<{ open: number; unknown: number; dead: number }> {
      const rows = await db
        .selectFrom("outbox")
        .select((eb) => ["state", eb.fn.countAll<number>().as("n")])
        .where(sql<boolean>`state IN ('unknown', 'dead')`)
        .where("dropped_at", "is", null)
        .groupBy("state")
        .execute();
      const { open } = await db
        .selectFrom("outbox")
        .select((eb) => eb.fn.countAll<number>().as("open"))
        .where("settled_at", "is", null)
        .executeTakeFirstOrThrow();
      const count = (wanted: OutboxRow["state"]) => rows.find(({ state }) => state === wanted)?.n ?? 0;
      return { open, unknown: count("unknown"), dead: count("dead") };
    },
  };
}

/** Our rows know each other by our ids; a platform knows its own. */
async function platformIdOf(trx: Kysely<Database>, ref: string): Promise<string | undefined> {
  for (const table of ["inbox", "outbox"] as const) {
    const row = await trx
      .selectFrom(table)
      .select("platform_id")
      .where(sql<string>`id`, "=", ref)
      .executeTakeFirst();
    if (row) return row.platform_id ?? undefined;
  }
  return undefined;
}
