/** The part of the attack suite that wears the machine out and is measured: one at a time. */
import { describe, expect, it } from "vitest";
import { attacked, leaks, MEASURED, note, PATIENCE_MS, wanting } from "./attacked.ts";

describe("an attacker in bubblewrap", () => {
  const why = wanting("bubblewrap");

  it.skipIf(why !== undefined)(`holds nobody up${note(why)}`, { timeout: PATIENCE_MS }, async () => {
    const outcomes = await attacked("bubblewrap", MEASURED);

    expect(leaks(outcomes)).toEqual([]);
    expect(outcomes.length).toBeGreaterThanOrEqual(12);
  });
});
