/**
 * F18 and F19 with real hosts: what `bellhop up` starts, with the echo agent in its sandboxes, lives
 * several lives under a wall clock that is set from outside (faketime.ts), while people write to it.
 *
 * Its tasks are made, changed and judged over the HTTP API: their history must be what the oracle says,
 * every run must end well, and everybody who wrote must have got one answer.
 */
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { z } from "zod";
import { ChatId } from "../../../packages/host/src/core/ids.ts";
import {
  type NewTask,
  type Occurrence,
  OpenedTask,
  type TaskId,
} from "../../../packages/host/src/core/task.ts";
import { OccurrencePage } from "../../../packages/host/src/http/schemas.ts";
import { type Api, createApi } from "../../api.ts";
import {
  type Home,
  type HostProcess,
  type Ready,
  startProgram,
  temporaryHome,
  withEchoAgent,
} from "../../host.ts";
import { judge as judgeChats, type Sent } from "../../verdict.ts";
import { leftovers } from "../leftovers.ts";
import { compare, type Comparison, together } from "./compare.ts";
import { createFakeWall, type FakeWall } from "./faketime.ts";
import { createOracle, type Oracle, type Plan, type PlannedTask, type Stretch } from "./oracle.ts";

export interface HostsOptions {
  /** Of faketime's. */
  readonly library: string;
  /** Without the jumps, for which a host has to be waited for longest. */
  readonly brief?: boolean;
  readonly say?: (line: string) => void;
}

