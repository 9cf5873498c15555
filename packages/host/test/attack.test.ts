/** The attack suite (docs/attack.md): every attempt is blocked in every runtime here, and each guard is missed when it is gone. */
import { describe, it, vi } from "vitest";
import { runMutations } from "../../../bench/attack/mutated.ts";
import { type Class, CLASSES } from "../../../bench/attack/row.ts";
import { attacked, leaks, MEASURED, note, PATIENCE_MS, quietly, wanting } from "./attacked.ts";

/** These mostly wait for what does not come. */
vi.setConfig({ maxConcurrency: 2 });

/** What depends on the runtime. The rest is the same host's in each, and is tried in the first. */
const OF_THE_RUNTIME: readonly Class[] = ["escape", "other-groups", "secrets", "broker"];

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
      { timeout: PATIENCE_MS },
      async ({ expect }) => {
        const outcomes = await attacked(runtime, classes);

        expect(leaks(outcomes)).toEqual([]);
        expect(outcomes.length).toBeGreaterThanOrEqual(least);
      },
    );
  }

  it(
    "misses each of the guards that is taken out of the host",
    { timeout: PATIENCE_MS },
    async ({ expect }) => {
      const caught = await runMutations(quietly);

      expect(caught.filter(({ by }) => by.length === 0)).toEqual([]);
      expect(caught.length).toBeGreaterThanOrEqual(10);
    },
  );
});
