/**
 * Dead letters: what was given up, until somebody tries it again or drops it.
 *
 * - A turn that is tried again is a new turn: what it answered waits anew, in the conversation that its
 *   chat has now. The old one stays as it failed.
 * - A message that may have arrived is sent again only by whoever says that it may be shown twice (G14).
 */
import { RejectedError } from "@bellhop/sdk";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { type DeadLetter, type DeadLetterId, type OpenedDeadLetter } from "../core/dead.ts";
import { type ChatId, OutboxId, type SessionId, TurnId } from "../core/ids.ts";
import { findChat } from "./chats.ts";
import type { RouteOf } from "./inbox.ts";
import type { OutboxRow } from "./outbox.ts";
import { sessionInUse } from "./sessions.ts";
import type { Database, TurnsTable } from "./tables.ts";

type TurnRow = Selectable<TurnsTable>;

export interface DeadPage {
  /** Newest first. */
  readonly letters: DeadLetter[];
  readonly more: boolean;
}

export interface DeadParts {
  readonly clock: Clock;
  readonly routeOf: RouteOf;
  /** Called after the commit: there is something to answer. */
  readonly wake: (session: SessionId, groupId: number) => void;
  /** The same: there is something to deliver. */
  readonly deliver: (chat: ChatId) => void;
}

const BEGINNING = 200;
const NEWEST = 3;
/** Literals, because only then does SQLite use the indexes of what was given up. */
const isFailed = sql<boolean>`turns.state = 'failed' AND turns.dropped_at IS NULL`;
const isUndelivered = sql<boolean>`outbox.state IN ('unknown', 'dead') AND outbox.dropped_at IS NULL`;

export type Dead = ReturnType<typeof createDead>;

