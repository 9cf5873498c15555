/**
 * Tasks in the database of a home whose host has not started yet, as its desk would have written them:
 * ten thousand calls of the API would take longer than what is measured.
 */
import { systemClock } from "../packages/host/src/core/clock.ts";
import { nextOf } from "../packages/host/src/core/firing.ts";
import { ChatId, GroupFolder } from "../packages/host/src/core/ids.ts";
import { newTaskId, type Schedule, type TaskId } from "../packages/host/src/core/task.ts";
import { homePaths } from "../packages/host/src/config.ts";
import { valuesOf } from "../packages/host/src/scheduler/request.ts";
import { type Chat, createChats } from "../packages/host/src/store/chats.ts";
import { openDatabase, type OpenDatabase } from "../packages/host/src/store/database.ts";
import { migrate } from "../packages/host/src/store/migrate.ts";
import { migrations } from "../packages/host/src/store/migrations/index.ts";
import { createTasks, type NewTaskRow, scheduleColumns } from "../packages/host/src/store/tasks.ts";
import type { Settings } from "./host.ts";

/** One chat of its own, and so one conversation and one sandbox. */
export interface BenchGroup {
  readonly folder: GroupFolder;
  readonly chat: ChatId;
}

export interface Wanted {
  readonly id: TaskId;
  /** What the echo agent answers: told from that of every other task. */
  readonly prompt: string;
  readonly chat: ChatId;
  readonly dueAt: number;
}

/** In one transaction. */
const BATCH = 5_000;
const TIMEZONE = "Europe/Berlin";
/** The same Node runs the host, so nothing is planned anew by other zone data. */
const ZONE_DATA = process.versions["tz"] ?? "unknown";
const FLOOR_SAMPLES = 100;

export function benchGroups(count: number): BenchGroup[] {
  return Array.from({ length: count }, (_, n) => ({
    folder: GroupFolder.parse(`group-${n}`),
    chat: ChatId.parse(`web:group-${n}`),
  }));
}

export function settingsOf(groups: readonly BenchGroup[]): Settings {
  return {
    limits: { sandboxes: groups.length },
    groups: Object.fromEntries(groups.map(({ folder, chat }) => [folder, { chats: [chat] }])),
  };
}

/** One task for each schedule, the groups by turns. */
export async function writeTasks(
  home: string,
  groups: readonly BenchGroup[],
  schedules: readonly Schedule[],
): Promise<Wanted[]> {
  await using opened = await openHome(home);
  const { db } = opened;
  const chats = await bind(db, groups);
  const store = createTasks(db, systemClock);
  const wanted: Wanted[] = [];
  for (let from = 0; from < schedules.length; from += BATCH) {
    await db.transaction().execute(async (trx) => {
      for (const [n, schedule] of schedules.slice(from, from + BATCH).entries()) {
        const chat = chats[(from + n) % chats.length];
        if (!chat) throw new Error("there are no groups to make tasks for");
        const row = newRow(chat, schedule, `task ${from + n} of ${chat.folder}`);
        await store.insert(trx, row);
        wanted.push({ id: row.id, prompt: row.prompt, chat: chat.id, dueAt: row.due_at ?? NaN });
      }
    });
  }
  return wanted;
}

/**
 * The floor of a run's lateness: its firing and its claim are two commits, and each has to be on the disk
 * before the next step. Here they change a row each, and nobody else wants the disk or the processor.
 */
export async function measureTwoCommits(home: string, { id }: Pick<Wanted, "id">): Promise<number[]> {
  await using opened = await openHome(home);
  const { db } = opened;
  const store = createTasks(db, systemClock);
  const times: number[] = [];
  for (let sample = 0; sample < FLOOR_SAMPLES; sample += 1) {
    const began = performance.now();
    for (let commit = 0; commit < 2; commit += 1)
      await db.transaction().execute((trx) => store.change(trx, id, { note: null }));
    times.push(performance.now() - began);
  }
  return times;
}

/** Only while no host has it. */
export async function openHome(home: string): Promise<OpenDatabase & AsyncDisposable> {
  const opened = await openDatabase(homePaths(home).database);
  await migrate(opened.db, { migrations, clock: systemClock });
  return { ...opened, [Symbol.asyncDispose]: opened.close };
}

async function bind(db: OpenDatabase["db"], groups: readonly BenchGroup[]): Promise<Chat[]> {
  const chats = createChats(db, systemClock);
  const bound: Chat[] = [];
  for (const { folder, chat } of groups) {
    await chats.ensureGroup(folder);
    bound.push(await chats.ensure(chat, folder));
  }
  return bound;
}

function newRow(chat: Chat, schedule: Schedule, prompt: string): NewTaskRow & { readonly id: TaskId } {
  const now = systemClock.now();
  const values = valuesOf(
    { prompt, context: "group", every: "30d" },
    { now, timezone: TIMEZONE, bounds: { shortestMs: 1 } },
  );
  const timetable = { schedule, timezone: TIMEZONE, endsAt: null, maxRuns: null, fired: 0 };
  const next = nextOf(timetable, now) ?? null;
  return {
    ...values,
    ...scheduleColumns(schedule),
    misfire: schedule.kind === "interval" ? "skip" : "fire_once",
    id: newTaskId(),
    group_id: chat.group_id,
    chat_id: chat.id,
    state: "active",
    note: null,
    next_at: next,
    due_at: next,
    last_at: now,
    zone_data: ZONE_DATA,
    created_by: "the bench",
    created_at: now,
    updated_at: now,
  };
}
