/** The attack suite (docs/attack.md): every attempt is blocked in every runtime here, and each guard is missed when it is gone. */
import { expect, describe, it } from "vitest";
import { missing, type Runtime, startEngine } from "../../../bench/attack/engine.ts";
import { openHouse } from "../../../bench/attack/house.ts";
import { runMutations } from "../../../bench/attack/mutated.ts";
import { type Class, CLASSES, type Outcome } from "../../../bench/attack/row.ts";
import { attack } from "../../../bench/attack/suite.ts";

/** Of a machine that is shared; alone it takes about three for all classes. */
const MINUTES = 15 * 60_000;
const demanded = process.env["BELLHOP_CI"] === "1";
const quietly = () => undefined;
/** What depends on the runtime. The rest is the same host's in each, and is tried in the first. */
const OF_THE_RUNTIME: readonly Class[] = ["escape", "other-groups", "secrets", "broker"];

async function attacked(runtime: Runtime, only: readonly Class[]): Promise<readonly Outcome[]> {
  await using engine = await startEngine(runtime);
  await using house = await openHouse({ runtime, ...engine.options });
  return await attack(house, { profile: "ci", only, say: quietly });
}

const leaks = (outcomes: readonly Outcome[]) => outcomes.filter(({ leak }) => leak !== undefined);

/** What is done to others by using up what they need: measured, and so first and by itself. */
const MEASURED: readonly Class[] = ["resources"];

describe("an attacker in bubblewrap", () => {
  const why = wanting("bubblewrap");

  it.skipIf(why !== undefined)(`holds nobody up${note(why)}`, { timeout: MINUTES }, async () => {
    const outcomes = await attacked("bubblewrap", MEASURED);

    expect(leaks(outcomes)).toEqual([]);
    expect(outcomes.length).toBeGreaterThanOrEqual(12);
  });
});

/** Side by side: they mostly wait for what does not come. */
describe.concurrent("the attack suite", () => {
  const conversations: readonly Class[] = ["races", "frames", "settings", "taint"];
  const rest = CLASSES.filter((kind) => !MEASURED.includes(kind) && !conversations.includes(kind));
  for (const [runtime, classes, least] of [
    ["bubblewrap", rest, 60],
    ["bubblewrap", conversations, 35],
    ["docker", OF_THE_RUNTIME, 60],
    ["podman", OF_THE_RUNTIME, 60],
  ] as const) {
    const why = wanting(runtime);

    it.skipIf(why !== undefined)(
      `gets nothing out of ${runtime}: ${classes.join(", ")}${note(why)}`,
      { timeout: MINUTES },
      async ({ expect }) => {
        const outcomes = await attacked(runtime, classes);

        expect(leaks(outcomes)).toEqual([]);
        expect(outcomes.length).toBeGreaterThanOrEqual(least);
      },
    );
  }

  it("misses each of the guards that is taken out of the host", { timeout: MINUTES }, async ({ expect }) => {
    const caught = await runMutations(quietly);

    expect(caught.filter(({ by }) => by.length === 0)).toEqual([]);
    expect(caught.length).toBeGreaterThanOrEqual(10);
  });
});

/** Why it cannot be attacked here. @throws Error where it has to be */
function wanting(runtime: Runtime): string | undefined {
  const why = missing(runtime);
  if (why !== undefined && demanded) throw new Error(`${runtime} cannot be attacked: ${why}`);
  return why;
}

function note(why: string | undefined): string {
  return why === undefined ? "" : `, SKIPPED: ${why}`;
}
