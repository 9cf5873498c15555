/**
 * Tasks: what is to be done at set times.
 *
 * - Every change counts `revision` up; whoever planned by an older one has planned for nothing (store/fire.ts).
 * - `due_at` is set exactly while a task is active and has a time to come, so the index of what is due is
 *   all that ever has to be looked at, however many tasks there are.
 * - A task is never deleted: what it was and did stays to be shown.
 */
import type { Insertable, Kysely, Selectable } from "kysely";
import { sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { GroupFolder } from "../core/ids.ts";
import type { Schedule, Task, TaskId } from "../core/task.ts";
import type { Database, TasksTable } from "./tables.ts";

/** With the folder of its group. */
export type TaskRow = Selectable<TasksTable> & { readonly folder: GroupFolder };
export type NewTaskRow = Insertable<TasksTable>;
/** What a change sets; its own bookkeeping is the store's. */
export type TaskPatch = Partial<
  Omit<Selectable<TasksTable>, "id" | "group_id" | "revision" | "created_by" | "created_at" | "updated_at">
>;

/** A literal, because only then does SQLite use the index of what is due. */
const isDue = sql<boolean>`tasks.due_at IS NOT NULL`;

export type Tasks = ReturnType<typeof createTasks>;

export function createTasks(db: Kysely<Database>, clock: Clock) {
  return {
    async insert(trx: Kysely<Database>, row: NewTaskRow): Promise<TaskRow> {
      await trx.insertInto("tasks").values(row).execute();
      return await byId(trx, row.id);
    },

    /** @returns the task as it is then */
    async change(trx: Kysely<Database>, id: TaskId, patch: TaskPatch): Promise<TaskRow> {
      await changeTask(trx, id, patch, clock.now());
      return await byId(trx, id);
    },

    /** Those of the group, or of all, whose id begins so. More than one is enough to know that it says too little. */
    async beginningWith(trx: Kysely<Database>, beginning: string, group?: GroupFolder): Promise<TaskRow[]> {
      return await rows(trx)
        .$if(group !== undefined, (query) => query.where("groups.folder", "=", sql<GroupFolder>`${group}`))
        .where("tasks.id", ">=", sql<TaskId>`${beginning}`)
        .where("tasks.id", "<", sql<TaskId>`${`${beginning}~`}`)
        .limit(2)
        .execute();
    },

    /** Oldest first. `all`: also those of which nothing is left. */
    async list({ group, all }: { group?: GroupFolder | undefined; all: boolean }): Promise<TaskRow[]> {
      return await rows(db)
        .$if(group !== undefined, (query) => query.where("groups.folder", "=", sql<GroupFolder>`${group}`))
        .$if(!all, (query) => query.where("tasks.state", "in", ["active", "paused"]))
        .orderBy("tasks.created_at")
        .orderBy("tasks.id")
        .execute();
    },

    /** How many of the group are not at their end. */
    async count(trx: Kysely<Database>, groupId: number): Promise<number> {
      const { count } = await trx
        .selectFrom("tasks")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("group_id", "=", groupId)
        .where("state", "in", ["active", "paused"])
        .executeTakeFirstOrThrow();
      return count;
    },

    /** When the first of all is due. */
    async firstDue(): Promise<number | undefined> {
      const row = await db
        .selectFrom("tasks")
        .select("due_at")
        .where(isDue)
        .orderBy("due_at")
        .limit(1)
        .executeTakeFirst();
      return row?.due_at ?? undefined;
    },

    /** Whatever is due by now, earliest first: read from the index alone. */
    async due(now: number, limit: number): Promise<{ id: TaskId; groupId: number }[]> {
      return await db
        .selectFrom("tasks")
        .select(["id", "group_id as groupId"])
        .where(isDue)
        .where("due_at", "<=", now)
        .orderBy("due_at")
        .limit(limit)
        .execute();
    },

    /** In the order in which they are named. */
    async read(ids: readonly TaskId[]): Promise<TaskRow[]> {
      const found = await rows(db).where("tasks.id", "in", ids).execute();
      const byId = new Map(found.map((row) => [row.id, row]));
      return ids.flatMap((id) => byId.get(id) ?? []);
    },

    /**
     * Active tasks that have to be planned anew: a cron expression whose next time was found with other
     * zone data (G20), a mark that lies after `markAfter` and so was made by a clock that was wrong (G21).
     */
    async misplanned(
      { zoneData, markAfter }: { zoneData: string; markAfter: number },
      limit: number,
    ): Promise<TaskRow[]> {
      const active = rows(db).where(isDue).limit(limit);
      const cron = active.where(sql<boolean>`tasks.kind = 'cron'`);
      // One by one: with OR between them SQLite would use no index.
      const [older, newer, ahead] = await Promise.all([
        cron.where("zone_data", "<", zoneData).execute(),
        cron.where("zone_data", ">", zoneData).execute(),
        active.where("last_at", ">", markAfter).execute(),
      ]);
      return [...older, ...newer, ...ahead].slice(0, limit);
    },

    /** For whoever plans anew: only if nobody has changed the task since. */
    async replan(row: TaskRow, patch: TaskPatch): Promise<boolean> {
      return await changeTask(db, row.id, patch, clock.now(), row.revision);
    },

    /** What `status` says of them. */
    async summary(): Promise<{ active: number; paused: number; failing: number; waiting: number }> {
      const { waiting } = await db
        .selectFrom("occurrences")
        .select((eb) => eb.fn.countAll<number>().as("waiting"))
        .where(sql<boolean>`occurrences.state = 'waiting'`)
        .executeTakeFirstOrThrow();
      const rows = await db
        .selectFrom("tasks")
        .select((eb) => [
          "state",
          eb.fn.countAll<number>().as("tasks"),
          eb.fn.sum<number>(sql<number>`tasks.failures > 0`).as("failing"),
        ])
        .where("state", "in", ["active", "paused"])
        .groupBy("state")
        .execute();
      const of = (state: Task["state"]) => rows.find((row) => row.state === state);
      return {
        active: of("active")?.tasks ?? 0,
        paused: of("paused")?.tasks ?? 0,
        failing: of("active")?.failing ?? 0,
        waiting,
      };
    },
  };
}

/**
 * @param revision only where it still is this one
 * @returns whether there was such a task
 */
export async function changeTask(
  trx: Kysely<Database>,
  id: TaskId,
  patch: TaskPatch,
  now: number,
  revision?: number,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable("tasks")
    .set((eb) => ({ ...patch, revision: eb("revision", "+", 1), updated_at: now }))
    .where("id", "=", id)
    .$if(revision !== undefined, (query) => query.where("revision", "=", revision ?? 0))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

function rows(db: Kysely<Database>) {
  return db
    .selectFrom("tasks")
    .innerJoin("groups", "groups.id", "tasks.group_id")
    .selectAll("tasks")
    .select("groups.folder");
}

async function byId(trx: Kysely<Database>, id: TaskId): Promise<TaskRow> {
  return await rows(trx).where("tasks.id", "=", id).executeTakeFirstOrThrow();
}

/** When it is due and how often, as `core/schedule.ts` and `core/firing.ts` take it. */
export function timetableOf(
  row: Selectable<TasksTable>,
): Pick<Task, "schedule" | "timezone" | "endsAt" | "maxRuns" | "fired"> {
  const { timezone, ends_at: endsAt, max_runs: maxRuns, fired } = row;
  return { schedule: scheduleOf(row), timezone, endsAt, maxRuns, fired };
}

function scheduleOf({ id, kind, cron, every_ms, anchor }: Selectable<TasksTable>): Schedule {
  if (kind === "cron" && cron !== null) return { kind, cron };
  if (kind === "interval" && every_ms !== null && anchor !== null) return { kind, everyMs: every_ms, anchor };
  if (kind === "once" && anchor !== null) return { kind, at: anchor };
  throw new Error(`the task ${id} has no schedule`);
}

/** The columns of a schedule. */
export function scheduleColumns(
  schedule: Schedule,
): Pick<NewTaskRow, "kind" | "cron" | "every_ms" | "anchor"> {
  switch (schedule.kind) {
    case "cron":
      return { kind: "cron", cron: schedule.cron, every_ms: null, anchor: null };
    case "interval":
      return { kind: "interval", cron: null, every_ms: schedule.everyMs, anchor: schedule.anchor };
    case "once":
      return { kind: "once", cron: null, every_ms: null, anchor: schedule.at };
    default:
      return schedule satisfies never;
  }
}

const MICROS = 1_000_000;

export const microsOf = (usd: number): number => Math.round(usd * MICROS);

/** As the API shows it. */
export function toTask(row: TaskRow): Task {
  return {
    id: row.id,
    group: row.folder,
    chat: row.chat_id,
    prompt: row.prompt,
    script: row.script,
    gate: row.gate,
    gateFailure: row.gate_failure,
    schedule: scheduleOf(row),
    timezone: row.timezone,
    context: row.context,
    model: row.model,
    effort: row.effort,
    announce: row.announce === 1,
    misfire: row.misfire,
    overlap: row.overlap,
    retries: row.retries,
    atMostOnce: row.at_most_once === 1,
    endsAt: row.ends_at,
    maxRuns: row.max_runs,
    jitterMs: row.jitter_ms,
    timeoutMs: row.timeout_ms,
    maxTokens: row.max_tokens,
    maxUsd: row.max_micros === null ? null : row.max_micros / MICROS,
    state: row.state,
    note: row.note,
    nextAt: row.next_at,
    fired: row.fired,
    failures: row.failures,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
