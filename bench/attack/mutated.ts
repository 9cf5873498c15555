/** One run of the house for each mutation: which of the rows that should see it did. */
import { openHouse } from "./house.ts";
import { tryInside } from "./inside.ts";
import { type Mutation, MUTATIONS } from "./mutations.ts";
import { attempt, nameOf } from "./row.ts";
import { RACE_MS, ROWS } from "./suite.ts";

export interface Caught {
  readonly guard: string;
  /** The attempts that got through with the guard off; none: the suite is blind to it. */
  readonly by: readonly string[];
}

/** They mostly wait. */
const AT_ONCE = 4;

export async function runMutations(say: (line: string) => void): Promise<Caught[]> {
  const caught: Caught[] = [];
  const waiting = [...MUTATIONS];
  async function work(): Promise<void> {
    for (let mutation = waiting.shift(); mutation; mutation = waiting.shift()) {
      const began = performance.now();
      const one = await runMutation(mutation);
      const took = Math.round(performance.now() - began);
      const seen = one.by.length > 0 ? `seen by ${one.by.join("; ")}` : "NOT SEEN";
      say(`without ${one.guard}: ${seen} (${took} ms)`);
      caught.push(one);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return caught;
}

async function runMutation({ guard, edits, inside = [], rows = [] }: Mutation): Promise<Caught> {
  await using house = await openHouse({ runtime: "bubblewrap", edits });
  const outcomes = inside.length > 0 ? await tryInside(house, inside) : [];
  for (const name of rows) {
    const row = ROWS.find((one) => nameOf(one) === name);
    if (!row) throw new Error(`no row is called ${name}`);
    outcomes.push(await attempt(row, { house, raceMs: RACE_MS.ci }));
  }
  return { guard, by: outcomes.filter(({ leak }) => leak !== undefined).map(nameOf) };
}
