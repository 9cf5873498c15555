/**
 * Failpoints: named places at which the fault suite kills, stops, fails or delays a host (docs/fault.md).
 *
 * - Nothing happens at one unless the process armed it, and no command of Bellhop's does: only
 *   `bench/fault/host.ts` does. `npm run build` takes the calls out altogether, so that a package
 *   holds none of their names; a test looks.
 * - A call stands alone, as a statement: what it returned could not be taken out.
 * - This is the one mutable variable of a module: a place is a property of the program, not of one of
 *   its parts, and handing it to every part would cost what must cost nothing.
 */
export const FAILPOINTS = [
  "db.statement",
  "db.commit",
  "db.committed",
  "accept.begin",
  "accept.inside",
  "accept.committed",
  "cursor.saved",
  "stranger.held",
  "stranger.allowed",
  "stranger.entered",
  "claim.inside",
  "claim.again",
  "claim.committed",
  "sandbox.prepare",
  "sandbox.spawn",
  "sandbox.spawned",
  "engine.heard",
  "consume.begin",
  "consume.committed",
  "tool.call",
  "tool.done",
  "outbox.owed",
  "complete.begin",
  "complete.inside",
  "complete.committed",
  "position.stored",
  "retry.begin",
  "retry.committed",
  "afresh.begin",
  "afresh.committed",
  "send.claimed",
  "send.begin",
  "send.done",
  "send.settled",
  "fire.begin",
  "fire.inside",
  "fire.committed",
  "panic.flag",
  "file.written",
  "file.renamed",
  "file.stored",
  "drain.begin",
  "drain.turns",
  "drain.released",
  "drain.flushed",
  "drain.closed",
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

let armed: ((place: Failpoint) => void) | undefined;

/** The program passes this place. Throws what whoever armed it throws. */
export function failpoint(place: Failpoint): void {
  armed?.(place);
}

/** From now on `pass` is called at every place. */
export function armFailpoints(pass: (place: Failpoint) => void): void {
  armed = pass;
}
