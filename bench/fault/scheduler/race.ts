/**
 * F20: two processes, each with a scheduler of its own, race for every fire of the same tasks, while one
 * or the other is killed by -9, at chance and at the places where a fire can be cut off, and started
 * again, or frozen for a while. Judged once both are gone: by what the database holds, by what the oracle says must be there,
 * and by the journals in which the two wrote down what they had fired.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { systemClock } from "../../../packages/host/src/core/clock.ts";
import { ChatId, MAIN } from "../../../packages/host/src/core/ids.ts";
import { newTaskId, OccurrenceState, type TaskId } from "../../../packages/host/src/core/task.ts";
import { createChats, findChat } from "../../../packages/host/src/store/chats.ts";
import { openDatabase } from "../../../packages/host/src/store/database.ts";
import { migrate } from "../../../packages/host/src/store/migrate.ts";
import { migrations } from "../../../packages/host/src/store/migrations/index.ts";
import { createTasks, scheduleColumns } from "../../../packages/host/src/store/tasks.ts";
import { type Chance, createChance } from "../../random.ts";
import { compare, type Comparison, together } from "./compare.ts";
import { createOracle, type Plan } from "./oracle.ts";
import { FIRE_PLACES, type Racer, ZONE_DATA } from "./racer.ts";

export interface RaceOptions {
  /** How many times come in all; rounded up to a whole number for each task. */
  readonly fires: number;
  readonly tasks: number;
  readonly seed: number;
  readonly onKill?: ((kills: number) => void) | undefined;
}

export interface Raced extends Comparison {
  readonly kills: number;
  /** Of them at a place where a fire can be cut off. */
  readonly atPlaces: number;
  /** Fires that one racer won, and those that the other did. */
  readonly won: readonly [number, number];
  readonly tookMs: number;
}

const RACER = fileURLToPath(new URL("racer.ts", import.meta.url));
/** As the whole suite has one: a start takes half as long, and most of what a race does is to start. */
const NODE_COMPILE_CACHE = join(tmpdir(), "bellhop-fault-cache");
/** Until both are there. */
const AHEAD_MS = 3_000;
const EVERY_MS = 500;
const PATIENCE_MS = 30_000;
const LOOK_MS = 200;
/** Of lives that end in the middle of a fire, if nothing else ends them before. */
const ARMED = 3 / 4;
/** Several times a second each of them is looked at, and killed or frozen with these probabilities. */
const KILLED = 1 / 10;
const FROZEN = 1 / 50;
/** Less than the other waits for a lock that the frozen one may hold (G28). */
const MOST_FROZEN_MS = 1_500;

