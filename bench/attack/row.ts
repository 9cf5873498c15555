/** A row of the suite's table: one attempt, and what came of it. */
import type { House } from "./house.ts";

export const CLASSES = [
  "escape",
  "host-files",
  "other-groups",
  "races",
  "frames",
  "settings",
  "taint",
  "secrets",
  "broker",
  "resources",
] as const;
export type Class = (typeof CLASSES)[number];

export type Profile = "ci" | "long";

/** What a row has to work with. */
export interface Stage {
  readonly house: House;
  /** How long it races, ms. */
  readonly raceMs: number;
  /** What was measured, for people. */
  note(text: string): void;
}

export interface Row {
  readonly class: Class;
  /** What is tried, in words. */
  readonly tries: string;
  /** What leaked, in words; undefined: it was blocked. What people were shown meanwhile is looked at besides. */
  readonly run: (stage: Stage) => Promise<string | undefined>;
}

export interface Outcome {
  readonly class: Class;
  readonly tries: string;
  readonly runtime: string;
  readonly leak: string | undefined;
  /** What was measured, for people. */
  readonly note?: string | undefined;
  readonly tookMs: number;
}

export const nameOf = (row: Pick<Row, "class" | "tries">) => `${row.class}.${row.tries}`;

/** Makes the attempt and judges it: by what it says, and by whose canaries were shown to anybody meanwhile. */
export async function attempt(
  row: Row,
  { house, raceMs }: Pick<Stage, "house" | "raceMs">,
): Promise<Outcome> {
  let note: string | undefined;
  const from = house.shown.length;
  const began = performance.now();
  const said = await row
    .run({ house, raceMs, note: (text) => (note = text) })
    .catch((error: unknown) => `the house broke: ${String(error)}`);
  const holders = house.leaked(from);
  const shown = holders.length === 0 ? undefined : `people were shown the canary of ${holders.join(", ")}`;
  return {
    class: row.class,
    tries: row.tries,
    runtime: house.runtime,
    leak: said ?? shown,
    note,
    tookMs: performance.now() - began,
  };
}