export function createDead(db: Kysely<Database>, { clock, routeOf, wake, deliver }: DeadParts) {
  async function list({
    before,
    limit,
  }: {
    before?: DeadLetterId | undefined;
    limit: number;
  }): Promise<DeadPage> {
    const edge = before === undefined ? undefined : await find(db, before);
    if (before !== undefined && !edge)
      throw new RejectedError(`${before} is no dead letter any more: begin anew`);
    const from = edge && (edge.turn ? [edge.turn.ended_at, before] : [edge.row.settled_at, before]);
    const older = (at: string, id: string) =>
      from ? sql<boolean>`(${sql.ref(at)}, ${sql.ref(id)}) < (${from[0]}, ${from[1]})` : sql<boolean>`true`;
    const turns = await db
      .selectFrom("turns")
      .selectAll()
      .where(isFailed)
      .where(older("turns.ended_at", "turns.id"))
      .orderBy("ended_at", "desc")
      .orderBy("id", "desc")
      .limit(limit + 1)
      .execute();
    const rows = await db
      .selectFrom("outbox")
      .selectAll()
      .where(isUndelivered)
      .where(older("outbox.settled_at", "outbox.id"))
      .orderBy("settled_at", "desc")
      .orderBy("id", "desc")
      .limit(limit + 1)
      .execute();
    const letters = [...(await Promise.all(turns.map(ofTurn))), ...rows.map(ofMessage)].toSorted(
      (a, b) => b.at - a.at || (a.id < b.id ? 1 : -1),
    );
    return { letters: letters.slice(0, limit), more: letters.length > limit };
  }

  async function inputsOf(trx: Kysely<Database>, turn: TurnId) {
    return await trx
      .selectFrom("inbox")
      .select(["id", "sender_name", "text", "state"])
      .where("turn_id", "=", turn)
      .orderBy("seq")
      .execute();
  }

  async function ofTurn(turn: TurnRow): Promise<DeadLetter> {
    const asked = (await inputsOf(db, turn.id)).find(({ state }) => state === "done");
    return {
      id: turn.id,
      kind: "turn",
      chat: turn.chat_id,
      at: turn.ended_at ?? turn.started_at,
      state: "failed",
      why: [turn.failure_class, turn.failure_detail].filter((word) => word !== null).join(": "),
      text: beginning(asked?.text ?? turn.cause ?? ""),
    };
  }

  async function retryTurn(trx: Kysely<Database>, turn: TurnRow): Promise<() => void> {
    const inputs = (await inputsOf(trx, turn.id)).filter(({ state }) => state === "done");
    const chat = await findChat(trx, turn.chat_id);
    if (inputs.length === 0 || !chat)
      throw new RejectedError("It answered no message that could be answered again; it can only be dropped.");
    if (chat.group_id !== turn.group_id)
      throw new RejectedError("Its chat belongs to another group now, whose business it is not.");
    const now = clock.now();
    const session = await sessionInUse(trx, { groupId: chat.group_id, ...routeOf(chat), now });
    await trx
      .updateTable("inbox")
      .set({ state: "waiting", turn_id: null, session_id: session })
      .where("turn_id", "=", turn.id)
      .where("state", "=", "done")
      .execute();
    // What rode along with it rides along again.
    await trx
      .updateTable("inbox")
      .set({ context: 1, turn_id: null })
      .where("turn_id", "=", turn.id)
      .where("state", "=", "note")
      .execute();
    await trx.updateTable("turns").set({ dropped_at: now }).where("id", "=", turn.id).execute();
    return () => wake(session, chat.group_id);
  }

  async function retryMessage(trx: Kysely<Database>, row: OutboxRow, force: boolean): Promise<() => void> {
    if (row.state === "unknown" && !force) {
      throw new RejectedError(
        "It may have arrived, and would then be shown twice. If that is better than not at all, say so: --yes (by HTTP: force).",
      );
    }
    await trx
      .updateTable("outbox")
      .set({
        state: "pending",
        attempts: 0,
        uncertain: 0,
        first_sent_at: null,
        due_at: clock.now(),
        settled_at: null,
        error: null,
      })
      .where("id", "=", row.id)
      .execute();
    return () => deliver(row.chat_id);
  }

  return {
    list,

    /** What `status` says. */
    async summary(): Promise<{ turns: number; newest: DeadLetter[] }> {
      const { turns } = await db
        .selectFrom("turns")
        .select((eb) => eb.fn.countAll<number>().as("turns"))
        .where(isFailed)
        .executeTakeFirstOrThrow();
      return { turns, newest: (await list({ limit: NEWEST })).letters };
    },

    async show(id: DeadLetterId): Promise<OpenedDeadLetter | undefined> {
      const found = await find(db, id);
      if (!found) return undefined;
      if (found.turn) {
        const { turn } = found;
        const texts = (await inputsOf(db, turn.id)).map(({ sender_name: who, text }) => ({ who, text }));
        return { ...(await ofTurn(turn)), createdAt: turn.created_at, attempts: turn.attempt, texts };
      }
      const { row } = found;
      const texts = [{ who: row.sender_name ?? "Bellhop", text: row.text }];
      return { ...ofMessage(row), createdAt: row.created_at, attempts: row.attempts, texts };
    },

    /**
     * Whether there was such a letter.
     * @throws RejectedError when it cannot be tried again, or not without `force`
     */
    async retry(id: DeadLetterId, force: boolean): Promise<boolean> {
      const committed = await db.transaction().execute(async (trx) => {
        const found = await find(trx, id);
        if (!found) return undefined;
        return found.turn ? await retryTurn(trx, found.turn) : await retryMessage(trx, found.row, force);
      });
      committed?.();
      return committed !== undefined;
    },

    /** Whether there was such a letter. It stays where it is, and is spoken of no more. */
    async drop(id: DeadLetterId): Promise<boolean> {
      return await db.transaction().execute(async (trx) => {
        const found = await find(trx, id);
        if (!found) return false;
        const table = found.turn ? "turns" : "outbox";
        await trx
          .updateTable(table)
          .set({ dropped_at: clock.now() })
          .where(sql<string>`id`, "=", id)
          .execute();
        return true;
      });
    },
  };
}

type Found =
  | { readonly turn: TurnRow; readonly row?: never }
  | { readonly turn?: never; readonly row: OutboxRow };

async function find(trx: Kysely<Database>, id: DeadLetterId): Promise<Found | undefined> {
  const turn = await trx
    .selectFrom("turns")
    .selectAll()
    .where("id", "=", TurnId.parse(id))
    .where("state", "=", "failed")
    .where("dropped_at", "is", null)
    .executeTakeFirst();
  if (turn) return { turn };
  const row = await trx
    .selectFrom("outbox")
    .selectAll()
    .where("id", "=", OutboxId.parse(id))
    .where("state", "in", ["unknown", "dead"])
    .where("dropped_at", "is", null)
    .executeTakeFirst();
  return row && { row };
}

function ofMessage(row: OutboxRow): DeadLetter {
  return {
    id: row.id,
    kind: "message",
    chat: row.chat_id,
    at: row.settled_at ?? row.created_at,
    state: row.state === "unknown" ? "unknown" : "dead",
    why: row.error ?? "",
    text: beginning(row.text),
  };
}

function beginning(text: string): string {
  return text.length <= BEGINNING ? text : `${text.slice(0, BEGINNING).toWellFormed()}…`;
}
