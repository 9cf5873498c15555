/**
 * What tasks cost that are not due: a host with very many of them and one with none, left alone at the
 * same time, so that whatever else the machine does falls on both.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Schedule } from "../packages/host/src/core/task.ts";
import { createApi } from "./api.ts";
import { type Ready, startHost, temporaryHome, withEchoAgent } from "./host.ts";
import { cpuMsOf, residentMiB, SETTLE_MS } from "./idle.ts";
import { benchGroups, settingsOf, writeTasks } from "./schedule-tasks.ts";

export interface ScheduleIdleOptions {
  readonly tasks: number;
  readonly groups: number;
  /** How long to watch. */
  readonly seconds: number;
  readonly nodeFlags?: readonly string[];
}

interface Cost {
  readonly readyMs: number;
  /** Processor time of all threads in percent of one processor. */
  readonly cpu: number;
  readonly rssMb: number;
}

export interface ScheduleIdleReport {
  readonly with: Cost;
  readonly without: Cost;
}

const DAY_MS = 24 * 60 * 60_000;
/** MB in a MiB. */
const MB = 1.048_576;

export async function measureScheduleIdle(options: ScheduleIdleOptions): Promise<ScheduleIdleReport> {
  const groups = benchGroups(options.groups);
  const settings = { ...withEchoAgent(), ...settingsOf(groups) };
  await using full = await temporaryHome(settings);
  await using empty = await temporaryHome(settings);
  const now = Date.now();
  await writeTasks(
    full.path,
    groups,
    Array.from({ length: options.tasks }, (_, n) => farAhead(n, now)),
  );
  await writeTasks(empty.path, groups, []);
  const [withTasks, without] = await Promise.all([
    watch(full.path, options),
    watch(empty.path, { ...options, tasks: 0 }),
  ]);
  return { with: withTasks, without };
}

/** All three kinds by turns, none due within a fortnight. */
function farAhead(n: number, now: number): Schedule {
  const month = ((new Date(now).getUTCMonth() + 2) % 12) + 1;
  const at = now + 14 * DAY_MS + n * 1_000;
  switch (n % 3) {
    case 0:
      return { kind: "cron", cron: `${n % 60} ${n % 24} ${(n % 28) + 1} ${month} *` };
    case 1:
      return { kind: "interval", everyMs: at - now, anchor: now };
    default:
      return { kind: "once", at };
  }
}

async function watch(home: string, { tasks, seconds, nodeFlags = [] }: ScheduleIdleOptions): Promise<Cost> {
  await using atLast = new AsyncDisposableStack();
  const host = startHost(home, nodeFlags);
  atLast.defer(host.kill);
  const ready = await host.ready;
  const { readyMs, pid } = ready;
  await pause(SETTLE_MS);
  const began = performance.now();
  const before = await cpuMsOf(pid);
  await pause(seconds * 1_000);
  const cpu = (((await cpuMsOf(pid)) - before) / (performance.now() - began)) * 100;
  const rssMb = (await residentMiB(pid)) * MB;
  await assertWaiting(ready, tasks);
  await host.stop();
  return { readyMs, cpu, rssMb };
}

/** Asked last, because the answer costs something. @throws Error when it was not what it should have been */
async function assertWaiting(ready: Ready, tasks: number): Promise<void> {
  const api = createApi(ready);
  const { active } = (await api.status()).tasks;
  api.close();
  if (active !== tasks) throw new Error(`${active} tasks waited in the idle host, not ${tasks}`);
}
