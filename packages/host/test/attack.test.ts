/** The attack suite (docs/attack.md): every attempt is blocked in every runtime here, and each guard is missed when it is gone. */
import { expect, describe, it } from "vitest";
import { missing, RUNTIMES, startEngine } from "../../../bench/attack/engine.ts";
import { openHouse } from "../../../bench/attack/house.ts";
import { runMutations } from "../../../bench/attack/mutated.ts";
import type { Class } from "../../../bench/attack/row.ts";
import { attack } from "../../../bench/attack/suite.ts";

/** Of a machine that is shared; alone it takes about three for all classes. */
const MINUTES = 15 * 60_000;
const demanded = process.env["BELLHOP_CI"] === "1";
const quietly = () => undefined;
/** What depends on the runtime. The rest is the same host's in each, and is tried in the first. */
const OF_THE_RUNTIME: readonly Class[] = [
  "escape",
  "host-files",
  "other-groups",
  "races",
  "secrets",
  "broker",
];

describe.each(RUNTIMES)("an attacker in %s", (runtime) => {
  const why = missing(runtime);
  if (why !== undefined && demanded) throw new Error(`${runtime} cannot be attacked: ${why}`);

  it.skipIf(why !== undefined)(
    `gets nothing out and holds nobody up${why === undefined ? "" : `, SKIPPED: ${why}`}`,
    { timeout: MINUTES },
    async () => {
      const only = runtime === "bubblewrap" ? [] : OF_THE_RUNTIME;
      await using engine = await startEngine(runtime);
      await using house = await openHouse({ runtime, ...engine.options });

      const outcomes = await attack(house, { profile: "ci", only, say: quietly });

      expect(outcomes.filter(({ leak }) => leak !== undefined)).toEqual([]);
      expect(outcomes.length).toBeGreaterThanOrEqual(60);
    },
  );
});

describe("the attack suite", () => {
  it("misses each of the guards that is taken out of the host", { timeout: MINUTES }, async () => {
    const caught = await runMutations(quietly);

    expect(caught.filter(({ by }) => by.length === 0)).toEqual([]);
    expect(caught.length).toBeGreaterThanOrEqual(10);
  });
});
