/**
 * Firing: the one transaction in which times of tasks come due (G16). The occurrence, its place in the
 * session's line and the advance of its task are committed together, so a crash before it fires later,
 * and after it never again.
 *
 * - It holds only for the revision of the task that was planned by: whoever else has fired or changed it
 *   since, in this process or another, was first, and nothing is done here.
 * - A time is unique to its task, whoever fires it.
 * - While an earlier run is open, the task's policy says what becomes of the next one (G18).
 * - A task whose chat is no longer its group's speaks there no more: it is paused.
 */
import { type Kysely, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { failpoint } from "../core/failpoint.ts";
import type { Firing } from "../core/firing.ts";
import { type ChatId, newId, type SessionId } from "../core/ids.ts";
import { localTimes } from "../core/prompt.ts";
import { OccurrenceId, type Task, type TaskId, titleOf } from "../core/task.ts";
import { type Chat, findChat } from "./chats.ts";
import type { RouteOf } from "./inbox.ts";
import { closeSeries, endWaiting, openRuns } from "./occurrences.ts";
import { owe } from "./outbox.ts";
import { endOwnSessions, newSession, sessionInUse } from "./sessions.ts";
import type { Database } from "./tables.ts";
import { changeTask, type TaskRow } from "./tasks.ts";

/** A task as it was read, and what was planned for it. */
export interface Planned {
  readonly row: TaskRow;
  readonly firing: Firing;
  /** When the time after these is due, with its jitter. */
  readonly dueAt: number | undefined;
}

/** There is something to run. */
export interface Woken {
  readonly session: SessionId;
  readonly groupId: number;
  readonly isolated: boolean;
  readonly occurrence: OccurrenceId;
}

/** A run that gives way to the next one of its task. */
export interface GivesWay {
  readonly session: SessionId;
  readonly occurrence: OccurrenceId;
}

export interface Fired {
  readonly woken: readonly Woken[];
  readonly giveWay: readonly GivesWay[];
  /** Chats that are owed a word about what was missed. */
  readonly told: readonly ChatId[];
  /** Missed as their policy has it, which nobody was told in a chat. */
  readonly skipped: readonly { readonly task: TaskRow; readonly count: number }[];
  /** Paused, because they can speak nowhere. */
  readonly homeless: readonly TaskRow[];
}

/** A run by hand that cannot be begun just now; why. */
export class BusyTask {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** Whether no run may join these any more (G18). `allow` is bounded too: nothing runs wild. */
function isFull(overlap: Task["overlap"], open: Open): boolean {
  const waiting = open.filter(({ state }) => state === "waiting").length;
  switch (overlap) {
    case "skip":
      return open.length > 0;
    case "queue_one":
      return waiting >= 1;
    case "queue_all":
      return waiting >= 10;
    case "allow":
      return waiting >= 100;
    case "cancel_other":
      return false;
    default:
      return overlap satisfies never;
  }
}

type Open = Awaited<ReturnType<typeof openRuns>>;

/** One transaction of firing: what it has found and done by now. */
interface Batch {
  readonly trx: Kysely<Database>;
  readonly now: number;
  readonly chatOf: (id: ChatId) => Promise<Chat | undefined>;
  /** The conversation of a chat. */
  readonly sessionOf: (chat: Chat) => Promise<SessionId>;
  readonly woken: Woken[];
  readonly giveWay: GivesWay[];
  readonly told: ChatId[];
  readonly skipped: { task: TaskRow; count: number }[];
  readonly homeless: TaskRow[];
}

interface Ours {
  readonly planned: Planned;
  readonly chat: Chat;
}

/** A row that is to be. */
type Drawn = {
  readonly id: OccurrenceId;
  readonly row: TaskRow;
  readonly scheduledFor: number;
  readonly missed: number;
  readonly manual?: boolean;
} & (
  | { readonly state: "skipped" | "missed"; readonly reason: string }
  /** `yields`: what ends for it. */
  | {
      readonly state: "waiting";
      readonly session: SessionId;
      readonly yields: Open;
      readonly reason?: undefined;
    }
);

export type Fire = ReturnType<typeof createFire>;

export function createFire(
  db: Kysely<Database>,
  {
    clock,
    routeOf,
    zoneData,
  }: {
    readonly clock: Clock;
    readonly routeOf: RouteOf;
    /** The version of the zone data that times are found with. */
    readonly zoneData: string;
  },
) {
  /** Looks each chat up once, and its conversation. */
  function begin(trx: Kysely<Database>): Batch {
    const now = clock.now();
    const chats = new Map<ChatId, Promise<Chat | undefined>>();
    const sessions = new Map<ChatId, Promise<SessionId>>();
    return {
      trx,
      now,
      chatOf: (id) => remembered(chats, id, () => findChat(trx, id)),
      sessionOf: (chat) =>
        remembered(sessions, chat.id, () =>
          sessionInUse(trx, { groupId: chat.group_id, ...routeOf(chat), now }),
        ),
      woken: [],
      giveWay: [],
      told: [],
      skipped: [],
      homeless: [],
    };
  }

  /** Moves the tasks on, in one statement. Says which of them were ours to move, and where they answer. */
  async function advance(batch: Batch, planned: readonly Planned[]): Promise<Ours[]> {
    const { trx, now } = batch;
    const housed: Ours[] = [];
    for (const one of planned) {
      const { row } = one;
      const chat = await batch.chatOf(row.chat_id);
      if (chat?.group_id === row.group_id) housed.push({ planned: one, chat });
      else if (await changeTask(trx, row.id, STANDS, now, row.revision)) batch.homeless.push(row);
    }
    if (housed.length === 0) return [];
    const moves = housed.map(({ planned: { row, firing, dueAt } }) => {
      const { runs, missed, times, next = null } = firing;
      const latest = Math.max(row.last_at, missed?.scheduledFor ?? 0, ...runs.map((run) => run.scheduledFor));
      return sql`(${sql.join([row.id, row.revision, next, dueAt ?? null, latest, row.fired + times])})`;
    });
    const { rows } = await sql<{ id: TaskId }>`
      WITH moves (id, revision, next_at, due_at, last_at, fired) AS (VALUES ${sql.join(moves)})
      UPDATE tasks SET next_at = moves.next_at, due_at = moves.due_at, last_at = moves.last_at, fired = moves.fired,
        zone_data = ${zoneData}, revision = tasks.revision + 1, updated_at = ${now}
      FROM moves WHERE tasks.id = moves.id AND tasks.revision = moves.revision
      RETURNING tasks.id`.execute(trx);
    const moved = new Set(rows.map(({ id }) => id));
    return housed.filter(({ planned: { row } }) => moved.has(row.id)); // somebody else was first with the others
  }

  /** What the times of a task come to, by what they meet. */
  async function draw(batch: Batch, { row, firing }: Planned, chat: Chat, before: Open): Promise<Drawn[]> {
    const drawn: Drawn[] = [];
    let open = before;
    for (const run of firing.runs) {
      const busy = blocked(row, open);
      const id = newId(OccurrenceId);
      if (busy !== undefined) {
        drawn.push({ id, row, ...run, state: "skipped", reason: busy });
        continue;
      }
      const yields = row.overlap === "cancel_other" ? open : [];
      const session = await sessionFor(batch, row, chat, id);
      drawn.push({ id, row, ...run, state: "waiting", session, yields });
      const opened = asOpen(row, run.scheduledFor, id, session);
      if (row.overlap === "cancel_other") open = firing.catchUp ? [] : [opened];
      else if (!firing.catchUp) open = [...open, opened];
    }
    const { missed } = firing;
    if (missed)
      drawn.push({
        id: newId(OccurrenceId),
        row,
        scheduledFor: missed.scheduledFor,
        missed: missed.count,
        state: "missed",
        reason: reasonOf(missed.count),
      });
    return drawn;
  }

  /** What follows from rows that are there now and were not before. */
  async function follow(batch: Batch, drawn: readonly Drawn[]): Promise<void> {
    for (const one of drawn) {
      const { id, row, state } = one;
      if (state === "missed") await tellMissed(batch, one);
      if (state !== "waiting") continue;
      batch.woken.push({
        session: one.session,
        groupId: row.group_id,
        isolated: row.context === "isolated",
        occurrence: id,
      });
      await giveWay(batch, one.yields);
    }
  }

  /** Why another run may not join those that are open. */
  function blocked(row: TaskRow, open: Open): string | undefined {
    const [first] = open;
    if (!first || !isFull(row.overlap, open)) return undefined;
    const time = localTimes(row.timezone)(first.scheduled_for);
    const doing = first.state === "running" ? "was still running" : "was still waiting for its turn";
    return open.length === 1
      ? `The run of ${time} ${doing}.`
      : `${open.length} earlier runs had not ended; the run of ${time} ${doing}.`;
  }

  async function giveWay(batch: Batch, open: Open): Promise<void> {
    for (const { id, state, session_id } of open) {
      if (state === "running" && session_id !== null)
        batch.giveWay.push({ session: session_id, occurrence: id });
      else await endWaiting(batch.trx, { id }, { state: "cancelled", reason: NEXT_CAME }, batch.now);
    }
  }

  /** In its chat; of what its policy leaves out, only to the owner. */
  async function tellMissed(batch: Batch, { id, row, scheduledFor, missed, reason }: Drawn): Promise<void> {
    if (row.misfire === "skip") return void batch.skipped.push({ task: row, count: missed });
    const due = localTimes(row.timezone)(scheduledFor);
    const to = { chat: row.chat_id, groupId: row.group_id, turn: undefined, now: batch.now };
    const text = `The task “${titleOf(row)}” did not run. Due: ${due}. ${reason}`;
    await owe(batch.trx, to, [{ key: `task:${id}:missed`, kind: "notice", text }]);
    batch.told.push(row.chat_id);
  }

  async function sessionFor(batch: Batch, row: TaskRow, chat: Chat, id: OccurrenceId): Promise<SessionId> {
    if (row.context === "group") return await batch.sessionOf(chat);
    const scope = { kind: "occurrence", key: id } as const;
    const seed = { groupId: row.group_id, ...routeOf(chat, scope.kind), scope, now: batch.now };
    return await newSession(batch.trx, seed);
  }

  /** @returns those that were not there before */
  async function insert({ trx, now }: Batch, drawn: readonly Drawn[]): Promise<Drawn[]> {
    if (drawn.length === 0) return [];
    const inserted = await trx
      .insertInto("occurrences")
      .values(
        drawn.map((one) => ({
          id: one.id,
          task_id: one.row.id,
          session_id: one.state === "waiting" ? one.session : null,
          scheduled_for: one.scheduledFor,
          manual: one.manual === true ? 1 : 0,
          missed: one.missed,
          state: one.state,
          reason: one.state === "waiting" ? null : one.reason,
          turn_id: null,
          created_at: now,
          ended_at: one.state === "waiting" ? null : now,
        })),
      )
      .onConflict((conflict) => conflict.columns(["task_id", "scheduled_for"]).doNothing())
      .returning("id")
      .execute();
    const fresh = new Set(inserted.map(({ id }) => id));
    const forNothing = drawn.flatMap((one) =>
      one.state === "waiting" && !fresh.has(one.id) ? one.session : [],
    );
    await endOwnSessions(trx, forNothing, now);
    return drawn.filter(({ id }) => fresh.has(id));
  }

  return {
    /** All of these, or none. */
    async fire(planned: readonly Planned[]): Promise<Fired> {
      failpoint("fire.begin");
      const fired = await db.transaction().execute(async (trx) => {
        const batch = begin(trx);
        const ours = await advance(batch, planned);
        failpoint("fire.inside");
        const ids = ours.map(({ planned: { row } }) => row.id);
        const open = Map.groupBy(await openRuns(trx, ids), ({ task_id }) => task_id);
        const drawn: Drawn[] = [];
        for (const { planned: one, chat } of ours)
          drawn.push(...(await draw(batch, one, chat, open.get(one.row.id) ?? [])));
        const fresh = await insert(batch, drawn);
        failpoint("fire.inside");
        await follow(batch, fresh);
        // One whose last time has brought no run is done.
        const running = new Set(fresh.flatMap(({ row, state }) => (state === "waiting" ? row.id : [])));
        for (const { planned: one } of ours)
          if (one.firing.next === undefined && !running.has(one.row.id))
            await closeSeries(trx, one.row.id, batch.now);
        return batch;
      });
      failpoint("fire.committed");
      return fired;
    },

    /** A run by hand, at no time of the schedule. Only inside the transaction of whoever asks for it. */
    async fireNow(
      trx: Kysely<Database>,
      row: TaskRow,
    ): Promise<(Woken & { giveWay: readonly GivesWay[] }) | BusyTask> {
      const batch = begin(trx);
      const chat = await batch.chatOf(row.chat_id);
      if (chat?.group_id !== row.group_id) return new BusyTask(HOMELESS);
      const open = await openRuns(trx, [row.id]);
      const busy = blocked(row, open);
      if (busy !== undefined) return new BusyTask(busy);
      const run = { row, missed: 0, manual: true, state: "waiting" as const };
      const yields = row.overlap === "cancel_other" ? open : [];
      // A time of the schedule that comes in this very millisecond is not taken away.
      for (let scheduledFor = batch.now + (batch.now === row.next_at ? 1 : 0); ; scheduledFor += 1) {
        const id = newId(OccurrenceId);
        const session = await sessionFor(batch, row, chat, id);
        const fresh = await insert(batch, [{ ...run, id, scheduledFor, session, yields }]);
        await follow(batch, fresh);
        const [woken] = batch.woken;
        if (woken) return { ...woken, giveWay: batch.giveWay };
      }
    },
  };
}

function reasonOf(missed: number): string {
  return `${missed === 1 ? "Its time" : `${missed} times`} came while I was not running, while everything was paused, or as the clock was set forward.`;
}

/** Why a task can speak nowhere. */
export const HOMELESS = "Its chat does not belong to its group any more.";
const STANDS = { state: "paused", note: HOMELESS, next_at: null, due_at: null } as const;

function remembered<K, V>(known: Map<K, V>, key: K, find: () => V): V {
  const value = known.get(key) ?? find();
  known.set(key, value);
  return value;
}

function asOpen(row: TaskRow, scheduledFor: number, id: OccurrenceId, session: SessionId): Open[number] {
  return {
    id,
    task_id: row.id,
    session_id: session,
    scheduled_for: scheduledFor,
    state: "waiting",
    turn_id: null,
  };
}

/** What becomes of a run whose task has `cancel_other`. */
export const NEXT_CAME = "The next run of its task began.";
