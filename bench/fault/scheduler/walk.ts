/**
 * F18 and F19 in one process: the real scheduler over a real database, with a clock that can be walked,
 * set and stopped, is led through a story; the oracle is told the same one, and both must say the same
 * (I5), down to the millisecond in which each occurrence was made.
 *
 * Tasks are made at the desk, as people make them. Their runs end at once: what is judged is which times
 * come, not what is done at them.
 */
import type { TaskId } from "../../../packages/host/src/core/task.ts";
import { type Chance, createChance } from "../../random.ts";
import { compare, type Comparison, together } from "./compare.ts";
import { createHouse, type House } from "./house.ts";
import type { Oracle, Plan, PlannedTask, Stretch } from "./oracle.ts";
import { counted, everyPolicy, taskByChance } from "./plans.ts";
import { lengthOf, outagesOf, type Step, type Tale } from "./stories.ts";

export interface WalkOptions {
  readonly oracle: Oracle;
  readonly seed: number;
  readonly tasks: number;
}

export interface Walked extends Comparison {
  readonly tale: Tale;
  readonly tasks: number;
  readonly tookMs: number;
}

export async function walk(tale: Tale, { oracle, seed, tasks: count }: WalkOptions): Promise<Walked> {
  const began = performance.now();
  const chance = createChance(seed);
  await using house = await createHouse(tale.begin);
  const story: Stretch[] = [];
  const differences: string[] = [];

  await house.begin();
  const tasks = await makeTasks(tale, { house, chance, oracle, count, differences });
  let from = house.now();
  const leave = () => story.push({ from, to: house.now() });
  for (const step of tale.steps) {
    switch (step.step) {
      case "run":
        await house.run(step.ms);
        break;
      case "jump":
        leave();
        await house.jump(step.ms);
        from = house.now();
        break;
      case "down":
        leave();
        await house.sleep(step.ms);
        from = house.now();
        break;
      case "move":
      case "pause":
      case "resume":
        leave();
        await changeSome(tasks, step, { stretch: story.length, house, chance });
        from = house.now();
        break;
      default:
        step satisfies never;
    }
  }
  leave();

  const found = Map.groupBy(await house.occurrences(), ({ task }) => task);
  const comparisons = tasks.map((task) =>
    compare(`${tale.name}, ${inWords(task.plan)}`, oracle.expected(task, story), found.get(task.id) ?? []),
  );
  const all = together(comparisons);
  return {
    ...all,
    differences: [...differences, ...house.troubles, ...all.differences],
    tale,
    tasks: tasks.length,
    tookMs: performance.now() - began,
  };
}

function inWords({ schedule, timezone, misfire, endsAt, maxRuns }: Plan): string {
  const end = endsAt === undefined ? "" : `, until ${new Date(endsAt).toISOString()}`;
  const most = maxRuns === undefined ? "" : `, ${maxRuns} times`;
  return `${when(schedule)} (${timezone}, ${misfire}${end}${most})`;
}

function when(schedule: Plan["schedule"]): string {
  switch (schedule.kind) {
    case "cron":
      return schedule.cron;
    case "interval":
      return `every ${schedule.everyMs / 1000} s`;
    case "once":
      return "once";
    default:
      return schedule satisfies never;
  }
}

interface Made extends PlannedTask {
  readonly id: TaskId;
  readonly changes: { stretch: number; plan: Plan | undefined }[];
}

/** As many as are wanted; what is refused, because none of its times is to come, must have none. */
async function makeTasks(
  tale: Tale,
  parts: { house: House; chance: Chance; oracle: Oracle; count: number; differences: string[] },
): Promise<Made[]> {
  const { house, chance, oracle, count, differences } = parts;
  const made: Made[] = [];
  const [from, to] = [house.now(), house.now() + lengthOf(tale)];
  const byChance = Array.from({ length: count }, (_, number) =>
    taskByChance(chance, {
      from,
      to,
      zone: tale.zones[number % tale.zones.length] ?? "Europe/Berlin",
      oracle,
    }),
  );
  const always = tale.outages ? everyPolicy(outagesOf(tale)) : counted(from);
  for (const asked of [...always, ...byChance]) {
    const id = await house.add(asked);
    if (id !== undefined) made.push({ id, createdAt: from, plan: asked.plan, changes: [] });
    else if (oracle.timesOf(asked.plan, from, to + LONG_MS).length > 0)
      differences.push(`${tale.name}: ${JSON.stringify(asked.ask)} was refused, though it has times to come`);
  }
  return made;
}

/** Longer than any of the expressions waits for its next time. */
const LONG_MS = 400 * 24 * 60 * 60_000;

/** Half of those that have times to come are moved or paused; all that are paused go on. */
async function changeSome(
  tasks: readonly Made[],
  step: Extract<Step, { readonly step: "move" | "pause" | "resume" }>,
  { stretch, house, chance }: { stretch: number; house: House; chance: Chance },
): Promise<void> {
  for (const { id, plan: first, changes } of tasks) {
    const plan = changes.at(-1) ? changes.at(-1)?.plan : first;
    const state = await house.stateOf(id);
    switch (step.step) {
      case "move":
        if (plan === undefined || state !== "active" || chance.happens(0.5)) continue;
        if (await house.move(id, step.to)) changes.push({ stretch, plan: { ...plan, timezone: step.to } });
        break;
      case "pause":
        if (state !== "active" || chance.happens(0.5)) continue;
        await house.pause(id);
        changes.push({ stretch, plan: undefined });
        break;
      case "resume":
        if (state !== "paused") continue;
        if (await house.resume(id)) changes.push({ stretch, plan: changes.at(-2)?.plan ?? first });
        break;
      default:
        step satisfies never;
    }
  }
}
