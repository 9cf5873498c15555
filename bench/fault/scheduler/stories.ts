/** What happens to a host and its clock: the stories that the scheduler is walked through, and the oracle told. */
import { CHANGES, type Zone, ZONES } from "./plans.ts";
import { MINUTE_MS } from "./wall.ts";

export type Step =
  /** The host is up and the clock runs evenly. */
  | { readonly step: "run"; readonly ms: number }
  /** The wall clock jumps under a host that is up. */
  | { readonly step: "jump"; readonly ms: number }
  /** No host is up; the clock shows so much more when the next one starts, or less. */
  | { readonly step: "down"; readonly ms: number }
  /** Some of the tasks are moved to another zone. */
  | { readonly step: "move"; readonly to: Zone }
  /** Some of the tasks are paused; those that are go on. */
  | { readonly step: "pause" }
  | { readonly step: "resume" };

export interface Tale {
  readonly fault: "F18" | "F19";
  readonly name: string;
  readonly begin: number;
  readonly steps: readonly Step[];
  /** Of its tasks; each task has one of them. */
  readonly zones: readonly Zone[];
  /** It is about outages: every policy is to be seen with every kind of task. */
  readonly outages?: true;
}

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const run = (ms: number): Step => ({ step: "run", ms });
const jump = (ms: number): Step => ({ step: "jump", ms });
const down = (ms: number): Step => ({ step: "down", ms });

/** Both changes of the clocks in each zone: walked through, jumped over and back, slept through. */
function changes(): Tale[] {
  return CHANGES.flatMap(({ zone, at, by }): Tale[] => {
    const name = `${zone} ${by}`;
    const zones = [zone];
    return [
      {
        fault: "F18",
        name: `${name}, walked through`,
        begin: at - 12 * HOUR_MS - 20_000,
        steps: [run(25 * HOUR_MS)],
        zones,
      },
      {
        fault: "F18",
        name: `${name}, jumped over by 2 h and back by 1 h`,
        begin: at - 3 * HOUR_MS - 20_000,
        steps: [run(2 * HOUR_MS), jump(2 * HOUR_MS), run(20 * MINUTE_MS), jump(-HOUR_MS), run(5 * HOUR_MS)],
        zones,
      },
      {
        fault: "F18",
        name: `${name}, back into the hour before`,
        begin: at - 2 * HOUR_MS - 20_000,
        steps: [run(2.5 * HOUR_MS), jump(-HOUR_MS), run(4 * HOUR_MS)],
        zones,
      },
      {
        fault: "F19",
        name: `${name}, slept through`,
        begin: at - 3 * HOUR_MS - 20_000,
        steps: [
          run(2.5 * HOUR_MS),
          down(100 * MINUTE_MS),
          run(3 * HOUR_MS),
          down(5 * MINUTE_MS),
          run(HOUR_MS),
        ],
        zones,
      },
    ];
  });
}

const JUNE = Date.parse("2026-06-10T09:41:20Z");

function others(): Tale[] {
  const zones = ZONES;
  return [
    {
      fault: "F18",
      name: "a year ahead and back",
      begin: JUNE,
      steps: [run(5 * HOUR_MS), jump(365 * DAY_MS), run(3 * HOUR_MS), jump(-365 * DAY_MS), run(12 * HOUR_MS)],
      zones,
    },
    {
      fault: "F18",
      name: "the leap day, walked and jumped",
      begin: Date.parse("2028-02-28T15:10:20Z"),
      steps: [
        run(12 * HOUR_MS),
        jump(2 * HOUR_MS),
        run(16 * HOUR_MS),
        jump(-HOUR_MS),
        run(6 * HOUR_MS),
        jump(DAY_MS),
        run(2 * HOUR_MS),
      ],
      zones,
    },
    {
      fault: "F18",
      name: "the leap day, slept through",
      begin: Date.parse("2028-02-27T15:10:20Z"),
      steps: [run(2 * HOUR_MS), down(3 * DAY_MS), run(2 * HOUR_MS)],
      zones,
    },
    {
      fault: "F18",
      name: "moved to another zone",
      begin: JUNE,
      steps: ZONES.flatMap((to): Step[] => [run(5 * HOUR_MS), { step: "move", to }]).concat(run(8 * HOUR_MS)),
      zones,
    },
    {
      fault: "F18",
      name: "moved to another zone while the clock is behind",
      begin: JUNE,
      steps: [
        run(5 * HOUR_MS),
        jump(-HOUR_MS),
        run(20 * MINUTE_MS),
        { step: "move", to: ZONES[0] },
        run(8 * HOUR_MS),
      ],
      zones,
    },
    {
      fault: "F18",
      name: "paused and resumed, the clock put back in between",
      begin: JUNE,
      steps: [
        run(3 * HOUR_MS),
        { step: "pause" },
        run(2 * HOUR_MS),
        { step: "resume" },
        run(2 * HOUR_MS),
        { step: "pause" },
        jump(-HOUR_MS),
        run(5 * MINUTE_MS),
        { step: "resume" },
        run(4 * HOUR_MS),
        { step: "pause" },
        down(5 * HOUR_MS),
        { step: "resume" },
        run(4 * HOUR_MS),
      ],
      zones,
    },
    {
      fault: "F19",
      name: "down for 5 min, 25 h and 40 days",
      outages: true,
      begin: JUNE,
      steps: [
        run(HOUR_MS),
        down(5 * MINUTE_MS),
        run(2 * HOUR_MS),
        down(25 * HOUR_MS),
        run(2 * HOUR_MS),
        down(40 * DAY_MS),
        run(2 * HOUR_MS),
      ],
      zones,
    },
    {
      fault: "F19",
      name: "down again and again, the clock put back in between",
      begin: JUNE,
      steps: [
        run(2 * HOUR_MS),
        down(-HOUR_MS),
        run(2 * HOUR_MS),
        down(3 * HOUR_MS),
        run(HOUR_MS),
        down(-3 * DAY_MS),
        run(4 * HOUR_MS),
      ],
      zones,
    },
  ];
}

export const TALES: readonly Tale[] = [...changes(), ...others()];

/** The middle of each outage, to the second. */
export function outagesOf({ begin, steps }: Tale): number[] {
  const middles: number[] = [];
  let now = begin;
  for (const step of steps) {
    if (step.step === "down" && step.ms > 0) middles.push(Math.round((now + step.ms / 2) / 1000) * 1000);
    now += "ms" in step ? step.ms : 0;
  }
  return middles;
}

/** How long the clock takes from the first step to the last, jumps and outages included. */
export function lengthOf({ steps }: Tale): number {
  return steps.reduce((total, step) => total + ("ms" in step ? step.ms : 0), 0);
}
