/**
 * A database with a clock of its own, on which one life of the scheduler follows the other: what the walk
 * leads through its stories. Runs end as soon as they are due, because it is about times, not about work.
 */
import { RejectedError } from "@bellhop/sdk";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { watchClock } from "../../../packages/host/src/core/clock-watch.ts";
import { ChatId, MAIN } from "../../../packages/host/src/core/ids.ts";
import type { OccurrenceId, TaskId } from "../../../packages/host/src/core/task.ts";
import { silentLog } from "../../../packages/host/src/log.ts";
import { createDesk, type TaskPowers } from "../../../packages/host/src/scheduler/desk.ts";
import { createScheduler } from "../../../packages/host/src/scheduler/scheduler.ts";
import { createChats } from "../../../packages/host/src/store/chats.ts";
import { type OpenDatabase, openDatabase } from "../../../packages/host/src/store/database.ts";
import { createFire } from "../../../packages/host/src/store/fire.ts";
import { migrate } from "../../../packages/host/src/store/migrate.ts";
import { migrations } from "../../../packages/host/src/store/migrations/index.ts";
import { createAudit } from "../../../packages/host/src/store/audit.ts";
import { createOccurrences } from "../../../packages/host/src/store/occurrences.ts";
import { scopeOf } from "../../../packages/host/src/store/sessions.ts";
import { createTasks } from "../../../packages/host/src/store/tasks.ts";
import type { Found } from "./compare.ts";
import { createJumpingClock, type JumpingClock } from "./jumping-clock.ts";
import type { Asked, Zone } from "./plans.ts";

const PATIENCE_MS = 60_000;
const CHAT = ChatId.parse("web:tasks");

export type House = Awaited<ReturnType<typeof createHouse>>;

