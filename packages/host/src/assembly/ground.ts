/** What everything stands on: the home and its lock, the log, the database, the emergency stop. */
import { type Config, type HomePaths, writeDefaultConfig } from "../config.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { createKnownSecrets, type KnownSecrets } from "../core/known-secrets.ts";
import { createEventBus, type EventBus } from "../core/events.ts";
import { prepareHome } from "../home.ts";
import { type Log, openLog } from "../log.ts";
import { openStopSwitch, type StopSwitch } from "../stop-switch.ts";
import { type Audit, createAudit } from "../store/audit.ts";
import { openDatabase, type OpenDatabase } from "../store/database.ts";
import { type HomeLock, lockHome } from "../store/lock.ts";
import { migrate } from "../store/migrate.ts";
import { migrations } from "../store/migrations/index.ts";

export interface Ground {
  readonly config: Config;
  readonly paths: HomePaths;
  readonly clock: Clock;
  /** From 0 to below 1: how far waits are spread. */
  readonly random: () => number;
  readonly log: Log;
  readonly bus: EventBus;
  readonly db: OpenDatabase["db"];
  readonly lock: HomeLock;
  readonly stopSwitch: StopSwitch;
  /** Never to be let out; a renewed credential is added. */
  readonly secrets: KnownSecrets;
  readonly audit: Audit;
  /** Closes what was opened, last first, whatever fails on the way. */
  readonly opened: AsyncDisposableStack;
}

/** @throws ConfigError with one sentence for the operator */
export async function openGround(
  config: Config,
  opened: AsyncDisposableStack,
  random: () => number,
): Promise<Ground> {
  const clock = systemClock;
  const { paths } = await prepareHome(config.home);
  const lock = await lockHome(config.home, clock);
  opened.defer(lock.release);
  writeDefaultConfig(config.home);
  const secrets = createKnownSecrets(config.secrets);
  const { log, close: closeLog } = openLog({ file: paths.log, level: config.log.level, secrets });
  opened.defer(closeLog);
  const { db, close: closeDatabase } = await openDatabase(paths.database, {
    marks: [paths.sessions, paths.backups],
  });
  opened.defer(closeDatabase);
  await migrate(db, { migrations, backups: paths.backups, clock });
  const audit = createAudit(db, { clock, redact: secrets.hide });
  const stopSwitch = openStopSwitch({ file: paths.paused, clock, log });
  opened.defer(stopSwitch.close);
  return {
    config,
    paths,
    clock,
    random,
    log,
    bus: createEventBus(),
    db,
    lock,
    stopSwitch,
    secrets,
    audit,
    opened,
  };
}
