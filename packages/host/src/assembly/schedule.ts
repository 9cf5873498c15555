/** The schedule: tasks that come due, and the desk at which people and agents ask about them. */
import { createDesk } from "../scheduler/desk.ts";
import { createScheduler } from "../scheduler/scheduler.ts";
import { startTidying } from "../scheduler/tidy.ts";
import { createFire, type GivesWay, NEXT_CAME, type Woken } from "../store/fire.ts";
import { createOccurrences } from "../store/occurrences.ts";
import { createTasks } from "../store/tasks.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";
import type { WayOut } from "./way-out.ts";
import type { Work } from "./work.ts";

const SECOND = 1_000;

export type Schedule = ReturnType<typeof openSchedule>;

export function openSchedule(ground: Ground, records: Records, out: WayOut, { dispatcher, onGoOn }: Work) {
  const { config, clock, random, log, db, stopSwitch, opened } = ground;
  const { notices, delivery } = out;
  /** Node brings its own zone data. */
  const zoneData = process.versions["tz"] ?? "unknown";
  const tasks = createTasks(db, clock);
  const occurrences = createOccurrences(db);
  const { fire, fireNow } = createFire(db, { clock, routeOf: records.routeOf, zoneData });
  const paused = () => stopSwitch.hold().aborted;
  const { groupExists } = records;

  function wake({ session, groupId, isolated }: Woken): void {
    dispatcher.wake(session, groupId, { kind: "occurrence", isolated });
  }

  /** The session may be another turn's by now, which has nothing to do with it. */
  function giveWay({ session, occurrence }: GivesWay): void {
    const now = dispatcher.running().find(({ claim }) => claim.session.id === session);
    if (now && now.claim.task?.occurrence !== occurrence) return;
    dispatcher
      .stop(session, NEXT_CAME)
      .catch((error: unknown) => log.error({ err: error, occurrence }, "a run did not give way"));
  }

  const scheduler = createScheduler({
    tasks,
    fire,
    wake,
    recover: () =>
      void dispatcher
        .sweep()
        .catch((error: unknown) => log.error({ err: error }, "what was fired could not be looked for")),
    giveWay,
    deliver: delivery.wake,
    notices,
    groupExists,
    paused,
    zoneData,
    clock,
    random,
    log,
  });
  opened.defer(scheduler.close);
  onGoOn(scheduler.look);

  const desk = createDesk({
    db,
    tasks,
    occurrences,
    fireNow,
    audit: ground.audit.write,
    groupExists,
    timezoneOf: (folder) => records.settings(folder).timezone,
    notices: config.notices,
    bounds: { shortestMs: config.limits.taskIntervalSeconds * SECOND },
    look: scheduler.look,
    wake,
    giveWay,
    whyWaits({ session, groupId, occurrence }) {
      const underWay = dispatcher.running().some(({ claim }) => claim.task?.occurrence === occurrence);
      return underWay ? undefined : dispatcher.explain(session, groupId);
    },
    paused,
    zoneData,
    clock,
    random,
  });

  return {
    scheduler,
    desk,
    summary: tasks.summary,

    /** What was kept long enough is deleted from now on, in the background. */
    tidy(): void {
      const { taskRuns: runs, taskDays: days } = config.limits;
      opened.defer(startTidying({ occurrences, runs, days, clock, log }));
    },
  };
}
