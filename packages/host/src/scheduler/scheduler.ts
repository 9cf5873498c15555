/**
 * The scheduler: what is due fires, on time and once.
 *
 * - Nothing polls: one timer waits for the earliest time of all. It looks at the wall clock every 15 s at
 *   the latest, so that a clock that was set, or drifts, makes nobody late (G21); for that it touches no
 *   database.
 * - What comes due together is fired in batches, fairly between groups, and others get their turn between
 *   two batches.
 * - A task that cannot be planned or has nowhere to speak is paused, and its owner is told; it holds up
 *   no other.
 * - Zone data come with the Node that runs, so they can change only from one start to the next: then the
 *   next times of cron tasks are found anew (G20).
 */
import { RejectedError } from "@bellhop/sdk";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { nextOf, planFiring, planFrom, WINDOW_MS } from "../core/firing.ts";
import type { ChatId, GroupFolder } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import { titleOf } from "../core/task.ts";
import type { Log } from "../log.ts";
import type { Notices } from "../outbox/notices.ts";
import { type Fire, type Fired, type GivesWay, HOMELESS, type Planned, type Woken } from "../store/fire.ts";
import { type TaskRow, type Tasks, timetableOf } from "../store/tasks.ts";

export interface SchedulerParts {
  readonly tasks: Pick<Tasks, "firstDue" | "due" | "read" | "misplanned" | "replan">;
  readonly fire: Fire["fire"];
  /** There is something to run. */
  readonly wake: (woken: Woken) => void;
  /** There may be something to run that nobody was told of. */
  readonly recover: () => void;
  /** This run is to end, because the next of its task is there. */
  readonly giveWay: (run: GivesWay) => void;
  /** There is something to deliver to this chat. */
  readonly deliver: (chat: ChatId) => void;
  readonly notices: Pick<Notices, "tell">;
  readonly groupExists: (folder: GroupFolder) => boolean;
  /** Nothing may fire. Whoever ends the pause calls `look`. */
  readonly paused: () => boolean;
  /** Of what the times are found with. */
  readonly zoneData: string;
  readonly clock: Clock;
  /** From 0 to below 1, for jitter. */
  readonly random: () => number;
  readonly log: Log;
}

/** G21: how long a clock that was set can go unnoticed. */
const LOOK_MS = 15_000;
/** Read at once, so that the order can be fair; the rest comes in the next round. */
const MOST_DUE = 20_000;
/** One transaction: first a short one, because whoever has a free place waits for it; the rest is in line anyway. */
const FIRST_BATCH = 50;
const BATCH = 200;
const REPLAN_BATCH = 200;
/** After the database failed us. */
const BREATHER_MS = 1_000;

