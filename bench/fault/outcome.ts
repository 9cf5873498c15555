/** What one fault of the suite came to, and how that is made from a world in which it was injected. */
import { check, type Expected, type Finding, type Invariant, type Verdict } from "./check.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

export interface Outcome extends Verdict {
  /** As guarantees.md, section 2 numbers it. */
  readonly fault: string;
  readonly what: string;
  /** How often it was injected. */
  readonly trials: number;
  readonly recoveryMs: readonly number[];
  /** What was measured, for people. */
  readonly notes: readonly string[];
  readonly tookMs: number;
}

export interface Injected {
  readonly trials: number;
  /** Hosts were killed, and how fast the next one answers is worth a number. */
  readonly recovers?: boolean;
  readonly expected?: Expected;
  readonly notes?: readonly string[];
  /** What this fault's own rule says, where it did not hold. */
  readonly findings?: readonly Finding[];
}

/** Injects the fault in a world of its own, in which no host runs any more afterwards, and judges. */
export async function tried(
  name: { readonly fault: string; readonly what: string },
  options: WorldOptions,
  inject: (world: World) => Promise<Injected>,
): Promise<Outcome> {
  const began = performance.now();
  await using world = await createWorld(options);
  const { trials, recovers = false, expected, notes = [], findings = [] } = await inject(world);
  const verdict = await check(world, expected);
  return {
    ...name,
    ...verdict,
    unexpected: verdict.unexpected + findings.length,
    findings: [...findings, ...verdict.findings],
    trials,
    notes,
    recoveryMs: recovers ? world.recoveryMs : [],
    tookMs: performance.now() - began,
  };
}

/** A rule of the fault's own, as a finding where it does not hold. */
export function rule(holds: boolean, invariant: Invariant, sentence: string): readonly Finding[] {
  return holds ? [] : [{ invariant, sentence }];
}

/** For the name of a fault. */
export function through(channels: WorldOptions["channels"]): string {
  return channels === "plugin" ? ", through a plugin" : "";
}
