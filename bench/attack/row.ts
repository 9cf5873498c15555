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

export interface Row {
  readonly name: string;
  readonly class: Class;
  /** What is tried, in words. */
  readonly tries: string;
  /** What leaked, in words; undefined: it was blocked. */
  readonly run: (house: House) => Promise<string | undefined>;
}

export interface Outcome {
  readonly row: Pick<Row, "name" | "class" | "tries">;
  readonly runtime: string;
  readonly leak: string | undefined;
}
