/**
 * One of two processes that fire the same tasks from the same file (F20): the real scheduler, the real
 * clock, nothing else of a host. What it has fired it writes down, in a journal of its own, and ends.
 * Its one argument is `Racer` as JSON; it runs until it is killed.
 */
import { appendFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { systemClock } from "../../../packages/host/src/core/clock.ts";
import { armFailpoints, type Failpoint } from "../../../packages/host/src/core/failpoint.ts";
import type { OccurrenceId } from "../../../packages/host/src/core/task.ts";
import { silentLog } from "../../../packages/host/src/log.ts";
import { createScheduler } from "../../../packages/host/src/scheduler/scheduler.ts";
import { openDatabase } from "../../../packages/host/src/store/database.ts";
import { createFire } from "../../../packages/host/src/store/fire.ts";
import { scopeOf } from "../../../packages/host/src/store/sessions.ts";
import { createTasks } from "../../../packages/host/src/store/tasks.ts";

/** Where a fire can be cut off. */
export const FIRE_PLACES = [
  "fire.begin",
  "fire.inside",
  "fire.committed",
] as const satisfies readonly Failpoint[];

const Racer = z.object({
  database: z.string(),
  journal: z.string(),
  /** It kills itself at the nth time that it comes there. */
  arm: z.object({ place: z.enum(FIRE_PLACES), nth: z.int().positive() }).optional(),
});
export type Racer = z.infer<typeof Racer>;

/** The same for both, as with two hosts of one version. */
export const ZONE_DATA = "the same for all";

async function race({ database, journal, arm }: Racer): Promise<void> {
  if (arm) dieAt(arm);
  const clock = systemClock;
  const { db } = await openDatabase(database);
  const ended: OccurrenceId[] = [];
  const { fire } = createFire(db, {
    clock,
    routeOf: ({ id, folder }) => ({ scope: scopeOf(id, folder), engine: "acp", provider: "bench" }),
    zoneData: ZONE_DATA,
  });

  /** The other one may hold the file just now; then they stay open, and `allow` lets a hundred be. */
  async function endAll(): Promise<void> {
    await setImmediate();
    const these = ended.splice(0);
    if (these.length === 0) return;
    const end = { state: "succeeded" as const, ended_at: clock.now() };
    await db.updateTable("occurrences").set(end).where("id", "in", these).execute();
  }

  const scheduler = createScheduler({
    tasks: createTasks(db, clock),
    fire,
    wake({ occurrence }) {
      appendFileSync(journal, `${occurrence}\n`);
      ended.push(occurrence);
      endAll().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    },
    giveWay: () => undefined,
    recover: () => undefined,
    deliver: () => undefined,
    notices: { tell: async () => undefined },
    groupExists: () => true,
    paused: () => false,
    zoneData: ZONE_DATA,
    clock,
    random: () => 0,
    log: { ...silentLog, error: (first: unknown) => void process.stderr.write(`${JSON.stringify(first)}\n`) },
  });
  setInterval(() => undefined, 60_000); // also where nothing is left to fire, it ends when it is killed
  await scheduler.start();
}

function dieAt({ place, nth }: NonNullable<Racer["arm"]>): void {
  let left = nth;
  armFailpoints((passed) => {
    if (passed !== place) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  });
}

if (process.argv[1] === import.meta.filename) await race(Racer.parse(JSON.parse(process.argv[2] ?? "")));
