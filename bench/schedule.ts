/**
 * Schedule: many tasks that come due at the same instant, or spread over a minute, at a real host whose
 * echo agents are warm. Whether each fires once, and how late its run begins when nothing but the host is
 * in its way.
 */
import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { EventId } from "../packages/host/src/core/events.ts";
import type { Status } from "../packages/host/src/core/status.ts";
import { createTimeline } from "../packages/host/src/store/timeline.ts";
import { type Api, createApi } from "./api.ts";
import { startHost, temporaryHome, withEchoAgent } from "./host.ts";
import { createChance } from "./random.ts";
import { judgeRuns, type Outcome, type Run } from "./schedule-outcome.ts";
import {
  type BenchGroup,
  benchGroups,
  measureTwoCommits,
  openHome,
  settingsOf,
  writeTasks,
} from "./schedule-tasks.ts";
import { type Summary, summarise } from "./stats.ts";

export interface ScheduleOptions {
  readonly tasks: number;
  readonly groups: number;
  /** They come due within so many ms, by chance; 0: all at once. */
  readonly spreadMs: number;
  readonly nodeFlags?: readonly string[];
}

export interface ScheduleReport extends Outcome {
  /** Two synced commits one after the other, ms: no run can begin sooner. */
  readonly floorMs: Summary;
  /** Of the machine as the first came due: what else it does. */
  readonly load: number;
}

/** Until the first comes due: the host starts, and each group's sandbox. */
const LEAD_MS = 20_000;
const LEAD_PER_GROUP_MS = 1_000;
/** Nothing begins while sandboxes still start. */
const CALM_MS = 2_000;
const WARMING_LOOK_MS = 250;
/** Seldom, and not while tasks come due, because the host has to answer it beside what is measured. */
const LOOK_MS = 2_000;
/** No run has ended for so long: then none will. */
const PATIENCE_MS = 60_000;
const SEED = 1;
const PAGE = 500;

export async function measureSchedule(options: ScheduleOptions): Promise<ScheduleReport> {
  const groups = benchGroups(options.groups);
  await using home = await temporaryHome({ ...withEchoAgent(), ...settingsOf(groups) });
  const chance = createChance(SEED);
  const firstDue = Date.now() + LEAD_MS + LEAD_PER_GROUP_MS * groups.length;
  const schedules = Array.from({ length: options.tasks }, () => ({
    kind: "once" as const,
    at: firstDue + Math.floor(chance.next() * options.spreadMs),
  }));
  const wanted = await writeTasks(home.path, groups, schedules);
  const [first] = wanted;
  if (!first) throw new Error("there are no tasks to wait for");
  const floorMs = summarise(await measureTwoCommits(home.path, first));

  await using atLast = new AsyncDisposableStack();
  const host = startHost(home.path, options.nodeFlags);
  atLast.defer(host.kill);
  const api = createApi(await host.ready);
  await warm(api, groups, firstDue - CALM_MS);
  await pause(firstDue - Date.now());
  const [load = NaN] = loadavg();
  await pause(options.spreadMs);
  await allEnded(api);
  await host.stop();
  api.close();
  return { ...judgeRuns(wanted, ...(await found(home.path))), floorMs, load };
}

/** One message in each chat, until all sandboxes stand idle. @throws Error when that takes too long */
async function warm(api: Api, groups: readonly BenchGroup[], until: number): Promise<void> {
  await Promise.all(groups.map(({ chat }) => api.post(chat, { id: "warm", text: `${chat} is awake` })));
  const isWarm = ({ rooms, turns, waiting }: Status) =>
    turns.length + waiting.length === 0 &&
    rooms.filter(({ state }) => state === "idle").length === groups.length;
  while (!isWarm(await api.status())) {
    if (Date.now() > until)
      throw new Error("the sandboxes were not up before the first task came due; try fewer groups");
    await pause(WARMING_LOOK_MS);
  }
}

/** @throws Error when they do not, so that no run waits for ever */
async function allEnded(api: Api): Promise<void> {
  let fewest = Infinity;
  let giveUpAt = 0;
  while (fewest > 0) {
    await pause(LOOK_MS);
    const { active } = (await api.status()).tasks;
    if (active < fewest) giveUpAt = performance.now() + PATIENCE_MS;
    if (performance.now() > giveUpAt)
      throw new Error(`${active} tasks have not ended, and none has for ${PATIENCE_MS / 1_000} s`);
    fewest = Math.min(fewest, active);
  }
}

/** What the host has left behind: the occurrences, and the answers as its chats show them. */
async function found(home: string): Promise<[Run[], { chat: string; text: string }[]]> {
  await using opened = await openHome(home);
  const { db } = opened;
  const runs = await db
    .selectFrom("occurrences")
    .select([
      "task_id as task",
      "session_id as session",
      "state",
      "scheduled_for as dueAt",
      "created_at as createdAt",
      "started_at as startedAt",
      "ended_at as endedAt",
    ])
    .execute();
  const timeline = createTimeline(db);
  const said: { chat: string; text: string }[] = [];
  for (let after = EventId.parse(0); ;) {
    const events = await timeline.after(undefined, after, PAGE);
    for (const event of events) if (event.type === "message" && event.direction === "out") said.push(event);
    const last = events.at(-1);
    if (!last) return [runs, said];
    after = last.id;
  }
}
