/**
 * Turns: one agent answer to a batch of messages of one chat, over however many attempts it takes.
 *
 * - One live turn per session (an index holds it). Claiming counts the session's fence up; every
 *   effect of a turn is one transaction that first proves that its claim is still the latest (G6,
 *   G7). Whoever cannot prove it has written nothing and must stop.
 * - A message belongs to the turn that *took it in*: the first batch when it is claimed, a later one
 *   when the engine says that it consumed it. The completing transaction makes them done, together
 *   with the answer that is owed for them and the position to resume at (G10, G22).
 * - A turn that was running when its host died, or that could not write how it ended, is claimed
 *   again. That is the host's fault, not the turn's: it is counted apart (G11).
 */
import { RejectedError, StaleError } from "@bellhop/sdk";
import type { Kysely, Selectable, Updateable } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { TurnEvent } from "../core/events.ts";
import {
  type ChatId,
  type GroupFolder,
  type InboxId,
  newId,
  type OutboxId,
  SessionId,
  TurnId,
} from "../core/ids.ts";
import { type Chat, findChat } from "./chats.ts";
import { type Context, type ContextBounds, NO_CONTEXT, readContext, takeContext } from "./context.ts";
import type { InboxRow } from "./inbox.ts";
import { type Act, type Done, doneBy, record, recorded } from "./journal.ts";
import { isOwed, type NewOutbound, owe } from "./outbox.ts";
import { endSession, moveWaiting, type Session, sessionInUse } from "./sessions.ts";
import type { Database, TurnsTable } from "./tables.ts";
import { appendEvent } from "./timeline.ts";
import { createTurnViews, sentBy } from "./turn-views.ts";
import { isWaiting, readable, waiting, waitingIn } from "./waiting.ts";
import { failpoint } from "../core/failpoint.ts";

type TurnRow = Selectable<TurnsTable>;

/** A turn that is ours until it ends or somebody claims it after us. */
export interface Claim {
  readonly turn: TurnId;
  readonly kind: TurnRow["kind"];
  readonly fence: number;
  readonly attempt: number;
  /** How often it was lost without an ending. */
  readonly lost: number;
  readonly model: string;
  readonly chat: Chat;
  readonly session: Session;
  /** Of a `background` turn: what ended, in words for the agent. */
  readonly cause: string | undefined;
  /** What it answers, in the order it was written. */
  readonly inputs: readonly InboxRow[];
  /** What was said in the chat without calling the assistant, and rides along with them. */
  readonly context: Context;
  /** What earlier attempts have already said, and done beside. */
  readonly alreadySent: readonly string[];
  readonly alreadyDone: readonly Done[];
  /** When its first attempt began, by the wall clock. */
  readonly createdAt: number;
}

/** What an ending adds to the turn's row and to the chat. */
export interface Ending {
  readonly outbound: readonly NewOutbound[];
  /** One plain sentence, where something went wrong. */
  readonly reason?: string | undefined;
}

/** Where the conversation can be resumed. Without an engine session what is stored stays. */
export interface Conversation {
  readonly engineSession?: string | undefined;
  readonly position?: string | undefined;
  /** Length of the engine's record of it, where it keeps one. */
  readonly transcriptBytes?: number | undefined;
}

export interface Completion extends Ending, Conversation {
  /** Prompts that the engine goes on with by itself: claimed for a new turn in the same transaction. */
  readonly carried: readonly InboxId[];
}

export interface Failure extends Ending {
  readonly class: string;
  readonly detail: string;
}

/** Far more than anybody wants to be told in one turn, and few enough to stop a program that went wild. */
const MOST_SAID = 100;

/** Whatever releases a held turn wakes it; this only names a time for whoever asks when. */
const HELD_MS = 24 * 60 * 60_000;

export type Turns = ReturnType<typeof createTurns>;