export function createScheduler(parts: SchedulerParts) {
  const { tasks, clock, log, random } = parts;
  let cancelTimer = (): void => undefined;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let replanning: Promise<void> = Promise.resolve();
  let closed = false;

  function arm(at: number | undefined): void {
    cancelTimer();
    if (closed || at === undefined) return;
    const left = Math.min(LOOK_MS, Math.max(0, at - clock.now()));
    cancelTimer = clock.after(left, () => {
      if (clock.now() >= at) look();
      else arm(at);
    });
  }

  /** Something has come due, or when the first of all is due has changed. */
  function look(): void {
    lookAgain = true;
    if (closed || looking) return;
    looking = lookUntilDone().finally(() => {
      looking = undefined;
      if (lookAgain) look(); // it came as the last round ended
    });
  }

  async function lookUntilDone(): Promise<void> {
    while (lookAgain) {
      lookAgain = false;
      if (closed) return;
      try {
        await fireAllDue();
        if (!parts.paused()) arm(await tasks.firstDue());
      } catch (error) {
        log.error({ err: error }, "what is due could not be fired; trying again in a moment");
        arm(clock.now() + BREATHER_MS);
      }
    }
  }

  async function fireAllDue(): Promise<void> {
    for (;;) {
      const due = await tasks.due(clock.now(), MOST_DUE);
      if (due.length === 0) return;
      const failures = await fireRound(fairly(due));
      if (closed || parts.paused()) return;
      if (failures.length > 0) throw new AggregateError(failures, `${failures.length} firings failed`);
    }
  }

  /** What fails in it is tried again in the next round, and holds up nobody in this one. */
  async function fireRound(ids: readonly TaskId[]): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let from = 0, to = FIRST_BATCH; from < ids.length; from = to, to += BATCH) {
      if (closed || parts.paused()) break;
      await fireBatch(ids.slice(from, to)).catch((error: unknown) => void failures.push(error));
      await setImmediate();
    }
    return failures;
  }

  async function fireBatch(ids: readonly TaskId[]): Promise<void> {
    const planned: Planned[] = [];
    for (const row of await tasks.read(ids)) {
      const trouble = parts.groupExists(row.folder) ? undefined : "Its group is not there any more.";
      const one = trouble === undefined ? plan(row) : trouble;
      if (one === undefined) continue;
      if (typeof one === "string") await stand(row, one);
      else planned.push(one);
    }
    if (planned.length > 0) await fireTogether(planned);
  }

  async function fireTogether(planned: readonly Planned[]): Promise<void> {
    let fired: Fired;
    try {
      fired = await parts.fire(planned);
    } catch (error) {
      parts.recover(); // a commit that reports an error may be on disk all the same
      return await fireApart(planned, error);
    }
    await pass(fired);
  }

  /** One that cannot be fired must not take the others with it. */
  async function fireApart(planned: readonly Planned[], error: unknown): Promise<void> {
    const [only] = planned;
    if (planned.length > 1) await fireOneByOne(planned);
    else if (only && error instanceof RangeError) await stand(only.row, unplannable(error));
    else throw error;
  }

  async function fireOneByOne(planned: readonly Planned[]): Promise<void> {
    const failures: unknown[] = [];
    for (const one of planned) await fireTogether([one]).catch((error: unknown) => void failures.push(error));
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} tasks could not be fired`);
  }

  /** What is to happen; in words, why it cannot be said; undefined where it is not due any more. */
  function plan(row: TaskRow): Planned | string | undefined {
    const { next_at: nextAt, due_at: dueAt } = row;
    const now = clock.now();
    if (nextAt === null || dueAt === null || dueAt > now) return undefined;
    try {
      const firing = planFiring(
        {
          ...timetableOf(row),
          misfire: row.misfire,
          nextAt,
          dueAt,
        },
        now,
      );
      return { row, firing, dueAt: dueOf(row, firing.next) };
    } catch (error) {
      log.error({ err: error, task: row.id }, "the next time of a task cannot be found");
      return unplannable(error);
    }
  }

  function dueOf({ jitter_ms }: TaskRow, next: number | undefined): number | undefined {
    return next === undefined ? undefined : next + Math.floor(random() * jitter_ms);
  }

  /** It stands still from here on, and its owner knows. */
  async function stand(row: TaskRow, note: string): Promise<void> {
    if (await tasks.replan(row, { state: "paused", note, next_at: null, due_at: null }))
      await tellPaused(row, note);
  }

  async function tellPaused(row: TaskRow, note: string): Promise<void> {
    await parts.notices.tell(
      `task:${row.id}:${row.revision}`,
      `I have paused the task ${row.id} “${titleOf(row)}” of the group ${row.folder}. ${note} When that is mended: bellhop tasks resume ${row.id}`,
    );
  }

  async function pass({ woken, giveWay, told, skipped, homeless }: Fired): Promise<void> {
    for (const one of woken) parts.wake(one);
    for (const run of giveWay) parts.giveWay(run);
    for (const chat of new Set(told)) parts.deliver(chat);
    for (const row of homeless) await tellPaused(row, HOMELESS);
    if (skipped.length > 0) await tellSkipped(skipped);
  }

  async function tellSkipped(skipped: Fired["skipped"]): Promise<void> {
    const names = skipped
      .slice(0, MOST_NAMED)
      .map(({ task, count }) => `${task.id} “${titleOf(task)}” (${count})`);
    const rest = skipped.length - names.length;
    await parts.notices.tell(
      `missed:${skipped[0]?.task.id ?? ""}:${clock.now()}`,
      `While I was not running, while everything was paused, or as the clock was set forward, times of these tasks were missed and are not made up for: ${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}. They go on with their next time.`,
    );
  }

  /** Plans anew what was planned with other zone data, or by a clock that was far ahead (G20, G21). */
  async function replan(): Promise<void> {
    for (;;) {
      const markAfter = clock.now() + WINDOW_MS;
      const wrong = await tasks.misplanned({ zoneData: parts.zoneData, markAfter }, REPLAN_BATCH);
      if (wrong.length === 0 || closed) return;
      for (const row of wrong) await replanOne(row);
      await setImmediate();
    }
  }

  async function replanOne(row: TaskRow): Promise<void> {
    const { zoneData } = parts;
    const now = clock.now();
    const from = planFrom(row.last_at, now);
    const ahead = from < row.last_at;
    // What is overdue is fired as it was planned; only the time after it is found by the new data.
    if (!ahead && (row.next_at ?? 0) <= now) return void (await tasks.replan(row, { zone_data: zoneData }));
    try {
      const next = nextOf(timetableOf(row), from);
      const due = { next_at: next ?? null, due_at: dueOf(row, next) ?? null };
      const state = next === undefined ? ({ state: "done" } as const) : {};
      await tasks.replan(row, { ...due, ...state, last_at: ahead ? from : row.last_at, zone_data: zoneData });
      if (ahead) log.warn({ task: row.id }, "the clock was far ahead when this task ran last; planned anew");
    } catch (error) {
      if (error instanceof RejectedError || error instanceof RangeError) await stand(row, error.message);
      else throw error;
    }
  }

  return {
    look,

    /** What was planned before this start is looked at, then everything goes on. */
    async start(): Promise<void> {
      await replan();
      look();
    },

    /** The wall clock was set: by so many milliseconds. */
    jumped(byMs: number): void {
      if (byMs > 0) return look();
      replanning = replan()
        .catch((error: unknown) => log.error({ err: error }, "tasks could not be planned anew"))
        .finally(look);
    },

    /** Nothing fires any more; resolves when what was firing is committed. */
    async close(): Promise<void> {
      closed = true;
      cancelTimer();
      await Promise.all([looking, replanning]);
    },
  };
}

/** A time zone that is not known any more, an expression that another version would have refused. */
function unplannable(error: unknown): string {
  return `When it is due cannot be found out (${error instanceof Error ? error.message : String(error)}).`;
}

/** In a notice; the rest is counted. */
const MOST_NAMED = 5;

/** Earliest first within a group, and the groups by turns: none waits for all that another has. */
function fairly(due: readonly { id: TaskId; groupId: number }[]): TaskId[] {
  const groups = [...Map.groupBy(due, ({ groupId }) => groupId).values()];
  const most = Math.max(...groups.map(({ length }) => length));
  const order: TaskId[] = [];
  for (let at = 0; at < most; at += 1)
    for (const group of groups) {
      const one = group[at];
      if (one) order.push(one.id);
    }
  return order;
}
