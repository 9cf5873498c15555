/**
 * The outbox: every message the host owes to a chat (G12).
 *
 * - A row is made by the transaction that makes it owed, under a key that names what is owed: the
 *   same thing is never owed twice.
 * - The chat of a turn is fixed: a turn owes to no other, unless a call of a tool was allowed to.
 * - Per chat, rows go out in the order of `seq`, one at a time: only the first open one is claimed.
 * - `sent`, `unknown` and `dead` are final. What was left in `sending`, by a dead host or by a write
 *   that failed, goes through the ambiguity rule (G14) before anything else of its chat.
 * - A draft is the beginning of an answer, sent to be edited. It is no message of its own: it is not in
 *   the timeline, nobody is told when it is lost, and once its answer is owed it need not go any more.
 * - An amendment is no message of its own either (store/amendments.ts).
 * - What plugins make of a row is stored before it is first sent, and never after: what is sent again is the
 *   same. What they keep back is `dead`, with their reason, and no dead letter.
 */
import { type Button, StaleError } from "@bellhop/sdk";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Offer } from "../core/button.ts";
import type { Clock } from "../core/clock.ts";
import type { Hooked } from "../core/hooked.ts";
import { type ChatId, type FileId, newId, OutboxId, type TurnId } from "../core/ids.ts";
import { COMMAND_KEY } from "../core/pause.ts";
import { buttonsOf, offerButtons } from "./buttons.ts";
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
  /** What may be answered to it at the press of a button. */
  readonly offer?: Offer | undefined;
  /**
   * It takes the place of the turn's draft: where there is one, that is edited into it. `only`: without a
   * draft nothing is owed at all.
   */
  readonly overDraft?: "if any" | "only" | undefined;
  /** The message that reads so from now on (store/amendments.ts). */
  readonly amends?: OutboxId | undefined;
}

export interface OwedTo {
  readonly chat: ChatId;
  readonly groupId: number;
  /** Whose word it is; undefined for the host's own. */
  readonly turn: TurnId | undefined;
  readonly now: number;
  /** A tool of the turn was called to write to this chat, and may. */
  readonly authorised?: boolean | undefined;
}

/** The draft of a turn has this key. */
export const draftKey = (turn: TurnId): string => `${turn}:draft`;

/** Owes these to a chat, in this order. Only inside the transaction that makes them owed. */
export async function owe(
  trx: Kysely<Database>,
  to: OwedTo,
  messages: readonly NewOutbound[],
): Promise<OutboxId[]> {
  if (to.turn !== undefined && to.authorised !== true && messages.length > 0)
    await assertReplyTarget(trx, to.turn, to.chat);
  const ids: OutboxId[] = [];
  for (const message of messages) {
    const known = await idOf(trx, message.key);
    const draft = message.overDraft && to.turn && (await idOf(trx, draftKey(to.turn)));
    if (known === undefined && draft === undefined && message.overDraft === "only") continue;
    const id = known ?? newId(OutboxId);
    ids.push(id);
    if (known !== undefined) continue;
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
        replaces: message.amends ?? draft ?? null,
        sender_name: message.sender ?? null,
        reply_to: message.replyTo ?? null,
        with_buttons: message.offer?.instead ?? null,
        state: "pending",
        due_at: to.now,
        platform_id: null,
        error: null,
        created_at: to.now,
        settled_at: null,
      })
      .execute();
    if (message.offer) await offerButtons(trx, { id, chat: to.chat, now: to.now }, message.offer);
    failpoint("outbox.owed");
  }
  return ids;
}

/** The choke point of point 4 of the design: whatever went wrong above, no answer goes to another chat. */
async function assertReplyTarget(trx: Kysely<Database>, turn: TurnId, chat: ChatId): Promise<void> {
  const own = await trx.selectFrom("turns").select("chat_id").where("id", "=", turn).executeTakeFirst();
  if (own?.chat_id !== chat) throw new Error(`turn ${turn} answers ${own?.chat_id}, not ${chat}`);
}

async function idOf(trx: Kysely<Database>, key: string): Promise<OutboxId | undefined> {
  const row = await trx.selectFrom("outbox").select("id").where("key", "=", key).executeTakeFirst();
  return row?.id;
}

/** What a notice to the owner is owed under, by the key of its incident. */
export const noticeKey = (incident: string): string => `notice:${incident}`;

/** Whether this was owed before, whatever became of it. */
export async function isOwed(trx: Kysely<Database>, key: string): Promise<boolean> {
  return (await idOf(trx, key)) !== undefined;
}

export interface ClaimedRow {
  readonly row: OutboxRow;
  /** The platform's id of the message that it answers or reacts to. */
  readonly replyTo: string | undefined;
  /** The platform's id of the draft that it is to be edited into. */
  readonly over: string | undefined;
  /** What it reads where its buttons are shown, and those of them that may still be pressed. */
  readonly offered?: { readonly instead: string; readonly buttons: readonly Button[] } | undefined;
}