export interface TurnsOptions {
  readonly clock: Clock;
  /** Names this life of the host: a turn of another boot is nobody's. */
  readonly boot: string;
  /** The model that a group's turns ask for. */
  readonly modelOf: (group: GroupFolder) => string;
  /** What a group's agent runs on now. A conversation with another one cannot be gone on with. */
  readonly speaks: (group: GroupFolder) => Pick<Session, "engine" | "provider">;
  /** How much of what was said around a message rides along with it. */
  readonly contextOf?: (group: GroupFolder) => ContextBounds;
}

const CONTEXT: ContextBounds = { messages: 50, tokens: 8_000 };

export function createTurns(db: Kysely<Database>, options: TurnsOptions) {
  const { clock, boot, modelOf, speaks, contextOf = () => CONTEXT } = options;

  /** @throws StaleError when somebody else holds the turn, or nobody any more */
  async function prove(trx: Kysely<Database>, claim: Claim, change: Updateable<TurnsTable>): Promise<void> {
    const { numUpdatedRows } = await trx
      .updateTable("turns")
      .set({ boot_id: boot, ...change })
      .where("id", "=", claim.turn)
      .where("fence", "=", claim.fence)
      .where("boot_id", "=", boot)
      .where("state", "=", "running")
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      throw new StaleError(`turn ${claim.turn} is no longer held under fence ${claim.fence}`);
  }

  async function raiseFence(trx: Kysely<Database>, session: SessionId): Promise<Session> {
    return await trx
      .updateTable("sessions")
      .set((eb) => ({ fence: eb("fence", "+", 1) }))
      .where("id", "=", session)
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async function announce(
    trx: Kysely<Database>,
    claim: Claim,
    state: TurnEvent["state"],
    { replies = [], reason }: { replies?: readonly OutboxId[]; reason?: string | undefined } = {},
  ): Promise<void> {
    const inputs =
      state === "started" // by its first batch, which is at hand: this is on the way to an answer
        ? claim.inputs
        : await trx
            .selectFrom("inbox")
            .select("id")
            .where("turn_id", "=", claim.turn)
            .where("state", "<>", "note") // those ride along and are answered by nobody
            .orderBy("seq")
            .execute();
    await appendEvent(trx, claim.chat.id, clock.now(), {
      kind: "turn",
      ref: claim.turn,
      data: {
        state,
        inputs: inputs.map(({ id }) => id),
        replies: [...replies],
        ...(reason === undefined ? {} : { reason }),
      },
    });
  }

  /** The session itself, or the one in its place where engine or provider have changed since. */
  async function speakable(trx: Kysely<Database>, session: Session, chat: Chat): Promise<Session> {
    const { engine, provider } = speaks(chat.folder);
    if (session.engine === engine && session.provider === provider) return session;
    const { group_id: groupId, scope_kind: kind, scope_key: key } = session;
    const scope = { kind, key };
    const next = await sessionInUse(trx, { groupId, scope, engine, provider, now: clock.now() });
    const busy = await trx
      .selectFrom("turns")
      .select("id")
      .where("session_id", "=", next)
      .where("ended_at", "is", null)
      .executeTakeFirst();
    if (busy) return session; // it has a turn of its own; this one ends where it began
    await moveWaiting(trx, session.id, next);
    return await raiseFence(trx, next);
  }

  /** A new turn for these waiting rows, all of one chat. */
  async function begin(
    trx: Kysely<Database>,
    sessionId: SessionId,
    rows: readonly InboxRow[],
  ): Promise<Claim | undefined> {
    const [first] = rows;
    if (!first) return undefined;
    const chat = await chatOf(trx, first.chat_id);
    const session = await speakable(trx, await raiseFence(trx, sessionId), chat);
    return await open(trx, { kind: "chat", session, chat, rows, cause: undefined });
  }

  async function open(
    trx: Kysely<Database>,
    {
      kind,
      session,
      chat,
      rows,
      cause,
    }: Pick<Claim, "kind" | "session" | "chat" | "cause"> & {
      rows: readonly InboxRow[];
    },
  ): Promise<Claim> {
    const model = modelOf(chat.folder);
    const now = clock.now();
    const turn = newId(TurnId);
    await trx
      .insertInto("turns")
      .values({
        id: turn,
        session_id: session.id,
        group_id: session.group_id,
        chat_id: chat.id,
        kind,
        cause: cause ?? null,
        state: "running",
        attempt: 1,
        fence: session.fence,
        boot_id: boot,
        model,
        retry_at: null,
        failure_class: null,
        failure_detail: null,
        created_at: now,
        started_at: now,
        ended_at: null,
      })
      .execute();
    const claim: Claim = {
      turn,
      kind,
      cause,
      fence: session.fence,
      attempt: 1,
      lost: 0,
      model,
      chat,
      session,
      inputs: rows,
      context: NO_CONTEXT,
      alreadySent: [],
      alreadyDone: [],
      createdAt: now,
    };
    const context = await take(
      trx,
      claim,
      rows.map(({ id }) => id),
    );
    await announce(trx, claim, "started");
    failpoint("claim.inside");
    return { ...claim, context };
  }

  /** Gives these to the turn, and what was said around them. */
  async function take(trx: Kysely<Database>, claim: Claim, messages: readonly InboxId[]): Promise<Context> {
    if (messages.length === 0) return NO_CONTEXT;
    const taken = await trx
      .updateTable("inbox")
      .set({ state: "claimed", turn_id: claim.turn })
      .where("id", "in", messages)
      .where(isWaiting)
      .returning(["seq", "engine_command"])
      .execute();
    // A command of the engine's goes as it is; what was said around it waits for a message.
    if (taken.length === 0 || taken.some(isCommand)) return NO_CONTEXT;
    const beforeSeq = Math.max(...taken.map(({ seq }) => seq));
    return await takeContext(
      trx,
      claim.turn,
      { chat: claim.chat.id, beforeSeq },
      contextOf(claim.chat.folder),
    );
  }

  /** The next attempt at a turn that waits for one, or that nobody holds any more. */
  async function resume(trx: Kysely<Database>, row: TurnRow): Promise<Claim> {
    const chat = await chatOf(trx, row.chat_id);
    const session = await speakable(trx, await raiseFence(trx, row.session_id), chat);
    const lost = row.state === "running" ? 1 : 0; // and yet nobody runs it
    await trx
      .updateTable("turns")
      .set({
        state: "running",
        session_id: session.id,
        fence: session.fence,
        boot_id: boot,
        attempt: row.attempt + 1 - lost,
        lost: row.lost + lost,
        retry_at: null,
        held_for: null,
        started_at: clock.now(),
      })
      .where("id", "=", row.id)
      .execute();
    if (session.id !== row.session_id) {
      await trx.updateTable("inbox").set({ session_id: session.id }).where("turn_id", "=", row.id).execute();
    }
    failpoint("claim.again");
    const rows = await trx
      .selectFrom("inbox")
      .selectAll()
      .where("turn_id", "=", row.id)
      .orderBy("seq")
      .execute();
    return {
      turn: row.id,
      kind: row.kind,
      cause: row.cause ?? undefined,
      fence: session.fence,
      attempt: row.attempt + 1 - lost,
      lost: row.lost + lost,
      model: row.model,
      chat,
      session,
      inputs: rows.filter(({ state }) => state !== "note"),
      context: { rows: rows.filter(({ state }) => state === "note"), leftOut: row.context_left_out },
      alreadySent: await sentBy(trx, row.id),
      alreadyDone: await doneBy(trx, row.id),
      createdAt: row.created_at,
    };
  }

  async function finish(
    trx: Kysely<Database>,
    claim: Claim,
    state: "done" | "failed" | "cancelled",
    { outbound, reason }: Ending,
  ): Promise<void> {
    const now = clock.now();
    await owe(trx, { chat: claim.chat.id, groupId: claim.chat.group_id, turn: claim.turn, now }, outbound);
    await trx
      .updateTable("inbox")
      .set({ state: "done" })
      .where("turn_id", "=", claim.turn)
      .where("state", "=", "claimed")
      .execute();
    await announce(trx, claim, state, { replies: await saidBy(trx, claim.turn, claim.chat.id), reason });
  }

  async function holdBack(
    claim: Claim,
    change: Updateable<TurnsTable>,
    { outbound, reason }: Ending,
    announced: boolean,
  ): Promise<void> {
    await db.transaction().execute(async (trx) => {
      await prove(trx, claim, { state: "waiting", ...change });
      const now = clock.now();
      await owe(trx, { chat: claim.chat.id, groupId: claim.chat.group_id, turn: claim.turn, now }, outbound);
      if (announced) await announce(trx, claim, "retrying", { reason });
    });
  }

  return {
    ...createTurnViews(db),

    /**
     * The session's next turn: the one that waits for another attempt and is due, else a new one for
     * the oldest waiting message and those of its chat behind it. While one waits, when it is due.
     * Whoever asks runs no turn of the session: one that is marked as running was lost, by a dead host
     * or because nothing could be written, and is taken over under a higher fence.
     */
    async claim(session: SessionId): Promise<Claim | { readonly notBefore: number } | undefined> {
      return await db.transaction().execute(async (trx) => {
        const live = await trx
          .selectFrom("turns")
          .selectAll()
          .where("session_id", "=", session)
          .where("ended_at", "is", null)
          .executeTakeFirst();
        if (live?.held_for) return { notBefore: clock.now() + HELD_MS };
        if (live) {
          const notBefore = live.retry_at ?? 0;
          return notBefore <= clock.now() ? await resume(trx, live) : { notBefore };
        }
        const oldest = await waiting(trx, session)
          .select("chat_id")
          .orderBy("accepted_at")
          .orderBy("seq")
          .limit(1)
          .executeTakeFirst();
        if (!oldest) return undefined;
        return await begin(trx, session, oneBatch(await readable(waitingIn(trx, session, oldest.chat_id))));
      });
    },

    /**
     * A turn for work that ended beside the conversation, with which the engine goes on by itself. None
     * while the session has a turn, which hears of it then, or once the session has ended.
     */
    async claimBackground(id: SessionId, chat: ChatId, cause: string): Promise<Claim | undefined> {
      return await db.transaction().execute(async (trx) => {
        const live = await trx
          .selectFrom("turns")
          .select("id")
          .where("session_id", "=", id)
          .where("ended_at", "is", null)
          .executeTakeFirst();
        if (live) return undefined;
        const session = await raiseFence(trx, id);
        if (session.ended_at !== null) return undefined;
        return await open(trx, {
          kind: "background",
          session,
          chat: await chatOf(trx, chat),
          rows: [],
          cause,
        });
      });
    },

    /** Messages of the turn's own chat that came after it was claimed and that no turn has taken. */
    async followUps(claim: Claim): Promise<InboxRow[]> {
      const rows = await readable(waitingIn(db, claim.session.id, claim.chat.id));
      const command = rows.findIndex(isCommand); // has a turn of its own, and so has what comes after it
      return command === -1 ? rows : rows.slice(0, command);
    },

    /** What this call of a tool was answered with, if it was made before. */
    recorded: (claim: Claim, toolUseId: string): Promise<string | undefined> =>
      recorded(db, claim.turn, toolUseId),

    /** Whether a message of the session waits for a turn. */
    async hasWaiting(session: SessionId): Promise<boolean> {
      const row = await waiting(db, session).select("id").limit(1).executeTakeFirst();
      return row !== undefined;
    },

    /**
     * Takes these messages into the turn: its engine has consumed them, or is about to. Returns what
     * rides along with them.
     */
    async consume(claim: Claim, messages: readonly InboxId[]): Promise<Context> {
      if (messages.length === 0) return NO_CONTEXT;
      return await db.transaction().execute(async (trx) => {
        await prove(trx, claim, {});
        return await take(trx, claim, messages);
      });
    },

    /** What would ride along with a message of the turn's chat that is offered to its engine. */
    contextOf: (claim: Claim, between: { afterSeq: number; beforeSeq: number }): Promise<Context> =>
      readContext(db, { chat: claim.chat.id, ...between }, contextOf(claim.chat.folder)),

    /** The answer, its inputs and the place to resume: all or nothing. Returns the claim on what was carried over. */
    async complete(claim: Claim, completion: Completion): Promise<Claim | undefined> {
      return await db.transaction().execute(async (trx) => {
        await prove(trx, claim, { state: "done", ended_at: clock.now() });
        await remember(trx, claim.session.id, completion);
        failpoint("position.stored");
        await finish(trx, claim, "done", completion);
        failpoint("complete.inside");
        if (completion.carried.length === 0) return undefined;
        const rows = await waiting(trx, claim.session.id)
          .selectAll()
          .where("id", "in", completion.carried)
          .orderBy("seq")
          .execute();
        return await begin(trx, claim.session.id, rows);
      });
    },

    /**
     * Stopped by a person. What it had taken in is answered by it; the place to resume at moves only if
     * the engine named one after the stop.
     */
    async cancel(claim: Claim, ending: Ending & Conversation): Promise<void> {
      await db.transaction().execute(async (trx) => {
        await prove(trx, claim, { state: "cancelled", ended_at: clock.now() });
        await remember(trx, claim.session.id, ending);
        await finish(trx, claim, "cancelled", ending);
      });
    },

    /** The same for a turn that waits for another attempt; its group, or undefined where there is none. */
    async cancelWaiting(session: SessionId, reason: string): Promise<number | undefined> {
      return await db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom("turns")
          .selectAll()
          .where("session_id", "=", session)
          .where("ended_at", "is", null)
          // Or it ran when its host died, and nobody has taken it up again yet.
          .where(({ or, eb }) => or([eb("state", "=", "waiting"), eb("boot_id", "<>", boot)]))
          .executeTakeFirst();
        if (!row) return undefined;
        const claim = await resume(trx, row);
        await prove(trx, claim, { state: "cancelled", ended_at: clock.now(), attempt: row.attempt });
        const word = {
          key: `${claim.turn}:stopped`,
          kind: "text",
          text: "(stopped)",
          overDraft: "only",
        } as const;
        await finish(trx, claim, "cancelled", { outbound: [word], reason });
        return row.group_id;
      });
    },

    /** For good: no further attempt. The person is told by what `ending.outbound` holds. */
    async fail(claim: Claim, failure: Failure): Promise<void> {
      await db.transaction().execute(async (trx) => {
        await prove(trx, claim, {
          state: "failed",
          ended_at: clock.now(),
          failure_class: failure.class,
          failure_detail: failure.detail,
        });
        await finish(trx, claim, "failed", failure);
      });
    },

    /** Another attempt at `at`. One that is not `charged` does not count against the limit. */
    retry: (claim: Claim, failure: Failure & { at: number; charged: boolean }): Promise<void> =>
      holdBack(
        claim,
        {
          retry_at: Math.ceil(failure.at),
          attempt: failure.charged ? claim.attempt : claim.attempt - 1,
          failure_class: failure.class,
          failure_detail: failure.detail,
        },
        failure,
        true,
      ),

    /** Not before `provider` takes our credential again: see `unhold`. Uncharged. */
    hold: (claim: Claim, provider: string, failure: Failure): Promise<void> =>
      holdBack(
        claim,
        {
          retry_at: null,
          held_for: provider,
          attempt: claim.attempt - 1,
          failure_class: failure.class,
          failure_detail: failure.detail,
        },
        failure,
        true,
      ),

    /** The turns that were held may be tried again. */
    async unhold(): Promise<void> {
      await db
        .updateTable("turns")
        .set({ held_for: null, retry_at: clock.now() })
        .where("held_for", "is not", null)
        .where("ended_at", "is", null)
        .execute();
    },

    /** Gives the turn back uncharged, for the next host to go on with: we are shutting down (G26). */
    release: (claim: Claim): Promise<void> =>
      holdBack(claim, { retry_at: clock.now(), attempt: claim.attempt - 1 }, { outbound: [] }, false),

    /**
     * Owes something while the turn goes on: what a tool sends, what the host has to say. All of it
     * at once; what begins with a key that is known was said before, and nothing of it is said again.
     * `act` is the call of a tool that says it.
     * @throws RejectedError when the turn has said too much already
     */
    async say(claim: Claim, chat: Chat, outbound: readonly NewOutbound[], act?: Act): Promise<void> {
      await db.transaction().execute(async (trx) => {
        await prove(trx, claim, {});
        const [first] = outbound;
        if (first && (await isOwed(trx, first.key))) return;
        if (act) await record(trx, claim.turn, act, clock.now());
        const said = (await saidBy(trx, claim.turn)).length;
        if (said + outbound.length > MOST_SAID && outbound.some(({ kind }) => kind !== "notice"))
          throw new RejectedError(
            `A turn may send ${MOST_SAID} messages at most; say the rest in your answer.`,
          );
        await owe(
          trx,
          {
            chat: chat.id,
            groupId: chat.group_id,
            turn: claim.turn,
            now: clock.now(),
            authorised: act !== undefined, // the tool has looked whether it may
          },
          outbound,
        );
      });
    },

    /**
     * Ends the session whose conversation the engine no longer knows and moves the turn, and what
     * waits, to a fresh one of the same scope (G23).
     */
    async startAfresh(claim: Claim): Promise<Claim> {
      return await db.transaction().execute(async (trx) => {
        await prove(trx, claim, {});
        const { session: old } = claim;
        const now = clock.now();
        // Another conversation of the scope may be in use by now (a change of engine): then the fresh
        // one is for this turn alone, and ends as it begins.
        const { ended_at: before } = await trx
          .selectFrom("sessions")
          .select("ended_at")
          .where("id", "=", old.id)
          .executeTakeFirstOrThrow();
        if (before === null) await endSession(trx, old.id, now);
        const session = await trx
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
            fence: claim.fence,
            tainted: old.tainted,
            recap: 1,
            created_at: now,
            ended_at: before === null ? null : now,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await trx.updateTable("turns").set({ session_id: session.id }).where("id", "=", claim.turn).execute();
        await trx
          .updateTable("inbox")
          .set({ session_id: session.id })
          .where("turn_id", "=", claim.turn)
          .execute();
        await moveWaiting(trx, old.id, session.id);
        return { ...claim, session };
      });
    },
  };
}

