/** Clocks, outages and crashes for the scheduler: short runs of `npm run fault -- scheduler`. */
import { describe, expect, it } from "vitest";
import { faketimeLibrary } from "../../../bench/fault/scheduler/faketime.ts";
import { liveThrough } from "../../../bench/fault/scheduler/hosts.ts";
import { createOracle, RULES } from "../../../bench/fault/scheduler/oracle.ts";
import { race } from "../../../bench/fault/scheduler/race.ts";
import { type Tale, TALES } from "../../../bench/fault/scheduler/stories.ts";
import { walkThese } from "../../../bench/fault/scheduler/suite.ts";
import { walk } from "../../../bench/fault/scheduler/walk.ts";

// With BELLHOP_CI=1 a machine without faketime is a failure, elsewhere a skip that the summary shows.
const library = faketimeLibrary();
const mustFake = process.env["BELLHOP_CI"] === "1";

function told(...names: string[]): Tale[] {
  return TALES.filter(({ name }) => names.some((wanted) => name.includes(wanted)));
}

describe("the scheduler and the oracle, led through the same story", () => {
  it("say the same of every change of the clocks, walked through", { timeout: 120_000 }, async () => {
    const walked = await walkThese(told("walked through"), { seed: 11, seeds: 1, tasks: 2 });

    expect(walked).toMatchObject({ trials: 8, doubled: 0, gaps: 0, differences: [] });
    expect(walked.fires).toBeGreaterThan(500);
  });

  it("say the same of clocks that jump and of hosts that sleep", { timeout: 120_000 }, async () => {
    const tales = told(
      "Howe −30 min, jumped",
      "while the clock is behind",
      "Berlin −1 h, back",
      "Santiago +1 h, slept",
      "40 days",
      "leap day, slept",
    );

    const walked = await walkThese(tales, { seed: 12, seeds: 1, tasks: 5 });

    expect(walked).toMatchObject({ trials: tales.length, doubled: 0, gaps: 0, differences: [] });
  });

  it.each([
    {
      what: "a second pass that counts",
      rules: { ...RULES, secondPassCounts: true },
      tale: "Berlin −1 h, walked",
    },
    { what: "an interval from now on", rules: { ...RULES, grid: "now" as const }, tale: "again and again" },
    { what: "one missed time too many", rules: { ...RULES, missedTooMany: 1 }, tale: "again and again" },
  ])("differ where the oracle has a rule wrong: $what", { timeout: 120_000 }, async ({ rules, tale }) => {
    const [story] = told(tale);
    if (!story) throw new Error(`nobody tells of ${tale}`);

    const { differences } = await walk(story, { oracle: createOracle(rules), seed: 3, tasks: 6 });

    expect(differences.length).toBeGreaterThan(0);
  });
});

describe("real hosts on a wall clock that is set", () => {
  it.runIf(library !== undefined || mustFake)(
    "run every task when the oracle says, through a change of the clocks, a crash, 25 h and 40 days",
    { timeout: 180_000 },
    async () => {
      if (library === undefined) throw new Error("faketime is not installed");

      const lived = await liveThrough({ library, brief: true });

      expect(lived).toMatchObject({ lives: 5, acked: 3, doubled: 0, gaps: 0, differences: [] });
    },
  );
});

describe("two schedulers on one database", () => {
  it("fire each time once, however often one of them is killed", { timeout: 120_000 }, async () => {
    const raced = await race({ fires: 200, tasks: 40, seed: 5 });

    expect(raced).toMatchObject({ doubled: 0, gaps: 0, differences: [] });
    expect(raced.fires).toBeGreaterThanOrEqual(200);
    expect(raced.kills).toBeGreaterThan(0);
  });
});