export interface Lived extends Comparison {
  readonly lives: number;
  readonly tasks: number;
  /** Messages of people. */
  readonly acked: number;
  readonly tookMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Berlin's clocks go forward, and it is half past eight on a Saturday evening in New York. */
const CHANGE = Date.parse("2026-03-29T01:00:00Z");
/** A host looks within 15 s of a jump. */
const LOOK_MS = 16 * SECOND;
/** How late a host may make an occurrence, because it starts again or the machine is busy with other things. */
const LATE_MS = 10 * SECOND;
const CRASHES = 5;
const PATIENCE_MS = 30 * SECOND;
const TASKS_CHAT = "web:jobs";
const PERSON = ChatId.parse("web:person");

export async function liveThrough({
  library,
  brief = false,
  say = () => undefined,
}: HostsOptions): Promise<Lived> {
  const began = performance.now();
  await using home = await temporaryHome({
    ...withEchoAgent(),
    sandbox: { runtime: "bubblewrap" },
    limits: { taskIntervalSeconds: 10, taskRuns: 10_000 },
    groups: { jobs: { chats: [TASKS_CHAT] } },
  });
  const oracle = createOracle();
  const wall = createFakeWall(library, join(dirname(home.path), "wall"), CHANGE - 5.5 * MINUTE + 1_500);
  const lives = createLives(home, wall);
  try {
    await lives.begin();
    const tasks = await makeTasks(lives, oracle);
    await lives.run(brief ? 2 * SECOND : 12 * SECOND);
    say(`${tasks.length} tasks are made; down for 5 minutes, to seconds before a change of the clocks`);
    await lives.downTo(CHANGE - (brief ? 8.5 : 18.5) * SECOND);
    await lives.write(4 * SECOND);
    await lives.until(CHANGE + 5 * SECOND);
    await lives.move(tasks);
    await lives.run(brief ? 2 * SECOND : 10 * SECOND);
    say("killed by -9, as something is due");
    for (let crash = 0; crash < (brief ? 1 : CRASHES); crash += 1)
      await lives.crash((crash * SECOND) / CRASHES);
    if (!brief) {
      // The host looks when the timer runs out that it had set for a round time: now that is none.
      for (const ms of [2 * HOUR + 5 * SECOND, -HOUR]) {
        say(`the clock jumps by ${ms / SECOND} s`);
        await lives.write(3 * SECOND);
        await lives.jump(ms);
        await lives.run(5 * SECOND);
      }
    }
    for (const ms of [25 * HOUR, 40 * DAY]) {
      say(`down for ${ms / HOUR} h`);
      await lives.write(brief ? 500 : 2 * SECOND);
      await lives.down(ms);
      await lives.run(brief ? 2 * SECOND : 12 * SECOND);
    }
    const histories = await lives.end(tasks);
    return { ...(await judge({ home, lives, oracle, tasks, histories })), tookMs: performance.now() - began };
  } finally {
    await lives.kill();
  }
}

interface Made extends PlannedTask {
  readonly id: TaskId;
  readonly what: string;
  readonly changes: { stretch: number; plan: Plan }[];
}

type Ask = Pick<NewTask, "cron" | "every" | "at" | "misfire"> & { readonly timezone: string };

const MISFIRES = ["fire_once", "skip", "catch_up"] as const;
/** Ten o'clock there is one o'clock in the morning UTC, when the clocks of Berlin change. */
const MOVING: Ask = { cron: "*/10 * 10 * * *", timezone: "Asia/Tokyo", misfire: "fire_once" };
/** Ten o'clock there is half past four. */
const MOVED_TO = "Asia/Kolkata";

function asked(): Ask[] {
  const timezone = "Europe/Berlin";
  return [
    { every: 10 * SECOND, timezone },
    { every: "1h", timezone },
    // Skipped by the change; just after it; and what goes on through it.
    { cron: "30 2 * * *", timezone },
    { cron: "0,30 2-3 * * *", timezone },
    { cron: "0 3 * * *", timezone },
    { cron: "*/10 * * * * *", timezone },
    { at: "2026-03-29T02:30", timezone },
    { cron: "0 21 * * *", timezone: "America/New_York" },
    { cron: "0 12 * * *", timezone: "Australia/Lord_Howe" },
    { cron: "0,1 22 * * *", timezone: "America/Santiago" },
    MOVING,
    // Each policy for every minute, every day, and once in each outage.
    ...MISFIRES.flatMap((misfire): Ask[] => [
      { cron: "* * * * *", timezone, misfire },
      { cron: "15 7 * * *", timezone, misfire },
      ...[3 * MINUTE, 20 * HOUR, 20 * DAY].map((ms): Ask => ({
        at: instant(CHANGE - 5 * MINUTE + ms),
        timezone,
        misfire,
      })),
    ]),
  ];
}

const instant = (time: number) => new Date(time).toISOString();

function planOf({ cron, every, at, timezone, misfire }: Ask, createdAt: number, oracle: Oracle): Plan {
  if (cron !== undefined)
    return { schedule: { kind: "cron", cron }, timezone, misfire: misfire ?? "fire_once" };
  if (at !== undefined) {
    const time = at.endsWith("Z") ? Date.parse(at) : oracle.instantOf(at, timezone);
    return { schedule: { kind: "once", at: time }, timezone, misfire: misfire ?? "fire_once" };
  }
  const everyMs = every === "1h" ? HOUR : Number(every);
  return {
    schedule: { kind: "interval", everyMs, anchor: createdAt },
    timezone,
    misfire: misfire ?? "skip",
  };
}

/**
 * Intervals begin when the clock shows a round time, as all the others do: then nobody has to know to the
 * millisecond when a clock was set or a host went away, as long as that was not at a round time.
 */
async function makeTasks({ call, round }: Lives, oracle: Oracle): Promise<Made[]> {
  await round();
  const made: Made[] = [];
  for (const ask of asked()) {
    const body = {
      ...ask,
      group: "jobs",
      chat: TASKS_CHAT,
      context: "group",
      overlap: "allow",
      prompt: "echo a task",
    };
    const { id, createdAt } = await call("POST", "/tasks", OpenedTask, body);
    made.push({
      id,
      createdAt,
      what: JSON.stringify(ask),
      plan: planOf(ask, createdAt, oracle),
      changes: [],
    });
  }
  return made;
}

type Lives = ReturnType<typeof createLives>;

/** One host after the other on one home, and the story that the oracle will be told. */
function createLives(home: Home, wall: FakeWall) {
  const story: (Stretch & { readonly looksBy: number })[] = [];
  const sent: Sent[] = [];
  let host: HostProcess | undefined;
  let ready: Ready | undefined;
  let api: Api | undefined;
  let lives = 0;
  let from = { begin: 0, looksBy: 0 };

  async function start(): Promise<void> {
    host = startProgram([COMMAND, "up", "--json", "--no-terminal", "--port", "0", "--home", home.path], {
      ...wall.env,
      NODE_COMPILE_CACHE,
    });
    lives += 1;
    ready = await host.ready;
    api = createApi(ready);
  }

  async function begin(): Promise<void> {
    const spawned = wall.now();
    await start();
    from = { begin: spawned, looksBy: wall.now() };
  }

  const leave = () => story.push({ from: from.begin, looksBy: from.looksBy, to: wall.now() });

  /** When a round time is there. */
  async function round(afterMs = 0): Promise<void> {
    await pause(10 * SECOND - (wall.now() % (10 * SECOND)) + afterMs);
  }

  async function between(): Promise<void> {
    const into = wall.now() % (10 * SECOND);
    if (into < 2 * SECOND) await pause(2 * SECOND - into);
    else if (into > 8 * SECOND) await pause(12 * SECOND - into);
  }

  async function call<T>(method: string, path: string, result: z.ZodType<T>, body?: object): Promise<T> {
    if (!ready) throw new Error("no host lives");
    const response = await fetch(`${ready.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${ready.token}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const said = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${said}`);
    return result.parse(JSON.parse(said));
  }

  async function kill(): Promise<void> {
    api?.close();
    await host?.kill();
    if (host?.pid !== undefined) wall.forget(host.pid);
  }

  async function stop(): Promise<void> {
    api?.close();
    await host?.stop();
    host = undefined;
  }

  /** Drains, and starts again when the clock on the wall shows this. */
  async function downTo(time: number): Promise<void> {
    await between();
    leave();
    await stop();
    wall.set(time);
    await begin();
  }

  return {
    story,
    sent,
    begin,
    call,
    round,
    count: () => lives,
    run: (ms: number) => pause(ms),
    until: (time: number) => pause(Math.max(0, time - wall.now())),

    /** Somebody writes; the answer takes so long. */
    async write(ms: number): Promise<void> {
      const text = `sleep: ${ms}.${String(sent.length).padStart(6, "0")}`;
      const accepted = await api?.post(PERSON, { id: `message-${sent.length}`, text });
      sent.push({ chat: PERSON, text, message: accepted?.message, answer: text });
    },

    down: (ms: number) => downTo(Math.floor((wall.now() + ms) / (10 * SECOND)) * 10 * SECOND + 1_500),
    downTo,

    /**
     * kill -9, so long after something was due every ten seconds, and at once the next one. That is no
     * outage: whatever comes in between is on time (G17), so the story just goes on.
     */
    async crash(afterMs: number): Promise<void> {
      await round(afterMs);
      await kill();
      await start();
    },

    /** Under a host that is up. Returns once it has looked. */
    async jump(ms: number): Promise<void> {
      await between();
      leave();
      wall.jump(ms);
      from = { begin: wall.now(), looksBy: wall.now() + LOOK_MS };
      await pause(LOOK_MS);
    },

    /** To another time zone. */
    async move(tasks: readonly Made[]): Promise<void> {
      await between();
      for (const { id, plan, changes } of tasks) {
        if (plan.timezone !== MOVING.timezone) continue;
        leave();
        await call("PATCH", `/tasks/${id}`, OpenedTask, { timezone: MOVED_TO });
        from = { begin: wall.now(), looksBy: wall.now() };
        changes.push({ stretch: story.length, plan: { ...plan, timezone: MOVED_TO } });
      }
    },

    /** The last life ends once all is done. @returns what became of each task's times, and of the chat */
    async end(tasks: readonly Made[]) {
      await between();
      leave();
      for (const until = performance.now() + PATIENCE_MS; ; await pause(200)) {
        const histories = new Map<TaskId, readonly Occurrence[]>();
        for (const { id } of tasks) {
          const { occurrences, more } = await call("GET", `/tasks/${id}/history?limit=500`, OccurrencePage);
          if (more) throw new Error(`the task ${id} has more than 500 occurrences`);
          histories.set(id, occurrences);
        }
        const open = [...histories.values()].flat().filter(({ endedAt }) => endedAt === null);
        if (open.length > 0 && performance.now() < until) continue;
        const timeline = (await api?.timeline(PERSON)) ?? [];
        const answers = ((await api?.timeline(ChatId.parse(TASKS_CHAT))) ?? []).filter(
          (event) => event.type === "message" && event.direction === "out" && event.kind === "text",
        );
        await stop();
        return { histories, timeline, answers: answers.length };
      }
    },

    kill,
  };
}

const COMMAND = fileURLToPath(new URL("../../../packages/host/bin/bellhop.js", import.meta.url));
const NODE_COMPILE_CACHE = join(tmpdir(), "bellhop-fault-cache");

async function judge({
  home,
  lives: { story, sent, count },
  oracle,
  tasks,
  histories: { histories, timeline, answers },
}: {
  home: Home;
  lives: Lives;
  oracle: Oracle;
  tasks: readonly Made[];
  histories: Awaited<ReturnType<Lives["end"]>>;
}): Promise<Omit<Lived, "tookMs">> {
  const all = [...histories.values()].flat();
  const told = story.map((stretch) => ({ from: lookedAt(stretch, all), to: stretch.to }));
  const times = together(
    tasks.map((task) =>
      compare(task.what, oracle.expected(task, told), histories.get(task.id) ?? [], LATE_MS),
    ),
  );
  const failed = all
    .filter(({ state }) => state !== "succeeded" && state !== "missed")
    .map(
      ({ task, scheduledFor, state, reason }) =>
        `the run of ${task} for ${instant(scheduledFor)} is ${state}: ${reason}`,
    );
  const ran = all.filter(({ state }) => state === "succeeded").length;
  const shown = answers === ran ? [] : [`${ran} runs succeeded, and their chat shows ${answers} answers`];
  const verdict = judgeChats(sent, new Map([[PERSON, timeline]]));
  const left = Object.entries(await leftovers(home.path)).flatMap(
    ([kind, found]: [string, readonly string[]]) => found.map((one) => `left behind: ${kind}: ${one}`),
  );
  return {
    lives: count(),
    tasks: tasks.length,
    acked: verdict.acked,
    fires: all.length,
    doubled: times.doubled + verdict.doubled,
    gaps: times.gaps + verdict.lost,
    differences: [...times.differences, ...failed, ...shown, ...verdict.findings, ...left],
  };
}

/**
 * When the host looked first is known only to itself: by the first occurrence that it made in this
 * stretch, which has to be soon enough.
 */
function lookedAt({ from, looksBy, to }: Lives["story"][number], all: readonly Occurrence[]): number {
  const first = all.reduce(
    (least, { createdAt }) => (createdAt >= from ? Math.min(least, createdAt) : least),
    Infinity,
  );
  return first <= Math.min(looksBy, to) ? first : Math.min(looksBy, to);
}
