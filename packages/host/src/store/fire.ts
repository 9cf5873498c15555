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
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { failpoint } from "../core/failpoint.ts";
import type { Firing } from "../core/firing.ts";
import { type ChatId, newId, type SessionId } from "../core/ids.ts";
import { localTimes } from "../core/prompt.ts";
import { OccurrenceId, type Task, titleOf } from "../core/task.ts";
import { type Chat, findChat } from "./chats.ts";
import type { RouteOf } from "./inbox.ts";
import { closeSeries, endWaiting, openRuns } from "./occurrences.ts";
import { owe } from "./outbox.ts";
import { endOwnSessions, sessionInUse } from "./sessions.ts";
import type { Database, OccurrencesTable } from "./tables.ts";
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

/** A time that comes to a run. */
interface Run {
  readonly row: TaskRow;
  readonly chat: Chat;
  readonly scheduledFor: number;
  readonly missed: number;
  readonly manual: boolean;
}

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

  async function fireOne(batch: Batch, { row, firing, dueAt }: Planned, before: Open): Promise<void> {
    const { trx, now } = batch;
    const { runs, missed, times, next } = firing;
    const chat = await batch.chatOf(row.chat_id);
    const home = chat?.group_id === row.group_id ? chat : undefined;
    const patch = home
      ? {
          next_at: next ?? null,
          due_at: dueAt ?? null,
          last_at: Math.max(
            row.last_at,
            missed?.scheduledFor ?? 0,
            ...runs.map(({ scheduledFor }) => scheduledFor),
          ),
          fired: row.fired + times,
          zone_data: zoneData,
        }
      : { state: "paused" as const, note: HOMELESS, next_at: null, due_at: null };
    if (!(await changeTask(trx, row.id, patch, now, row.revision))) return; // somebody else was first
    failpoint("fire.inside");
    if (!home) return void batch.homeless.push(row);
    /** What the next run meets. */
    let open = before;
    for (const run of runs) {
      const busy = blocked(row, open);
      if (busy !== undefined) {
        await insert(batch, { id: newId(OccurrenceId), row, ...run, state: "skipped", reason: busy });
        continue;
      }
      if (row.overlap === "cancel_other") {
        await giveWay(batch, open);
        open = [];
      }
      const woken = await queue(batch, { row, chat: home, ...run, manual: false });
      if (!woken) continue;
      batch.woken.push(woken);
      if (!firing.catchUp) open = [...open, asOpen(row, run.scheduledFor, woken)];
    }
    if (missed) await recordMissed(batch, row, missed);
    if (next === undefined) await closeSeries(trx, row.id, now);
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

  async function recordMissed(
    batch: Batch,
    row: TaskRow,
    { scheduledFor, count }: NonNullable<Firing["missed"]>,
  ): Promise<void> {
    const reason = `${count === 1 ? "Its time" : `${count} times`} came while I was not running, while everything was paused, or as the clock was set forward.`;
    const id = newId(OccurrenceId);
    if (!(await insert(batch, { id, row, scheduledFor, missed: count, state: "missed", reason }))) return;
    if (row.misfire === "skip") return void batch.skipped.push({ task: row, count });
    const due = localTimes(row.timezone)(scheduledFor);
    const to = { chat: row.chat_id, groupId: row.group_id, turn: undefined, now: batch.now };
    const text = `The task “${titleOf(row)}” did not run. Due: ${due}. ${reason}`;
    await owe(batch.trx, to, [{ key: `task:${id}:missed`, kind: "notice", text }]);
    batch.told.push(row.chat_id);
  }

  /** Undefined where this time was fired before. */
  async function queue(batch: Batch, run: Run): Promise<Woken | undefined> {
    const { row, chat } = run;
    const { trx, now } = batch;
    const isolated = row.context === "isolated";
    const id = newId(OccurrenceId);
    const own = { ...routeOf(chat), scope: { kind: "occurrence", key: id } as const };
    const session = isolated
      ? await sessionInUse(trx, { groupId: row.group_id, ...own, now })
      : await batch.sessionOf(chat);
    if (!(await insert(batch, { ...run, id, session, state: "waiting" }))) {
      await endOwnSessions(trx, [session], now); // made for nothing
      return undefined;
    }
    return { session, groupId: row.group_id, isolated, occurrence: id };
  }

  /** Whether this time was not fired before. */
  async function insert(
    { trx, now }: Batch,
    occurrence: {
      readonly id: OccurrenceId;
      readonly row: TaskRow;
      readonly session?: SessionId;
      readonly scheduledFor: number;
      readonly missed: number;
      readonly manual?: boolean;
      readonly state: OccurrencesTable["state"];
      readonly reason?: string;
    },
  ): Promise<boolean> {
    const { id, row, session, scheduledFor, missed, manual = false, state, reason } = occurrence;
    const { numInsertedOrUpdatedRows = 0n } = await trx
      .insertInto("occurrences")
      .values({
        id,
        task_id: row.id,
        session_id: session ?? null,
        scheduled_for: scheduledFor,
        manual: manual ? 1 : 0,
        missed,
        state,
        reason: reason ?? null,
        turn_id: null,
        created_at: now,
        ended_at: state === "waiting" ? null : now,
      })
      .onConflict((conflict) => conflict.columns(["task_id", "scheduled_for"]).doNothing())
      .executeTakeFirst();
    return numInsertedOrUpdatedRows > 0n;
  }

  return {
    /** All of these, or none. */
    async fire(planned: readonly Planned[]): Promise<Fired> {
      failpoint("fire.begin");
      const fired = await db.transaction().execute(async (trx) => {
        const batch = begin(trx);
        const ids = planned.map(({ row }) => row.id);
        const open = Map.groupBy(await openRuns(trx, ids), ({ task_id }) => task_id);
        for (const one of planned) await fireOne(batch, one, open.get(one.row.id) ?? []);
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
      if (row.overlap === "cancel_other") await giveWay(batch, open);
      for (let scheduledFor = batch.now; ; scheduledFor += 1) {
        const woken = await queue(batch, { row, chat, scheduledFor, missed: 0, manual: true });
        if (woken) return { ...woken, giveWay: batch.giveWay };
      }
    },
  };
}

/** Why a task can speak nowhere. */
export const HOMELESS = "Its chat does not belong to its group any more.";

function remembered<K, V>(known: Map<K, V>, key: K, find: () => V): V {
  const value = known.get(key) ?? find();
  known.set(key, value);
  return value;
}

function asOpen(row: TaskRow, scheduledFor: number, { occurrence, session }: Woken): Open[number] {
  return {
    id: occurrence,
    task_id: row.id,
    session_id: session,
    scheduled_for: scheduledFor,
    state: "waiting",
    turn_id: null,
  };
}

/** What becomes of a run whose task has `cancel_other`. */
export const NEXT_CAME = "The next run of its task began.";
