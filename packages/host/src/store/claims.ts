/**
 * Claims: how a turn becomes somebody's, for its first attempt or a later one. Every function here runs
 * inside the transaction of its caller (store/turns.ts).
 *
 * - Claiming counts the session's fence up, so that whoever held the turn before can write nothing more.
 * - A claim holds all that an attempt has to know: what it answers, what rides along, what earlier
 *   attempts have said and done.
 */
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { TurnEvent } from "../core/events.ts";
import { failpoint } from "../core/failpoint.ts";
import type { OccurrenceId } from "../core/task.ts";
import {
  type ChatId,
  type GroupFolder,
  type InboxId,
  newId,
  type OutboxId,
  type SessionId,
  TurnId,
} from "../core/ids.ts";
import { type Chat, findChat } from "./chats.ts";
import { type Context, type ContextBounds, NO_CONTEXT, takeContext } from "./context.ts";
import type { InboxRow } from "./inbox.ts";
import { type Done, doneBy } from "./journal.ts";
import { beginRun, type ClaimedTask, claimedTask, taskOfTurn } from "./occurrences.ts";
import { goesOn, moveWaiting, type Session, sessionInUse, type Spoken } from "./sessions.ts";
import type { Database, TurnsTable } from "./tables.ts";
import { appendEvent } from "./timeline.ts";
import { sentBy } from "./turn-views.ts";
import { isWaiting } from "./waiting.ts";

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
  /** Of a `task` turn: what it is to do. */
  readonly task: ClaimedTask | undefined;
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

export interface ClaimOptions {
  readonly clock: Clock;
  /** Names this life of the host: a turn of another boot is nobody's. */
  readonly boot: string;
  /** The model that a group's turns ask for; those of its tasks may ask for another. */
  readonly modelOf: (group: GroupFolder, kind: TurnRow["kind"]) => string;
  /** What a group's agent runs on now. A conversation with another one cannot be gone on with. */
  readonly speaks: (group: GroupFolder, scope: Session["scope_kind"]) => Spoken;
  /** How much of what was said around a message rides along with it. */
  readonly contextOf: (group: GroupFolder) => ContextBounds;
}

export function createClaims({ clock, boot, modelOf, speaks, contextOf }: ClaimOptions) {
  /** The session itself, or the one in its place where engine or provider have changed since. */
  async function speakable(trx: Kysely<Database>, session: Session, chat: Chat): Promise<Session> {
    const { engine, provider, keeps } = speaks(chat.folder, session.scope_kind);
    if (goesOn(session, { engine, provider, keeps })) return session;
    const { group_id: groupId, scope_kind: kind, scope_key: key } = session;
    const scope = { kind, key };
    const next = await sessionInUse(trx, { groupId, scope, engine, provider, keeps, now: clock.now() });
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
    return await open(trx, { kind: "chat", session, chat, rows, cause: undefined, task: undefined });
  }

  /** A new turn for an occurrence that waits. */
  async function beginTask(
    trx: Kysely<Database>,
    sessionId: SessionId,
    occurrence: OccurrenceId,
  ): Promise<Claim> {
    const task = await claimedTask(trx, occurrence);
    const chat = await chatOf(trx, task.chat);
    const session = await speakable(trx, await raiseFence(trx, sessionId), chat);
    return await open(trx, { kind: "task", session, chat, rows: [], cause: undefined, task });
  }

  async function open(
    trx: Kysely<Database>,
    {
      kind,
      session,
      chat,
      rows,
      cause,
      task,
    }: Pick<Claim, "kind" | "session" | "chat" | "cause" | "task"> & {
      rows: readonly InboxRow[];
    },
  ): Promise<Claim> {
    const model = task?.model ?? modelOf(chat.folder, kind);
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
    if (task) await beginRun(trx, task.occurrence, { turn, session: session.id, now });
    const claim: Claim = {
      turn,
      kind,
      cause,
      task,
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
    await announce(trx, claim, now, "started");
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
      task: row.kind === "task" ? await taskOfTurn(trx, row.id) : undefined,
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

  return { begin, beginTask, open, take, resume };
}

/** Whoever claimed before holds nothing any more. */
export async function raiseFence(trx: Kysely<Database>, session: SessionId): Promise<Session> {
  return await trx
    .updateTable("sessions")
    .set((eb) => ({ fence: eb("fence", "+", 1) }))
    .where("id", "=", session)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Tells those who watch the chat what became of the turn; of a run that is told to nobody, nothing. */
export async function announce(
  trx: Kysely<Database>,
  claim: Claim,
  now: number,
  state: TurnEvent["state"],
  { replies = [], reason }: { replies?: readonly OutboxId[]; reason?: string | undefined } = {},
): Promise<void> {
  if (claim.task?.announce === false && claim.inputs.length === 0) return;
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
  await appendEvent(trx, claim.chat.id, now, {
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

export const isCommand = ({ engine_command }: Pick<InboxRow, "engine_command">) => engine_command === 1;

/** A command of the engine's is given alone. */
export function oneBatch(rows: readonly InboxRow[]): readonly InboxRow[] {
  const command = rows.findIndex(isCommand);
  return command === -1 ? rows : rows.slice(0, Math.max(1, command));
}

async function chatOf(trx: Kysely<Database>, id: ChatId): Promise<Chat> {
  const chat = await findChat(trx, id);
  if (!chat) throw new Error(`the chat ${id} is gone`);
  return chat;
}
