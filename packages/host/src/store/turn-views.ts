/**
 * What others ask about turns and what was said in them. Nothing here changes anything, so nothing
 * needs a fence.
 */
import { type Kysely, type Selectable, sql } from "kysely";
import type { ChatId, InboxId, OutboxId, SessionId, TurnId } from "../core/ids.ts";
import { remembered } from "../core/prompt.ts";
import { estimateTokens } from "../core/tokens.ts";
import { type Done, doneBy } from "./journal.ts";
import { saidBy } from "./said-by.ts";
import type { Database, TurnsTable } from "./tables.ts";
import { isWaiting } from "./waiting.ts";

/** As much of a claim as it takes to ask about its turn. */
interface Asked {
  readonly turn: TurnId;
  readonly chat: { readonly id: ChatId };
}

/** Most that a recap looks at; its budget of tokens is the real bound. */
const RECAP_MESSAGES = 100;

/** A session with something to do, and when. */
export interface Due {
  readonly session: SessionId;
  readonly groupId: number;
  /** What waits in it: something of a schedule, or what people wrote. */
  readonly kind: "occurrence" | "chat";
  /** A session of one task, in a sandbox beside the group's other one. */
  readonly isolated: boolean;
  readonly at: number;
}

export function createTurnViews(db: Kysely<Database>) {
  async function original(chat: ChatId, platformId: string) {
    return await db
      .selectFrom("inbox")
      .select(["seq", "text", "non_text", "sender_id", "hooks"])
      .where("chat_id", "=", chat)
      .where("platform_id", "=", platformId)
      .where("kind", "=", "message")
      .limit(1)
      .executeTakeFirst();
  }

  return {
    /** What the turn has said by now, to be told to whoever tries again (G11). */
    alreadySent: (claim: Asked): Promise<string[]> => sentBy(db, claim.turn),

    /** Whether the turn has already put something into its own chat: by a tool, or in an earlier attempt. */
    async hasSpoken(claim: Asked): Promise<boolean> {
      const row = await db
        .selectFrom("outbox")
        .select("id")
        .where("turn_id", "=", claim.turn)
        .where("chat_id", "=", claim.chat.id)
        .where("kind", "in", ["text", "reaction", "file"])
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    /** What the turn's tools have done by now, to be told to whoever tries again (G11). */
    alreadyDone: (claim: Asked): Promise<Done[]> => doneBy(db, claim.turn),

    /** What was said lately in the turn's chat before the turn, oldest first: for a recap. */
    async recap(claim: Asked, tokens: number): Promise<{ who: string; text: string }[]> {
      const { rows } = await sql<{ who: string; text: string }>`
        SELECT coalesce(${saidBy}, 'you') AS who, coalesce(inbox.text, outbox.text) AS text
        FROM events
        LEFT JOIN inbox ON events.kind = 'in' AND inbox.id = events.ref
        LEFT JOIN outbox ON events.kind = 'out' AND outbox.id = events.ref
        WHERE events.chat_id = ${claim.chat.id} AND events.kind IN ('in', 'out')
          AND coalesce(inbox.turn_id, outbox.turn_id, '') <> ${claim.turn}
          AND (inbox.state = 'done' OR outbox.kind = 'text')
          -- What a plugin has sent is nothing that the conversation knew of.
          AND coalesce(outbox.key, '') NOT LIKE 'plugin:%'
        ORDER BY events.id DESC LIMIT ${RECAP_MESSAGES}`.execute(db);
      let left = tokens;
      const past = rows.findIndex(({ text }) => (left -= estimateTokens(remembered(text))) < 0);
      return rows.slice(0, past === -1 ? undefined : Math.max(1, past)).toReversed();
    },

    /**
     * Every session with something to do, those whose turn is marked as running among them; without
     * those whose turn is held. What waits behind a turn waits for it. (CROSS JOIN keeps SQLite from
     * walking through all sessions that ever were.)
     */
    async due(): Promise<Due[]> {
      const { rows } = await sql<Omit<Due, "isolated"> & { scope: string }>`
        SELECT due.session, sessions.group_id AS "groupId", sessions.scope_kind AS scope, due.kind, due.at
        FROM (
          SELECT session_id AS session, iif(kind = 'task', 'occurrence', 'chat') AS kind,
            coalesce(retry_at, 0) AS at, created_at AS since, 0 AS fresh
          FROM turns WHERE ended_at IS NULL AND held_for IS NULL
          UNION ALL
          SELECT session_id, 'chat', 0, min(accepted_at), 1 FROM inbox
          WHERE inbox.state = 'waiting' AND session_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM turns WHERE turns.session_id = inbox.session_id AND ended_at IS NULL)
          GROUP BY session_id
          UNION ALL
          SELECT session_id, 'occurrence', 0, min(created_at), 1 FROM occurrences
          WHERE occurrences.state = 'waiting' AND session_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM turns WHERE turns.session_id = occurrences.session_id AND turns.ended_at IS NULL)
          GROUP BY session_id
        ) AS due CROSS JOIN sessions ON sessions.id = due.session
        ORDER BY due.fresh, due.since`.execute(db);
      return rows.map(({ scope, ...due }) => ({ ...due, isolated: scope === "occurrence" }));
    },

    /** What a turn answers, and whether it has put a sign of its own on it. */
    async marksOf(turn: TurnId) {
      const { chat_id: chat, state } = await db
        .selectFrom("turns")
        .select(["chat_id", "state"])
        .where("id", "=", turn)
        .executeTakeFirstOrThrow();
      const messages = await db
        .selectFrom("inbox")
        .select(["id", "platform_id as platformId", "accepted_at as acceptedAt"])
        .where("turn_id", "=", turn)
        .where("context", "=", 0)
        .execute();
      const reactions = await db
        .selectFrom("outbox")
        .select("reply_to")
        .where("turn_id", "=", turn)
        .where("kind", "=", "reaction")
        .execute();
      const reacted = (id: InboxId) => reactions.some(({ reply_to }) => reply_to === id);
      return { chat, state, messages: messages.map((one) => ({ ...one, reacted: reacted(one.id) })) };
    },

    /** Which turns have ended that answered these, and which of these will not be answered at all. */
    async fateOf(messages: readonly InboxId[]): Promise<{ turns: TurnId[]; forgotten: InboxId[] }> {
      const rows = await db
        .selectFrom("inbox")
        .select(["id", "state", "turn_id"])
        .where("id", "in", messages)
        .where("state", "in", ["done", "note"])
        .execute();
      const turns = new Set(rows.flatMap(({ state, turn_id }) => (state === "done" && turn_id) || []));
      const forgotten = rows.flatMap(({ id, state }) => (state === "note" ? id : []));
      return { turns: [...turns], forgotten };
    },

    /** The message with this number in a chat, whoever wrote it. */
    async numbered(chat: ChatId, seq: number): Promise<InboxId | OutboxId | undefined> {
      const own = { chat_id: chat, seq };
      const row =
        (await db
          .selectFrom("inbox")
          .select("id")
          .where((eb) => eb.and(own))
          .executeTakeFirst()) ??
        (await db
          .selectFrom("outbox")
          .select("id")
          .where((eb) => eb.and(own))
          .executeTakeFirst());
      return row?.id;
    },

    /** What a message answers: its number and text, if it is one of this chat. `ref`: the platform's id, or ours. */
    async quoted(chat: ChatId, ref: string): Promise<{ seq: number; text: string } | undefined> {
      const told = await original(chat, ref);
      // What a plugin has not let through is not read in quotes either.
      const kept = told?.hooks === "waiting" || told?.hooks === "held" || told?.hooks === "dropped";
      if (told) return { seq: told.seq, text: (!kept && told.text) || `[${told.non_text ?? "no text"}]` };
      // One by one: with OR between them SQLite would read the whole chat.
      for (const [table, name] of [
        ["inbox", "id"],
        ["outbox", "platform_id"],
        ["outbox", "id"],
      ] as const) {
        const row = await db
          .selectFrom(table)
          .select(["seq", "text"])
          .where("chat_id", "=", chat)
          .where(sql<string>`${sql.ref(name)}`, "=", ref)
          .$if(table === "inbox", (query) => query.where(sql<boolean>`coalesce(hooks, 'done') = 'done'`))
          .limit(1)
          .executeTakeFirst();
        if (row) return row;
      }
      return undefined;
    },

    /** The message that an edit or a deletion is about. */
    original,

    live: (): Promise<Selectable<TurnsTable>[]> =>
      db.selectFrom("turns").selectAll().where("ended_at", "is", null).execute(),

    /** How many messages wait, by chat and session. */
    waitingByChat: () =>
      db
        .selectFrom("inbox")
        .select((eb) => [
          "chat_id as chat",
          "session_id as session",
          "group_id as groupId",
          eb.fn.countAll<number>().as("messages"),
        ])
        .where(isWaiting)
        .groupBy(["chat_id", "session_id", "group_id"])
        .execute(),
  };
}

/** What a turn has said, less what was refused for good. */
export async function sentBy(trx: Kysely<Database>, turn: TurnId): Promise<string[]> {
  const rows = await trx
    .selectFrom("outbox")
    .select("text")
    .where("turn_id", "=", turn)
    .where("kind", "=", "text")
    .where("state", "<>", "dead")
    .orderBy("seq")
    .execute();
  return rows.map(({ text }) => text);
}
