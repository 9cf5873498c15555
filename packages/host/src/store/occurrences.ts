/**
 * Occurrences: each time of a task, and what became of it.
 *
 * - One waits in the session where its turn is to be, is running once a turn has claimed it, and ends in
 *   the transaction in which that turn ends, under its fence (store/turns.ts). So it ends once.
 * - A retry is another attempt at the same turn: nothing here is made a second time.
 * - What it cost and how often it was tried stands with its turn, and is not kept twice.
 */
import { type ExpressionBuilder, type Kysely, type Selectable, type SelectQueryBuilder, sql } from "kysely";
import type { ChatId, SessionId, TurnId } from "../core/ids.ts";
import { type Occurrence, OccurrenceId, type Task, type TaskId, titleOf } from "../core/task.ts";
import { owe } from "./outbox.ts";
import { endOwnSessions } from "./sessions.ts";
import type { Database, OccurrencesTable, TasksTable } from "./tables.ts";
import { changeTask } from "./tasks.ts";

type OccurrenceRow = Selectable<OccurrencesTable>;

/** What a turn has to know of the task that it runs. */
export interface ClaimedTask {
  readonly id: TaskId;
  readonly occurrence: OccurrenceId;
  /** Where it answers. */
  readonly chat: ChatId;
  readonly scheduledFor: number;
  readonly manual: boolean;
  readonly missed: number;
  readonly prompt: string;
  readonly script: string | null;
  readonly gate: string | null;
  readonly gateFailure: Task["gateFailure"];
  /** What its gate said in an earlier attempt, as JSON. */
  readonly gateSaid: string | null;
  readonly timezone: string;
  readonly model: string | null;
  readonly effort: Task["effort"];
  readonly announce: boolean;
  readonly retries: number;
  readonly atMostOnce: boolean;
  readonly timeoutMs: number | null;
  readonly maxTokens: number | null;
  readonly maxMicros: number | null;
  readonly createdBy: string;
  readonly createdAt: number;
  /** The next time of its schedule: no attempt is made after it. */
  readonly nextAt: number | null;
  /** By now nobody wants it any more. */
  readonly cancelled: boolean;
  /** It was made or changed by a tainted turn. */
  readonly tainted: boolean;
}

/** How a run ended. */
export interface RunEnd {
  readonly state: "succeeded" | "failed" | "skipped" | "cancelled";
  readonly reason?: string | undefined;
  readonly result?: string | undefined;
}

/** After so many failures in a row a series stands still until somebody looks. */
const FAILURES_IN_A_ROW = 5;
/** Of what was answered: enough to read, too little to fill a disk. */
const RESULT_LENGTH = 10_000;

const isWaiting = sql<boolean>`occurrences.state = 'waiting'`;
const isOpen = sql<boolean>`occurrences.ended_at IS NULL`;
const hasTurn = sql<boolean>`occurrences.turn_id IS NOT NULL`;

/** The one that has waited longest in the session, and since when. */
export async function nextWaiting(
  trx: Kysely<Database>,
  session: SessionId,
): Promise<{ id: OccurrenceId; since: number } | undefined> {
  return await trx
    .selectFrom("occurrences")
    .select(["id", "created_at as since"])
    .where("session_id", "=", session)
    .where(isWaiting)
    .orderBy("created_at")
    .orderBy("scheduled_for")
    .limit(1)
    .executeTakeFirst();
}

/** The turn has claimed it. */
export async function beginRun(
  trx: Kysely<Database>,
  id: OccurrenceId,
  { turn, session, now }: { turn: TurnId; session: SessionId; now: number },
): Promise<void> {
  await trx
    .updateTable("occurrences")
    .set({ state: "running", turn_id: turn, session_id: session, started_at: now })
    .where("id", "=", id)
    .execute();
}

/** What a turn is to do for this occurrence. */
export async function claimedTask(trx: Kysely<Database>, id: OccurrenceId): Promise<ClaimedTask> {
  const row = await claimable(trx).where("occurrences.id", "=", id).executeTakeFirstOrThrow();
  return toClaimed(row);
}

/** The same, of a turn that is tried again. */
export async function taskOfTurn(trx: Kysely<Database>, turn: TurnId): Promise<ClaimedTask | undefined> {
  const row = await claimable(trx).where("occurrences.turn_id", "=", turn).where(hasTurn).executeTakeFirst();
  return row && toClaimed(row);
}

function claimable(trx: Kysely<Database>) {
  return trx
    .selectFrom("occurrences")
    .innerJoin("tasks", "tasks.id", "occurrences.task_id")
    .selectAll("tasks")
    .select([
      "occurrences.id as occurrence",
      "occurrences.scheduled_for",
      "occurrences.manual",
      "occurrences.missed",
      "occurrences.gate_said",
    ]);
}

