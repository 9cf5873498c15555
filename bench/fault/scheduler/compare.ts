/** Whether the occurrences of a task are those that the oracle says (I5). */
import type { OccurrenceState } from "../../../packages/host/src/core/task.ts";
import type { Expected } from "./oracle.ts";

/** What the scheduler says itself; runs by hand left out. */
export interface Found {
  readonly scheduledFor: number;
  readonly createdAt: number;
  readonly state: OccurrenceState;
  readonly missed: number;
}

export interface Comparison {
  readonly fires: number;
  /** Times that have more than one occurrence. */
  readonly doubled: number;
  /** Times that the oracle names and that have none. */
  readonly gaps: number;
  /** Each a sentence: doubled ones, gaps, times that nobody named, and what became of them. */
  readonly differences: readonly string[];
}

/** @param lateMs how much later than the oracle says an occurrence may be made, or earlier */
export function compare(
  name: string,
  expected: readonly Expected[],
  found: readonly Found[],
  lateMs = 0,
): Comparison {
  const differences: string[] = [];
  const wanted = new Map(expected.map((one) => [one.scheduledFor, one]));
  const there = Map.groupBy(found, ({ scheduledFor }) => scheduledFor);
  const say = (time: number, sentence: string) => differences.push(`${name}, ${iso(time)}: ${sentence}`);

  let doubled = 0;
  for (const [time, [first, ...more]] of there) {
    const right = wanted.get(time);
    if (more.length > 0) {
      doubled += 1;
      say(time, `is there ${more.length + 1} times`);
    }
    if (!right) say(time, `is there and should not be`);
    else if (first && told(first) !== said(right)) say(time, `${told(first)}, not ${said(right)}`);
    else if (first && Math.abs(first.createdAt - right.at) > lateMs)
      say(time, `was made at ${iso(first.createdAt)}, not ${iso(right.at)}`);
  }
  const gaps = expected.filter(({ scheduledFor }) => !there.has(scheduledFor));
  for (const gap of gaps) say(gap.scheduledFor, `is not there; ${said(gap)}`);
  return { fires: found.length, doubled, gaps: gaps.length, differences };
}

/** Of several tasks, or of several parts. */
export function together(all: readonly Comparison[]): Comparison {
  return all.reduce(
    (sum, one) => ({
      fires: sum.fires + one.fires,
      doubled: sum.doubled + one.doubled,
      gaps: sum.gaps + one.gaps,
      differences: sum.differences.concat(one.differences),
    }),
    { fires: 0, doubled: 0, gaps: 0, differences: [] },
  );
}

const iso = (time: number) => new Date(time).toISOString();
const words = (outcome: Expected["outcome"], missed: number) => `${outcome}, told of ${missed} missed`;
const said = ({ outcome, missed }: Expected) => words(outcome, missed);
const told = ({ state, missed }: Found) => words(outcomeOf(state), missed);

/** However a run ended, it was begun once; of one that was skipped the time has come, too (G18). */
function outcomeOf(state: OccurrenceState): Expected["outcome"] {
  return state === "missed" ? "missed" : "run";
}
