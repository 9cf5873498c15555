/** What of a message and its answer was given up, and is not taken up again yet. Pure. */
import type { DeadLetterId } from "../../core/dead.ts";
import type { Why } from "../../store/why.ts";

/** The answer as a whole, and parts that did not arrive, or may not have. */
export function givenUp(found: Why | undefined): DeadLetterId[] {
  return found ? [...failedTurn(found), ...lostParts(found).map(({ id }) => id)] : [];
}

export function failedTurn({ turn }: Why): DeadLetterId[] {
  return turn?.state === "failed" && turn.dropped_at === null ? [turn.id] : [];
}

/** What is said about what was lost is no part that anybody misses. */
export function lostParts({ parts }: Why): Why["parts"] {
  return parts.filter(
    ({ kind, state, dropped_at: dropped }) =>
      kind !== "notice" && (state === "dead" || state === "unknown") && dropped === null,
  );
}
