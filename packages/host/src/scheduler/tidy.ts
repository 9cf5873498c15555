/**
 * Tidying: what became of tasks is kept for a while and for so many runs, and then deleted. In the
 * background, in small steps, so that nobody waits for it.
 */
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { Occurrences } from "../store/occurrences.ts";

export interface TidyParts {
  readonly occurrences: Pick<Occurrences, "prune">;
  /** Newest runs of each task that are kept. */
  readonly runs: number;
  readonly days: number;
  readonly clock: Clock;
  readonly log: Log;
}

const DAY_MS = 24 * 60 * 60_000;
/** After the start, when whoever waited for it has been served. */
const FIRST_MS = 60_000;
const BETWEEN_STEPS_MS = 50;

/** Returns how to stop; resolves when no step is under way. */
export function startTidying({ occurrences, runs, days, clock, log }: TidyParts): () => Promise<void> {
  let cancel = clock.after(FIRST_MS, begin);
  let under: Promise<void> = Promise.resolve();
  let stopped = false;

  function begin(): void {
    under = step("", 0);
  }

  async function step(after: string, before: number): Promise<void> {
    try {
      const edge = clock.now() - days * DAY_MS;
      const { deleted, next } = await occurrences.prune({ after, keep: runs, before: edge });
      const total = before + deleted;
      if (stopped) return;
      if (next !== undefined) {
        cancel = clock.after(BETWEEN_STEPS_MS, () => void (under = step(next, total)));
        return;
      }
      if (total > 0) log.info({ deleted: total }, "old runs of tasks were deleted");
    } catch (error) {
      log.warn({ err: error }, "old runs of tasks could not be deleted; tomorrow again");
    }
    if (!stopped) cancel = clock.after(DAY_MS, begin);
  }

  return async () => {
    stopped = true;
    cancel();
    await under;
  };
}