/** What goes out while everything is held (G27). */
export type Only = "answers to commands";

export type Claimed =
  | ClaimedRow
  | { readonly dueAt: number }
  /** Handed to its channel before, and nobody wrote down what became of it. */
  | { readonly interrupted: OutboxRow };

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(db: Kysely<Database>, clock: Clock) {
  /**
   * @param word what the chat is told about it, where it did not arrive
   * @throws StaleError when the row is not being sent: it was settled before
   */
  async function settle(
    row: OutboxRow,
    state: "sent" | "unknown" | "dead",
    note: string,
    word?: NewOutbound,
  ): Promise<void> {
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
      if (state !== "dead" && row.kind !== "draft" && !isAmendment(row))
        await appendEvent(trx, row.chat_id, now, { kind: "out", ref: row.id });
      const to = { chat: row.chat_id, groupId: row.group_id, turn: undefined, now };
      if (word) await owe(trx, to, [word]);
    });
  }

  /** Whether the answer that a draft is the beginning of is owed by now. */
  async function isReplaced(trx: Kysely<Database>, draft: OutboxRow): Promise<boolean> {
    const rows = await trx
      .selectFrom("outbox")
      .select("replaces")
      .where("turn_id", "=", draft.turn_id)
      .where("replaces", "is not", null)
      .execute();
    return rows.some(({ replaces }) => replaces === draft.id);
  }

  async function dropRow(trx: Kysely<Database>, { id }: OutboxRow, why: string): Promise<void> {
    const now = clock.now();
    await trx
      .updateTable("outbox")
      .set({ state: "dead", error: why, settled_at: now, dropped_at: now })
      .where("id", "=", id)
      .where("settled_at", "is", null)
      .execute();
  }

  async function firstOpen(
    trx: Kysely<Database>,
    chat: ChatId,
    only: Only | undefined,
  ): Promise<OutboxRow | undefined> {
    return await trx
      .selectFrom("outbox")
      .selectAll()
      .where("chat_id", "=", chat)
      .where("settled_at", "is", null)
      .$if(only !== undefined, (query) => query.where("key", "like", `${COMMAND_KEY}%`))
      .orderBy("seq")
      .limit(1)
      .executeTakeFirst();
  }

  return {
    /**
     * The first open row of the chat, now `sending`; or when it is due; or nothing. Each chat is claimed
     * for by one caller at a time: what it finds `sending` is being sent by nobody. While everything is
     * held, only the answers to chat commands go out (G27).
     */
    async claim(chat: ChatId, only?: Only): Promise<Claimed | undefined> {
      const now = clock.now();
      return await db.transaction().execute(async (trx) => {
        let first = await firstOpen(trx, chat, only);
        // One that may have arrived is sent again under its key, to learn which message is to be edited.
        while (first && isIdleDraft(first) && (await isReplaced(trx, first))) {
          await dropRow(trx, first, "its answer was there before it was sent");
          first = await firstOpen(trx, chat, only);
        }
        if (!first) return undefined;
        if (first.state === "sending") return { interrupted: first };
        if (first.due_at > now) return { dueAt: first.due_at };
        const row = await trx
          .updateTable("outbox")
          .set((eb) => ({
            state: "sending",
            attempts: eb("attempts", "+", 1),
            first_sent_at: eb.fn.coalesce("first_sent_at", eb.val(now)),
          }))
          .where("id", "=", first.id)
          .returningAll()
          .executeTakeFirstOrThrow();
        return {
          row,
          replyTo: row.reply_to === null ? undefined : await platformIdOf(trx, row.reply_to),
          over: row.replaces === null ? undefined : await platformIdOf(trx, row.replaces),
          offered:
            row.with_buttons === null
              ? undefined
              : { instead: row.with_buttons, buttons: await buttonsOf(trx, row.id, now) },
        };
      });
    },

    /** What goes out next in the chat, if it is due, was never tried, and no plugin has seen it. */
    async unhooked(chat: ChatId): Promise<OutboxRow | undefined> {
      const first = await firstOpen(db, chat, undefined);
      return first && isUnhooked(first) && first.due_at <= clock.now() ? first : undefined;
    },

    /** Plugins have seen the row, and this is what is sent. */
    async hooked({ id }: OutboxRow, text: string, hooked: Hooked): Promise<void> {
      await db
        .updateTable("outbox")
        .set({ text, hooked: JSON.stringify(hooked) })
        .where("id", "=", id)
        .where(isUntried)
        .execute();
    },

    /** It is not sent. `instead`: but this word of the host's is, in its place. */
    async suppress({ id }: OutboxRow, why: string, hooked: Hooked, instead?: string): Promise<void> {
      const now = clock.now();
      await db
        .updateTable("outbox")
        .set({
          hooked: JSON.stringify(hooked),
          error: why,
          ...(instead === undefined
            ? { state: "dead", settled_at: now, dropped_at: now }
            : { kind: "notice", file_id: null, text: instead }),
        })
        .where("id", "=", id)
        .where(isUntried)
        .execute();
    },

    sent: (row: OutboxRow, platformId: string) => settle(row, "sent", platformId),
    unknown: (row: OutboxRow, why: string, word?: NewOutbound) => settle(row, "unknown", why, word),
    bury: (row: OutboxRow, why: string, word?: NewOutbound) => settle(row, "dead", why, word),
    /** A draft that is not worth another attempt, or an amendment of what cannot be changed. */
    drop: (row: OutboxRow, why: string) => dropRow(db, row, why),

    /** @param uncertain how many attempts may have arrived by now */
    async retry(row: OutboxRow, at: number, why: string, uncertain = row.uncertain): Promise<void> {
      await db
        .updateTable("outbox")
        .set({ state: "retry", due_at: Math.ceil(at), error: why, uncertain })
        .where("id", "=", row.id)
        .where("state", "=", "sending")
        .execute();
    },

    /** When the first open row of the chat is due, and whether one person alone reads it; undefined where none is open. */
    async firstDue(
      chat: ChatId,
      only?: Only,
    ): Promise<{ readonly at: number; readonly direct: boolean } | undefined> {
      const first = await firstOpen(db, chat, only);
      if (!first) return undefined;
      const row = await db.selectFrom("chats").select("direct").where("id", "=", chat).executeTakeFirst();
      return { at: first.state === "sending" ? 0 : first.due_at, direct: row?.direct === 1 };
    },

    draftOf: (turn: TurnId): Promise<OutboxId | undefined> => idOf(db, draftKey(turn)),

    /** The platform's id of a draft that can be seen and is still one. */
    async shownDraft(id: OutboxId): Promise<string | undefined> {
      const draft = await db.selectFrom("outbox").selectAll().where("id", "=", id).executeTakeFirst();
      if (draft?.state !== "sent" || (await isReplaced(db, draft))) return undefined;
      return draft.platform_id ?? undefined;
    },

    /** Owes a word of the host's own, of no turn. False where it was owed before. */
    async oweNotice(
      notice: { chat: ChatId; groupId: number } & Pick<NewOutbound, "key" | "text" | "offer">,
    ): Promise<boolean> {
      const { chat, groupId, key, text, offer } = notice;
      return await db.transaction().execute(async (trx) => {
        if (await isOwed(trx, key)) return false;
        const to = { chat, groupId, turn: undefined, now: clock.now() };
        await owe(trx, to, [{ key, kind: "notice", text, offer }]);
        return true;
      });
    },

    /**
     * Owes what no turn says, in this order and under one key. False where it was owed before.
     */
    async oweTexts(to: {
      chat: ChatId;
      groupId: number;
      key: string;
      texts: readonly string[];
    }): Promise<boolean> {
      const { chat, groupId, key, texts } = to;
      return await db.transaction().execute(async (trx) => {
        if (await isOwed(trx, `${key}:0`)) return false;
        const rows = texts.map((text, part) => ({ key: `${key}:${part}`, kind: "text", text }) as const);
        await owe(trx, { chat, groupId, turn: undefined, now: clock.now() }, rows);
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

/** It changes a message that people have seen, and is none of its own. */
export function isAmendment({ replaces, turn_id }: Pick<OutboxRow, "replaces" | "turn_id">): boolean {
  return replaces !== null && turn_id === null;
}

const isUntried = sql<boolean>`state = 'pending' AND attempts = 0`;

function isUnhooked({ state, attempts, hooked }: OutboxRow): boolean {
  return state === "pending" && attempts === 0 && hooked === null;
}

/** Surely not shown, and not being sent. */
function isIdleDraft({ kind, state, uncertain }: OutboxRow): boolean {
  return kind === "draft" && state !== "sending" && uncertain === 0;
}

/**
 * Our rows know each other by our ids; a platform knows its own. What answers a reaction or a press stands below
 * the message that it was about.
 */
async function platformIdOf(trx: Kysely<Database>, ref: string): Promise<string | undefined> {
  const told = await trx
    .selectFrom("inbox")
    .select(["kind", "platform_id", "reply_to"])
    .where(sql<string>`id`, "=", ref)
    .executeTakeFirst();
  if (told)
    return told.kind === "reaction" || told.kind === "button"
      ? (told.reply_to ?? undefined)
      : told.platform_id;
  const sent = await trx
    .selectFrom("outbox")
    .select("platform_id")
    .where(sql<string>`id`, "=", ref)
    .executeTakeFirst();
  return sent?.platform_id ?? undefined;
}
