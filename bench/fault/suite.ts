/** The faults of the suite, and how much of each a profile asks for. */
import type { Failpoint } from "../../packages/host/src/core/failpoint.ts";
import { brokenFrames, floods, killParts, poison, resumes, stopAndContinue } from "./agent-faults.ts";
import { failingPart, killPlugin, lostAnswers } from "./delivery-faults.ts";
import { emergencyStop, terminate } from "./end-faults.ts";
import { killAtEveryPlace, killInTools } from "./kill-points.ts";
import type { Outcome } from "./outcome.ts";

export type Profile = "ci" | "long";

export interface SuiteOptions {
  readonly profile: Profile;
  readonly seed: number;
  /** Kills of F1; default: as many as the profile wants. */
  readonly trials?: number | undefined;
  /** The failpoints of F1; default: all. */
  readonly places?: readonly Failpoint[] | undefined;
  /** Told what happens, for people who wait. */
  readonly say: (line: string) => void;
}

interface Fault {
  readonly id: string;
  readonly run: (options: SuiteOptions) => Promise<Outcome>;
}

const KILLS: Record<Profile, number> = { ci: 25, long: 2_000 };
const NEWS_EVERY = 50;

const FAULTS: readonly Fault[] = [
  {
    id: "F1",
    run: ({ profile, seed, trials = KILLS[profile], places, say }) =>
      killAtEveryPlace({
        trials,
        seed,
        places,
        onKill: (kills, place, nth) => {
          if (kills % NEWS_EVERY === 0) say(`${kills} kills, the last at ${place}, time ${nth}`);
        },
      }),
  },
  {
    id: "F1",
    run: ({ profile, seed, trials = KILLS[profile], places }) =>
      killAtEveryPlace({ trials: Math.ceil(trials / 5), seed, places, channels: "plugin" }),
  },
  { id: "F1", run: ({ profile }) => killInTools(profile === "ci" ? 2 : 50) },
  { id: "F2", run: ({ profile }) => killParts(profile === "ci" ? 1 : 5) },
  { id: "F2", run: ({ profile, seed }) => killPlugin(profile === "ci" ? 2 : 50, seed) },
  { id: "F3", run: ({ profile }) => stopAndContinue(profile === "ci" ? 4_000 : 90_000) },
  { id: "F9-F10", run: () => brokenFrames() },
  { id: "F11", run: ({ profile }) => floods(profile === "ci" ? 20 : 100) },
  { id: "F14", run: () => lostAnswers() },
  { id: "F14", run: () => lostAnswers("plugin") },
  { id: "F17", run: () => failingPart() },
  { id: "F21", run: () => resumes() },
  { id: "F22", run: () => poison() },
  { id: "F26", run: () => terminate() },
  { id: "F27", run: () => emergencyStop("busy") },
  { id: "F27", run: () => emergencyStop("locked") },
  // Only root can give a home a disk of its own.
  ...(process.getuid?.() === 0 ? [{ id: "F27", run: () => emergencyStop("full") }] : []),
];

export const FAULT_IDS: readonly string[] = [...new Set(FAULTS.map(({ id }) => id))];

/** One after the other: each wants the machine for itself. */
export async function runSuite(only: readonly string[], options: SuiteOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { id, run } of FAULTS) {
    if (only.length > 0 && !only.some((wanted) => id.split("-").includes(wanted) || id === wanted)) continue;
    options.say(`${id} …`);
    const outcome = await run(options);
    options.say(`${id} took ${Math.round(outcome.tookMs / 1000)} s`);
    outcomes.push(outcome);
  }
  return outcomes;
}
