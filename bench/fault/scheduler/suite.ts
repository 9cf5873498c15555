/** The faults of the scheduler (F18 to F20), and how much of each a profile asks for. */
import { faketimeLibrary } from "./faketime.ts";
import { liveThrough } from "./hosts.ts";
import { type Comparison, together } from "./compare.ts";
import { createOracle } from "./oracle.ts";
import { race } from "./race.ts";
import { type Tale, TALES } from "./stories.ts";
import { type Walked, walk } from "./walk.ts";

export const PARTS = ["walk", "hosts", "race"] as const;
export type Part = (typeof PARTS)[number];

export interface SchedulerOptions {
  readonly profile: "ci" | "long";
  readonly seed: number;
  /** Default: all. */
  readonly only?: readonly Part[] | undefined;
  /** Told what happens, for people who wait. */
  readonly say: (line: string) => void;
}

/** What one part came to. */
export interface Outcome extends Comparison {
  /** As guarantees.md, section 2 numbers it. */
  readonly fault: string;
  readonly what: string;
  /** Stories that were walked, lives of hosts, or kills. */
  readonly trials: number;
  /** What was measured, for people. */
  readonly notes: readonly string[];
  readonly tookMs: number;
}

const AMOUNTS = {
  ci: { tasks: 12, seeds: 1, fires: 2_000, racing: 100 },
  long: { tasks: 40, seeds: 4, fires: 10_000, racing: 200 },
} as const;
const NEWS_EVERY = 10;

/** One after the other: each wants the machine for itself. */
export async function runSchedulerSuite(options: SchedulerOptions): Promise<Outcome[]> {
  const { only = PARTS } = options;
  const outcomes: Outcome[] = [];
  if (only.includes("walk")) outcomes.push(...(await walkAll(options)));
  if (only.includes("hosts")) outcomes.push(await liveAll(options));
  if (only.includes("race")) outcomes.push(await raceAll(options));
  return outcomes;
}

async function walkAll({ profile, seed, say }: SchedulerOptions): Promise<Outcome[]> {
  const { tasks, seeds } = AMOUNTS[profile];
  const outcomes: Outcome[] = [];
  for (const [fault, what] of [
    ["F18", "clocks that change and jump, in 4 zones, walked"],
    ["F19", "outages from 5 min to 40 days, walked"],
  ] as const) {
    say(`${fault}: ${what} …`);
    const tales = TALES.filter((tale) => tale.fault === fault);
    outcomes.push({ fault, what, ...(await walkThese(tales, { seed, seeds, tasks })) });
  }
  return outcomes;
}

/** Each tale once for each seed. */
export async function walkThese(
  tales: readonly Tale[],
  { seed, seeds, tasks }: { seed: number; seeds: number; tasks: number },
): Promise<Omit<Outcome, "fault" | "what">> {
  const oracle = createOracle();
  const began = performance.now();
  const walked: Walked[] = [];
  for (let round = 0; round < seeds; round += 1)
    for (const [number, tale] of tales.entries())
      walked.push(await walk(tale, { oracle, tasks, seed: (seed + round) * 1_000 + number }));
  return {
    ...together(walked),
    trials: walked.length,
    notes: [`${walked.reduce((sum, one) => sum + one.tasks, 0)} tasks`],
    tookMs: performance.now() - began,
  };
}

async function liveAll({ say }: SchedulerOptions): Promise<Outcome> {
  const library = faketimeLibrary();
  if (library === undefined)
    throw new TypeError(
      "faketime is not installed; install it with apt-get install -y faketime, or leave hosts out",
    );
  const what = "real hosts: jumps, outages, a change of the clocks, a task that is moved";
  say(`F18-F19: ${what} …`);
  const lived = await liveThrough({ library, say });
  const notes = [`${lived.tasks} tasks, ${lived.acked} messages of people, each answered once`];
  return { ...lived, fault: "F18-F19", what, trials: lived.lives, notes };
}

async function raceAll({ profile, seed, say }: SchedulerOptions): Promise<Outcome> {
  const { fires, racing } = AMOUNTS[profile];
  const what = "two schedulers race, and are killed by -9";
  say(`F20: ${what} …`);
  const onKill = (kills: number) => (kills % NEWS_EVERY === 0 ? say(`${kills} kills`) : undefined);
  const raced = await race({ fires, tasks: racing, seed, onKill });
  const [one, other] = raced.won;
  const notes = [
    `${raced.atPlaces} of ${raced.kills} kills in the middle of a fire; ${one} fires went to one, ${other} to the other, ${raced.fires - one - other} were cut off behind their commit`,
  ];
  return { ...raced, fault: "F20", what, trials: raced.kills, notes };
}
