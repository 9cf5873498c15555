/** The one form of an action: the same action has the same, and nothing else has it. */
import { createHash } from "node:crypto";
import type { Action } from "./policy.ts";

/**
 * @param who whose action it is: a session for what is approved once, a group for what may hold on
 */
export function hashOf({ effect, target, words, detail }: Action, who: string): string {
  return createHash("sha256")
    .update(JSON.stringify([who, effect, target, words, sorted(detail)]))
    .digest("hex");
}

export function sorted(detail: Action["detail"]): [string, string | number | boolean | null][] {
  return Object.entries(detail).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