export async function createHouse(start: number) {
  const root = await mkdtemp(join(await realpath(tmpdir()), "bellhop-bench-"));
  const clock = createJumpingClock(start);
  const { db, close } = await openDatabase(join(root, "bellhop.db"), { clock });
  await migrate(db, { migrations, clock });
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  await chats.ensure(CHAT, MAIN);

  const rest = createRest();
  const woken: OccurrenceId[] = [];
  const troubles = new Set<string>();
  const watch = { jumps: 0 };
  let lives = 0;
  let life: Life | undefined;

  async function settle(): Promise<void> {
    await rest.settled();
    if (woken.length === 0) return;
    const end = { state: "succeeded" as const, ended_at: clock.now() };
    await db.updateTable("occurrences").set(end).where("id", "in", woken.splice(0)).execute();
  }

  const run = (ms: number) => clock.run(ms, settle);

  async function accepted<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof RejectedError) return undefined;
      throw error;
    } finally {
      await settle();
    }
  }

  /** Each life comes with zone data of another name, so that it finds all times anew (G20). */
  async function begin(): Promise<void> {
    lives += 1;
    life = createLife({
      db,
      clock,
      rest,
      zoneData: String(lives).padStart(4, "0"),
      wake: ({ occurrence }) => void woken.push(occurrence),
      onJump: () => (watch.jumps += 1),
      onTrouble: (trouble) => void troubles.add(trouble),
    });
    await life.start();
    await settle();
  }

  function desk(): TaskPowers {
    if (!life) throw new Error("no life has begun");
    return life.desk;
  }

  return {
    /** What the scheduler could not do, by its own word; each once, for it tries again and again. */
    troubles,
    begin,
    run,
    now: clock.now,

    /** The clock is set under the scheduler. Returns once it has looked. */
    async jump(ms: number): Promise<void> {
      clock.jump(ms);
      if (ms > 0) return await run(clock.untilNext());
      // Only the watch of the clock sees that it is behind.
      const before = watch.jumps;
      while (watch.jumps === before) await run(clock.untilNext());
    },

    /** Nobody is there. Returns once somebody is there again and has looked. */
    async sleep(ms: number): Promise<void> {
      await life?.end();
      clock.jump(ms);
      await begin();
    },

    /** undefined when none of its times is to come. */
    async add({ ask }: Asked): Promise<TaskId | undefined> {
      return (await accepted(desk().add({ ...ask, prompt: "what is on" })))?.id;
    },

    stateOf: async (id: TaskId) => (await desk().show(id)).state,
    /** undefined when none of its times would be left, as of the next two. */
    move: (id: TaskId, timezone: Zone) => accepted(desk().edit(id, { timezone })),
    resume: (id: TaskId) => accepted(desk().resume(id)),
    pause: (id: TaskId) => accepted(desk().pause(id)),

    async occurrences(): Promise<(Found & { task: TaskId })[]> {
      return await db
        .selectFrom("occurrences")
        .select([
          "task_id as task",
          "scheduled_for as scheduledFor",
          "created_at as createdAt",
          "state",
          "missed",
        ])
        .execute();
    },

    async [Symbol.asyncDispose](): Promise<void> {
      await life?.end();
      await close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

interface LifeParts {
  readonly db: OpenDatabase["db"];
  readonly clock: JumpingClock;
  readonly rest: Rest;
  readonly zoneData: string;
  readonly wake: (woken: { readonly occurrence: OccurrenceId }) => void;
  readonly onJump: () => void;
  readonly onTrouble: (trouble: string) => void;
}

type Life = ReturnType<typeof createLife>;

/** Put together as a host has it, without what would do the work. */
function createLife({ db, clock, rest, zoneData, wake, onJump, onTrouble }: LifeParts) {
  const tasks = createTasks(db, clock);
  const common = {
    clock,
    zoneData,
    wake,
    giveWay: () => undefined,
    groupExists: () => true,
    paused: () => false,
    random: () => 0,
  };
  const { fire, fireNow } = createFire(db, {
    clock,
    routeOf: ({ id, folder }) => ({ scope: scopeOf(id, folder), engine: "acp", provider: "bench" }),
    zoneData,
  });
  const scheduler = createScheduler({
    ...common,
    tasks: {
      firstDue: rest.watched(tasks.firstDue),
      due: rest.watched(tasks.due),
      read: rest.watched(tasks.read),
      misplanned: rest.watched(tasks.misplanned),
      replan: rest.watched(tasks.replan),
    },
    fire: rest.watched(fire),
    recover: () => undefined,
    deliver: () => undefined,
    notices: { tell: async () => undefined },
    log: {
      ...silentLog,
      error: (first: unknown, message?: string) => onTrouble(`${message}: ${inspect(first)}`),
    },
  });
  const desk = createDesk({
    ...common,
    db,
    tasks,
    fireNow,
    audit: createAudit(db, { clock, redact: (text) => text }).write,
    occurrences: createOccurrences(db),
    timezoneOf: () => "UTC",
    notices: ChatId.parse("web:notices"),
    bounds: { shortestMs: 10_000 },
    look: scheduler.look,
    whyWaits: () => "",
  });
  const unwatch = watchClock(clock, (byMs) => {
    onJump();
    scheduler.jumped(byMs);
  });
  return {
    desk: desk.as({ who: "the suite", group: MAIN, all: true, chat: CHAT }),
    start: scheduler.start,
    async end(): Promise<void> {
      unwatch();
      await scheduler.close();
    },
  };
}

type Rest = ReturnType<typeof createRest>;

/** Knows whether anything is at work, by the calls that have not returned. */
function createRest() {
  let working = 0;
  return {
    watched<A extends unknown[], R>(call: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
      return async (...args) => {
        working += 1;
        try {
          return await call(...args);
        } finally {
          working -= 1;
        }
      };
    },

    /**
     * Between two calls nothing takes longer than one round of the event loop.
     * @throws Error when whoever works does not come to an end
     */
    async settled(): Promise<void> {
      const began = performance.now();
      for (let quiet = 0; quiet < 3;) {
        await setImmediate();
        if (performance.now() - began > PATIENCE_MS)
          throw new Error(`the scheduler is still at work after ${PATIENCE_MS} ms`);
        quiet = working > 0 ? 0 : quiet + 1;
      }
    },
  };
}
