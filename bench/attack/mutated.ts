/** One run of the house for each mutation: which of the rows that should see it did. */
import { fileURLToPath } from "node:url";
import { openHouse } from "./house.ts";
import { tryInside } from "./inside.ts";
import { type Mutation, MUTATIONS } from "./mutations.ts";

export interface Caught {
  readonly guard: string;
  /** The attempts that got through with the guard off; none: the suite is blind to it. */
  readonly by: readonly string[];
}

const HOOK = fileURLToPath(new URL("mutate.mjs", import.meta.url));

export async function runMutations(say: (line: string) => void): Promise<Caught[]> {
  const caught: Caught[] = [];
  for (const mutation of MUTATIONS) {
    const one = await runMutation(mutation);
    say(`${one.guard}: ${one.by.length > 0 ? `seen by ${one.by.join(", ")}` : "NOT SEEN"}`);
    caught.push(one);
  }
  return caught;
}

async function runMutation({ guard, file, find, put, attempts }: Mutation): Promise<Caught> {
  await using house = await openHouse({
    runtime: "bubblewrap",
    nodeFlags: ["--import", HOOK],
    env: { ATTACK_MUTATION: JSON.stringify({ file, find, put }) },
  });
  const outcomes = await tryInside(house, attempts);
  return { guard, by: outcomes.filter(({ leak }) => leak !== undefined).map(({ row }) => row.name) };
}