function toClaimed(
  row: Selectable<TasksTable> &
    Pick<OccurrenceRow, "scheduled_for" | "manual" | "missed" | "gate_said"> & { occurrence: OccurrenceId },
): ClaimedTask {
  return {
    id: row.id,
    occurrence: row.occurrence,
    chat: row.chat_id,
    scheduledFor: row.scheduled_for,
    manual: row.manual === 1,
    missed: row.missed,
    prompt: row.prompt,
    script: row.script,
    gate: row.gate,
    gateFailure: row.gate_failure,
    gateSaid: row.gate_said,
    timezone: row.timezone,
    model: row.model,
    effort: row.effort,
    announce: row.announce === 1,
    retries: row.retries,
    atMostOnce: row.at_most_once === 1,
    timeoutMs: row.timeout_ms,
    maxTokens: row.max_tokens,
    maxMicros: row.max_micros,
    createdBy: row.created_by,
    createdAt: row.created_at,
    nextAt: row.next_at,
    cancelled: row.state === "cancelled",
    tainted: row.tainted === 1,
  };
}

/** Under the fence of its turn: a later attempt goes by what the gate said first. */
export async function keepGateWord(trx: Kysely<Database>, id: OccurrenceId, said: string): Promise<void> {
  await trx.updateTable("occurrences").set({ gate_said: said }).where("id", "=", id).execute();
}

/** Its turn has ended. A series that keeps failing is paused, and says so in its chat. */
export async function endRun(
  trx: Kysely<Database>,
  { id, occurrence }: Pick<ClaimedTask, "id" | "occurrence">,
  { state, reason, result }: RunEnd,
  where: { readonly chat: ChatId; readonly groupId: number; readonly now: number },
): Promise<void> {
  await endOccurrence(trx, occurrence, { state, reason, result }, where.now);
  if (state === "failed") await countFailure(trx, { id, occurrence }, where);
  else if (state !== "cancelled")
    await trx
      .updateTable("tasks")
      .set({ failures: 0 })
      .where("id", "=", id)
      .where("failures", ">", 0)
      .execute();
  await closeSeries(trx, id, where.now);
}

/** What comes to an end. */
export async function endOccurrence(
  trx: Kysely<Database>,
  id: OccurrenceId,
  { state, reason, result }: RunEnd,
  now: number,
): Promise<void> {
  await trx
    .updateTable("occurrences")
    .set({
      state,
      reason: reason ?? null,
      result: result?.slice(0, RESULT_LENGTH).toWellFormed() ?? null,
      ended_at: now,
    })
    .where("id", "=", id)
    .where(isOpen)
    .execute();
}

async function countFailure(
  trx: Kysely<Database>,
  { id, occurrence }: Pick<ClaimedTask, "id" | "occurrence">,
  { chat, groupId, now }: { readonly chat: ChatId; readonly groupId: number; readonly now: number },
): Promise<void> {
  const task = await trx
    .updateTable("tasks")
    .set((eb) => ({ failures: eb("failures", "+", 1) }))
    .where("id", "=", id)
    .returning(["failures", "state", "due_at", "prompt", "script"])
    .executeTakeFirstOrThrow();
  if (task.failures < FAILURES_IN_A_ROW || task.state !== "active" || task.due_at === null) return;
  const note = `It failed ${task.failures} times in a row.`;
  await changeTask(trx, id, { state: "paused", note, next_at: null, due_at: null }, now);
  const text = `The task “${titleOf(task)}” has failed ${task.failures} times in a row, so I have paused it. When that is mended, let it go on with /tasks resume ${id} (or: bellhop tasks resume ${id}).`;
  await owe(trx, { chat, groupId, turn: undefined, now }, [
    { key: `task:${occurrence}:paused`, kind: "notice", text },
  ]);
}

/** A task of which no time and no run is left is done. */
export async function closeSeries(trx: Kysely<Database>, id: TaskId, now: number): Promise<void> {
  await trx
    .updateTable("tasks")
    .set({ state: "done", updated_at: now })
    .where("id", "=", id)
    .where("state", "=", "active")
    .where("next_at", "is", null)
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom("occurrences")
            .select("occurrences.id")
            .where("occurrences.task_id", "=", id)
            .where(isOpen),
        ),
      ),
    )
    .execute();
}

/** Those of the tasks that have not ended, oldest first. */
export async function openRuns(
  trx: Kysely<Database>,
  tasks: readonly TaskId[],
): Promise<Pick<OccurrenceRow, "id" | "task_id" | "session_id" | "scheduled_for" | "state" | "turn_id">[]> {
  return await trx
    .selectFrom("occurrences")
    .select(["id", "task_id", "session_id", "scheduled_for", "state", "turn_id"])
    .where("task_id", "in", tasks)
    .where(isOpen)
    // The sign keeps SQLite from reading all that a task ever did, in order.
    .orderBy(sql`+scheduled_for`)
    .execute();
}

/** Ends those that wait, one or all of a task, before any turn has taken them. */
export async function endWaiting(
  trx: Kysely<Database>,
  which: { readonly id: OccurrenceId } | { readonly task: TaskId },
  { state, reason }: Pick<RunEnd, "state" | "reason">,
  now: number,
): Promise<void> {
  const waiting = trx
    .updateTable("occurrences")
    .set({ state, reason: reason ?? null, ended_at: now })
    .where(isWaiting);
  const ended = await (
    "id" in which
      ? waiting.where("id", "=", which.id)
      : waiting.where("task_id", "=", which.task).where(isOpen)
  ) // as the index of those has it
    .returning("session_id")
    .execute();
  await endOwnSessions(
    trx,
    ended.flatMap(({ session_id }) => session_id ?? []),
    now,
  );
}

