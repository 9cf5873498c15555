/** A short name of a home, by which what belongs to it is known on a machine: cgroups, containers. */
import { createHash } from "node:crypto";

/** @param real the home's path without links */
export function homeIdOf(real: string): string {
  return createHash("sha256").update(real).digest("hex").slice(0, 12);
}