const isCommand = ({ engine_command }: Pick<InboxRow, "engine_command">) => engine_command === 1;

/** A command of the engine's is given alone. */
function oneBatch(rows: readonly InboxRow[]): readonly InboxRow[] {
  const command = rows.findIndex(isCommand);
  return command === -1 ? rows : rows.slice(0, Math.max(1, command));
}

async function remember(
  trx: Kysely<Database>,
  session: SessionId,
  { engineSession, position, transcriptBytes }: Conversation,
): Promise<void> {
  if (engineSession === undefined) return;
  await trx
    .updateTable("sessions")
    .set({
      engine_session: engineSession,
      position: position ?? null,
      transcript_bytes: transcriptBytes ?? null,
    })
    .where("id", "=", session)
    // A program may still name a conversation that was lost or put away: it is never taken up again (G23).
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom("sessions as ended")
            .select("ended.id")
            .where("ended.engine_session", "=", engineSession)
            .where("ended.ended_at", "is not", null)
            .where("ended.id", "<>", session),
        ),
      ),
    )
    .execute();
}

/** What a turn has put into one chat, or into all. */
async function saidBy(trx: Kysely<Database>, turn: TurnId, chat?: ChatId): Promise<OutboxId[]> {
  const rows = await trx
    .selectFrom("outbox")
    .select(["id", "chat_id"])
    .where("turn_id", "=", turn)
    .where("kind", "<>", "draft") // no message of its own
    .orderBy("seq")
    .execute();
  // The chat is looked at here: asked for both, SQLite would walk through all that the chat ever got.
  return rows.filter(({ chat_id }) => chat === undefined || chat_id === chat).map(({ id }) => id);
}

async function chatOf(trx: Kysely<Database>, id: ChatId): Promise<Chat> {
  const chat = await findChat(trx, id);
  if (!chat) throw new Error(`the chat ${id} is gone`);
  return chat;
}