export async function race({ fires, tasks: count, seed, onKill }: RaceOptions): Promise<Raced> {
  const began = performance.now();
  const root = await mkdtemp(join(await realpath(tmpdir()), "bellhop-bench-"));
  try {
    const database = join(root, "bellhop.db");
    const journals = [join(root, "one.txt"), join(root, "other.txt")] as const;
    const tasks = await makeTasks(database, count, Math.ceil(fires / count));
    const kills = await killUntilDone({ database, journals, chance: createChance(seed), onKill });
    return { ...(await judge(database, journals, tasks)), ...kills, tookMs: performance.now() - began };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface Made {
  readonly id: TaskId;
  readonly createdAt: number;
  readonly plan: Plan;
}

/** On a grid, spread over the time between, or by the second of the clock on the wall. */
function planOf(number: number, anchor: number, maxRuns: number): Plan {
  const schedule: Plan["schedule"] =
    number % 4 === 0
      ? { kind: "cron", cron: "* * * * * *" }
      : { kind: "interval", everyMs: EVERY_MS, anchor: anchor + ((number * 7) % EVERY_MS) };
  return { schedule, timezone: "Europe/Berlin", misfire: "fire_once", maxRuns };
}

async function makeTasks(path: string, count: number, maxRuns: number): Promise<Made[]> {
  const { db, close } = await openDatabase(path);
  await migrate(db, { migrations, clock: systemClock });
  const chats = createChats(db, systemClock);
  await chats.ensureGroup(MAIN);
  const id = ChatId.parse("web:race");
  await chats.ensure(id, MAIN);
  const chat = await findChat(db, id);
  if (!chat) throw new Error("the chat is not there");
  const createdAt = Date.now() + AHEAD_MS;
  const made = Array.from({ length: count }, (_, number): Made => ({
    id: newTaskId(),
    createdAt,
    plan: planOf(number, createdAt, maxRuns),
  }));
  const oracle = createOracle();
  const store = createTasks(db, systemClock);
  await db.transaction().execute(async (trx) => {
    for (const [number, { id: task, plan }] of made.entries()) {
      const [first] = oracle.timesOf(plan, createdAt, createdAt + 4 * EVERY_MS);
      await store.insert(trx, {
        id: task,
        group_id: chat.group_id,
        chat_id: chat.id,
        prompt: "what is on",
        script: null,
        gate: null,
        gate_failure: "notify",
        ...scheduleColumns(plan.schedule),
        timezone: plan.timezone,
        context: number % 2 === 0 ? "isolated" : "group",
        model: null,
        effort: null,
        announce: 1,
        misfire: plan.misfire,
        overlap: "allow",
        retries: 0,
        at_most_once: 0,
        ends_at: null,
        max_runs: maxRuns,
        jitter_ms: 0,
        timeout_ms: null,
        max_tokens: null,
        max_micros: null,
        state: "active",
        note: null,
        next_at: first ?? null,
        due_at: first ?? null,
        last_at: createdAt,
        zone_data: ZONE_DATA,
        created_by: "the suite",
        created_at: createdAt,
        updated_at: createdAt,
      });
    }
  });
  await close();
  return made;
}

async function killUntilDone({
  database,
  journals,
  chance,
  onKill = () => undefined,
}: {
  database: string;
  journals: readonly [string, string];
  chance: Chance;
  onKill?: RaceOptions["onKill"];
}): Promise<{ kills: number; atPlaces: number }> {
  const runners = journals.map((journal) => createRunner({ database, journal, chance }));
  let kills = 0;
  let atPlaces = 0;
  try {
    for (const runner of runners) runner.start();
    let last = { open: Infinity, fired: 0 };
    for (let moved = performance.now(); last.open > 0;) {
      await pause(chance.between(50, 400));
      for (const runner of runners) {
        const end = await strike(runner, chance);
        if (end === "lives") continue;
        if (end === "killed itself") atPlaces += 1;
        kills += 1;
        onKill(kills);
        runner.start();
      }
      const now = progress(database);
      if (now.fired > last.fired) moved = performance.now();
      last = now;
      if (performance.now() - moved > PATIENCE_MS)
        throw new Error(`for ${PATIENCE_MS} ms nothing was fired: ${said(runners)}`);
    }
    await pause(LOOK_MS); // what would come twice comes soon
  } finally {
    for (const runner of runners) await runner.kill();
  }
  return { kills, atPlaces };
}

const said = (runners: readonly Runner[]) => runners.map((one) => one.said()).join("");

/** What becomes of it in this moment. */
async function strike(runner: Runner, chance: Chance): Promise<"lives" | "killed" | "killed itself"> {
  const end = runner.ended();
  // What it did wrong by itself is no crash of ours.
  if (end !== undefined && end !== "SIGKILL") throw new Error(`a racer ended by itself: ${runner.said()}`);
  if (end === "SIGKILL") return "killed itself";
  if (chance.happens(KILLED)) {
    await runner.kill();
    return "killed";
  }
  if (chance.happens(FROZEN)) await runner.freeze();
  return "lives";
}

type Runner = ReturnType<typeof createRunner>;

/** One of the two, life after life. In most of them it is armed to kill itself in the middle of a fire. */
function createRunner({
  database,
  journal,
  chance,
}: {
  readonly database: string;
  readonly journal: string;
  readonly chance: Chance;
}) {
  let child: ChildProcess | undefined;
  let words = "";

  const ended = () => (child?.exitCode === null ? (child.signalCode ?? undefined) : "exit");

  return {
    /** By which signal, or by itself. */
    ended,
    said: () => words,

    start(): void {
      const arm = chance.happens(ARMED)
        ? { place: pick(chance, FIRE_PLACES), nth: 1 + Math.floor(chance.next() * 5) }
        : undefined;
      const racer: Racer = { database, journal, ...(arm && { arm }) };
      const born = spawn(process.execPath, [RACER, JSON.stringify(racer)], {
        env: { NODE_COMPILE_CACHE },
        stdio: ["ignore", "ignore", "pipe"],
      });
      born.stderr.setEncoding("utf8").on("data", (text: string) => (words += text));
      child = born;
    },

    async kill(): Promise<void> {
      if (!child || ended() !== undefined) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },

    /** It goes on with what it had planned before, as if no time had passed. */
    async freeze(): Promise<void> {
      child?.kill("SIGSTOP");
      await pause(chance.between(100, MOST_FROZEN_MS));
      child?.kill("SIGCONT");
    },
  };
}

function pick<T>(chance: Chance, from: readonly [T, ...T[]]): T {
  return from[Math.floor(chance.next() * from.length)] ?? from[0];
}

const Progress = z.object({ open: z.int(), fired: z.int() });

function progress(path: string): z.infer<typeof Progress> {
  using db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
  return Progress.parse(db.prepare("SELECT count(due_at) AS open, sum(fired) AS fired FROM tasks").get());
}

const Row = z.object({
  id: z.string(),
  task: z.string(),
  scheduledFor: z.int(),
  createdAt: z.int(),
  state: OccurrenceState,
  missed: z.int(),
});
const TaskCount = z.object({ id: z.string(), fired: z.int() });

/** A fire that was put off by kills comes later, but within the minute in which it is on time. */
const LATE_MS = 60_000;

async function judge(
  path: string,
  journals: readonly [string, string],
  tasks: readonly Made[],
): Promise<Comparison & Pick<Raced, "won">> {
  using db = new DatabaseSync(path, { readOnly: true });
  const rows = z
    .array(Row)
    .parse(
      db
        .prepare(
          `SELECT id, task_id AS task, scheduled_for AS scheduledFor, created_at AS createdAt, state, missed FROM occurrences`,
        )
        .all(),
    );
  const all = Map.groupBy(rows, ({ task }) => task);
  const oracle = createOracle();
  const times = together(
    tasks.map(({ id, createdAt, plan }) => {
      const story = [{ from: createdAt, to: createdAt + LONG_MS }];
      return compare(`task ${id}`, oracle.expected({ createdAt, plan }, story), all.get(id) ?? [], LATE_MS);
    }),
  );
  const fired = z.array(TaskCount).parse(db.prepare("SELECT id, fired FROM tasks").all());
  const counted = fired.flatMap(({ id, fired: times }) => {
    const wanted = tasks.find((task) => task.id === id)?.plan.maxRuns;
    return times === wanted ? [] : [`task ${id} says that ${times} of its ${wanted} times have come`];
  });
  const woken = await Promise.all(journals.map(linesOf));
  const journaled = twiceOrUnknown(woken.flat(), new Set(rows.map(({ id }) => id)));
  const rooms = unusedRooms(db);
  return {
    ...times,
    doubled: times.doubled + journaled.length + rooms.length,
    differences: [...times.differences, ...counted, ...journaled, ...rooms],
    won: [woken[0]?.length ?? 0, woken[1]?.length ?? 0],
  };
}

/** Far longer than the race. */
const LONG_MS = 24 * 60 * 60_000;

async function linesOf(file: string): Promise<string[]> {
  // None where a racer has won nothing.
  return existsSync(file) ? (await readFile(file, "utf8")).trim().split("\n") : [];
}

function twiceOrUnknown(journal: readonly string[], known: ReadonlySet<string>): string[] {
  return [...Map.groupBy(journal, (id) => id)].flatMap(([id, times]) => [
    ...(times.length > 1 ? [`the occurrence ${id} was begun ${times.length} times`] : []),
    ...(known.has(id) ? [] : [`the occurrence ${id} was begun and is not there`]),
  ]);
}

const Room = z.object({ key: z.string() });

/** Conversations that were opened for a run that is not there: a place in the line that was taken twice. */
function unusedRooms(db: DatabaseSync): string[] {
  return z
    .array(Room)
    .parse(
      db
        .prepare(
          `SELECT scope_key AS key FROM sessions WHERE scope_kind = 'occurrence' AND NOT EXISTS
             (SELECT 1 FROM occurrences WHERE occurrences.session_id = sessions.id)`,
        )
        .all(),
    )
    .map(({ key }) => `a conversation was opened for the run ${key}, which is not there`);
}