export type Occurrences = ReturnType<typeof createOccurrences>;

/** How many a step of the tidying looks at and deletes. */
const STEP = 500;

export function createOccurrences(db: Kysely<Database>) {
  function views() {
    return db
      .selectFrom("occurrences")
      .leftJoin("turns", "turns.id", "occurrences.turn_id")
      .selectAll("occurrences")
      .select((eb) => [
        "turns.attempt",
        eb
          .selectFrom("usage")
          .select(
            sql<number>`sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens)`.as(
              "tokens",
            ),
          )
          .whereRef("usage.turn_id", "=", "occurrences.turn_id")
          .as("tokens"),
        eb
          .selectFrom("usage")
          .select(sql<number>`sum(cost_micros)`.as("micros"))
          .whereRef("usage.turn_id", "=", "occurrences.turn_id")
          .as("micros"),
      ]);
  }

  return {
    /** Newest first; those before this one. */
    async history(
      task: TaskId,
      { limit, before }: { limit: number; before?: OccurrenceId | undefined },
    ): Promise<{ occurrences: Occurrence[]; more: boolean }> {
      const edge =
        before &&
        (await db
          .selectFrom("occurrences")
          .select("scheduled_for")
          .where("id", "=", before)
          .executeTakeFirst());
      const rows = await views()
        .where("occurrences.task_id", "=", task)
        .$if(edge !== undefined, (query) => query.where("scheduled_for", "<", edge?.scheduled_for ?? 0))
        .orderBy("scheduled_for", "desc")
        .limit(limit + 1)
        .execute();
      return { occurrences: rows.slice(0, limit).map(toOccurrence), more: rows.length > limit };
    },

    async find(id: OccurrenceId): Promise<Occurrence | undefined> {
      const row = await views().where("occurrences.id", "=", id).executeTakeFirst();
      return row && toOccurrence(row);
    },

    /**
     * One step of tidying. Deletes some of what ended before `before`; and of the next tasks after `after`
     * what is not among the newest `keep`. Says with which task to go on; undefined: all is tidy.
     */
    async prune({
      after,
      keep,
      before,
    }: {
      after: string;
      keep: number;
      before: number;
    }): Promise<{ deleted: number; next: string | undefined }> {
      const old = await deleteSome((runs) => runs.where("old.ended_at", "<", before));
      if (old === STEP) return { deleted: old, next: after };
      // Reading waits for nobody; only where there is too much, something is written.
      const tasks = await db
        .selectFrom("tasks")
        .select(["id", (eb) => edgeOf(eb, keep).as("edge")])
        .where(sql<string>`id`, ">", after)
        .orderBy("id")
        .limit(STEP)
        .execute();
      let deleted = old;
      for (const { id, edge } of tasks) {
        if (edge === null) continue;
        deleted += await deleteSome((runs) =>
          runs.where("old.task_id", "=", id).where("old.scheduled_for", "<=", edge),
        );
        if (deleted >= STEP) return { deleted, next: after }; // there may be more of it
      }
      return { deleted, next: tasks.length < STEP ? undefined : tasks.at(-1)?.id };
    },
  };

  /** So many of these as a step may; what has not ended stays, however old it is. */
  async function deleteSome(which: (runs: OldRuns) => OldRuns): Promise<number> {
    const old = db
      .selectFrom("occurrences as old")
      .select("old.id")
      .where(sql<boolean>`old.ended_at IS NOT NULL`)
      .limit(STEP);
    const { numDeletedRows } = await db
      .deleteFrom("occurrences")
      .where("id", "in", which(old))
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}

type OldRuns = SelectQueryBuilder<Database & { old: OccurrencesTable }, "old", { id: OccurrenceId }>;

/** The time of a task's newest run that is too much. */
function edgeOf(eb: ExpressionBuilder<Database, "tasks">, keep: number) {
  return eb
    .selectFrom("occurrences")
    .select("scheduled_for")
    .whereRef("occurrences.task_id", "=", "tasks.id")
    .orderBy("scheduled_for", "desc")
    .limit(1)
    .offset(keep);
}

function toOccurrence(
  row: OccurrenceRow & { attempt: number | null; tokens: number | null; micros: number | null },
): Occurrence {
  const { started_at: startedAt, ended_at: endedAt } = row;
  return {
    id: row.id,
    task: row.task_id,
    scheduledFor: row.scheduled_for,
    manual: row.manual === 1,
    state: row.state,
    reason: row.reason,
    missed: row.missed,
    createdAt: row.created_at,
    startedAt,
    endedAt,
    durationMs: startedAt === null || endedAt === null ? null : endedAt - startedAt,
    attempts: row.attempt ?? 0,
    result: row.result,
    tokens: row.tokens ?? 0,
    costMicros: row.micros ?? 0,
    turn: row.turn_id,
  };
}
