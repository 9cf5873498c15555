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
import type { Kysely, Updateable } from "kysely";
import { failpoint } from "../core/failpoint.ts";
import { type ChatId, type InboxId, type OutboxId, type SessionId, type TurnId } from "../core/ids.ts";
import { type Chat, findChat } from "./chats.ts";
import {
  announce,
  type Claim,
  type ClaimOptions,
  createClaims,
  isCommand,
  oneBatch,
  raiseFence,
} from "./claims.ts";
import { type Context, NO_CONTEXT, readContext } from "./context.ts";
import type { InboxRow } from "./inbox.ts";
import { type Act, record, recorded } from "./journal.ts";
import { type ClaimedTask, endRun, nextWaiting, type RunEnd } from "./occurrences.ts";
import { isOwed, type NewOutbound, owe } from "./outbox.ts";
import { endOwnSessions, moveWaiting, replaceSession } from "./sessions.ts";
import type { Database, TurnsTable } from "./tables.ts";
import { createTurnViews } from "./turn-views.ts";
import { readable, waiting, waitingIn } from "./waiting.ts";

/** What an ending adds to the turn's row and to the chat. */
export interface Ending {
  readonly outbound: readonly NewOutbound[];
  /** One plain sentence, where something went wrong. */
  readonly reason?: string | undefined;
  /** Of a `task` turn that is over: what became of its occurrence, where the turn's own end does not say it. */
  readonly run?: RunEnd | undefined;
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

/** Permission for one thing beyond the turn's own chat (policy/judge.ts): called in the transaction that does it. */
export type Leave = (trx: Kysely<Database>) => Promise<void>;

/** What a turn's end makes of the occurrence that it ran. */
const RUN_STATE = { done: "succeeded", failed: "failed", cancelled: "cancelled" } as const;

/** Far more than anybody wants to be told in one turn, and few enough to stop a program that went wild. */
const MOST_SAID = 100;

/** Whatever releases a held turn wakes it; this only names a time for whoever asks when. */
const HELD_MS = 24 * 60 * 60_000;

export type Turns = ReturnType<typeof createTurns>;

export function createTurns(db: Kysely<Database>, options: ClaimOptions) {
  const { clock, boot, contextOf } = options;
  const { begin, beginTask, open, take, resume } = createClaims(options);

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

  async function finish(
    trx: Kysely<Database>,
    claim: Claim,
    state: "done" | "failed" | "cancelled",
    { outbound, reason, run }: Ending,
  ): Promise<void> {
    const now = clock.now();
    await owe(trx, { chat: claim.chat.id, groupId: claim.chat.group_id, turn: claim.turn, now }, outbound);
    await trx
      .updateTable("inbox")
      .set({ state: "done" })
      .where("turn_id", "=", claim.turn)
      .where("state", "=", "claimed")
      .execute();
    await announce(trx, claim, now, state, { replies: await saidBy(trx, claim.turn, claim.chat.id), reason });
    if (claim.task) await finishRun(trx, claim, claim.task, run ?? { state: RUN_STATE[state], reason });
  }

  async function finishRun(
    trx: Kysely<Database>,
    { turn, chat, session, inputs }: Claim,
    task: ClaimedTask,
    end: RunEnd,
  ): Promise<void> {
    const now = clock.now();
    await endRun(trx, task, end, { chat: chat.id, groupId: chat.group_id, now });
    if (session.scope_kind === "occurrence") await endOwnSessions(trx, [session.id], now);
    // What failed is told with its task, and comes again by its schedule; nobody could try it again here.
    if (end.state === "failed" && inputs.length === 0)
      await trx.updateTable("turns").set({ dropped_at: now }).where("id", "=", turn).execute();
  }

  /** Whether a message of the session waits for a turn. */
  async function hasWaiting(session: SessionId): Promise<boolean> {
    const row = await waiting(db, session).select("id").limit(1).executeTakeFirst();
    return row !== undefined;
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
      if (announced) await announce(trx, claim, now, "retrying", { reason });
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
          .select(["chat_id", "accepted_at"])
          .orderBy("accepted_at")
          .orderBy("seq")
          .limit(1)
          .executeTakeFirst();
        // Within a conversation who came first goes first, whether written or scheduled: neither can starve.
        const due = await nextWaiting(trx, session);
        if (due && (!oldest || due.since <= oldest.accepted_at)) return await beginTask(trx, session, due.id);
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
        // That of a task's run has ended with it; what the run left going may still have something to say.
        if (session.ended_at !== null && session.scope_kind !== "occurrence") return undefined;
        const told = await findChat(trx, chat);
        if (told?.group_id !== session.group_id) return undefined; // the chat has left the group meanwhile
        return await open(trx, {
          kind: "background",
          task: undefined,
          session,
          chat: told,
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

    /**
     * Does something in the name of the turn: under its fence, and in the same transaction as its entry in
     * the journal, where it is a tool that acts.
     */
    async perform<T>(
      claim: Claim,
      effect: (trx: Kysely<Database>) => Promise<T>,
      act?: (done: T) => Act,
    ): Promise<T> {
      return await db.transaction().execute(async (trx) => {
        await prove(trx, claim, {});
        const done = await effect(trx);
        if (act) await record(trx, claim.turn, act(done), clock.now());
        return done;
      });
    },

    /** What this call of a tool was answered with, if it was made before. */
    recorded: (claim: Claim, toolUseId: string): Promise<string | undefined> =>
      recorded(db, claim.turn, toolUseId),

    hasWaiting,

    /** What waits in the session for a turn, if anything does. */
    async waitsIn(session: SessionId): Promise<"occurrence" | "chat" | undefined> {
      if ((await nextWaiting(db, session)) !== undefined) return "occurrence";
      return (await hasWaiting(session)) ? "chat" : undefined;
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
     * `act` is the call of a tool that says it. Another chat than the turn's own takes a leave, which is used up here.
     * @throws RejectedError when the turn has said too much already, or the leave does not hold any more
     */
    async say(
      claim: Claim,
      chat: Chat,
      outbound: readonly NewOutbound[],
      act?: Act,
      leave?: Leave,
    ): Promise<void> {
      await db.transaction().execute(async (trx) => {
        await prove(trx, claim, {});
        const [first] = outbound;
        if (first && (await isOwed(trx, first.key))) return;
        if (act) await record(trx, claim.turn, act, clock.now());
        await leave?.(trx);
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
            authorised: leave !== undefined,
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
        const session = await replaceSession(trx, old, claim.fence, clock.now());
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
