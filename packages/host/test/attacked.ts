/** One run of the attack suite's rows against a house of their own, as the tests of both its parts want it. */
import { missing, type Runtime, startEngine } from "../../../bench/attack/engine.ts";
import { openHouse } from "../../../bench/attack/house.ts";
import type { Class, Outcome } from "../../../bench/attack/row.ts";
import { attack } from "../../../bench/attack/suite.ts";

/** Of a machine that is shared; alone it takes a few minutes for all classes. */
export const PATIENCE_MS = 15 * 60_000;
/** What is done to others by using up what they need: measured, and so by itself. */
export const MEASURED: readonly Class[] = ["resources"];
export const quietly = (): void => undefined;

const demanded = process.env["BELLHOP_CI"] === "1";

export async function attacked(runtime: Runtime, only: readonly Class[]): Promise<readonly Outcome[]> {
  await using engine = await startEngine(runtime);
  await using house = await openHouse({ runtime, ...engine.options });
  return await attack(house, { profile: "ci", only, say: quietly });
}

export function leaks(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes.filter(({ leak }) => leak !== undefined);
}

/** Why it cannot be attacked here. @throws Error where it has to be */
export function wanting(runtime: Runtime): string | undefined {
  const why = missing(runtime);
  if (why !== undefined && demanded) throw new Error(`${runtime} cannot be attacked: ${why}`);
  return why;
}

export function note(why: string | undefined): string {
  return why === undefined ? "" : `, SKIPPED: ${why}`;
}
