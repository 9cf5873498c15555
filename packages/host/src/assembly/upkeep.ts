/** What is looked after while nobody asks: jumps of the clock, what a mistake of ours left lying, memory. */
import { watchClock } from "../core/clock-watch.ts";
import { releaseMemory } from "../memory.ts";
import { setBack } from "../store/set-back.ts";
import type { Ground } from "./ground.ts";
import type { Schedule } from "./schedule.ts";
import type { WayOut } from "./way-out.ts";
import type { Work } from "./work.ts";

/** Everything is event-driven; this only finds what a mistake of ours would have left lying. */
const SWEEP_MS = 10 * 60_000;
/** After the start, when whoever waited for it has been served. */
const SETTLED_MS = 1_000;

export function startUpkeep(
  { clock, log, db, opened }: Ground,
  { delivery }: WayOut,
  { dispatcher }: Work,
  { scheduler, tidy }: Schedule,
): void {
  tidy();
  const stopWatching = watchClock(clock, (byMs) => {
    log.warn({ byMs }, "the clock jumped; looking again at everything that is due");
    scheduler.jumped(byMs);
    (byMs < 0 ? setBack(db, -byMs) : Promise.resolve())
      .catch((error: unknown) => log.error({ err: error }, "what is due could not follow the clock"))
      .finally(sweep);
  });
  let stopSweeping = clock.after(SWEEP_MS, sweepAgain);
  const keepMemory = clock.after(SETTLED_MS, releaseMemory);
  opened.defer(() => {
    stopWatching();
    stopSweeping();
    keepMemory();
  });

  function sweep(): void {
    Promise.all([dispatcher.sweep(), delivery.recover()]).catch((error: unknown) =>
      log.error({ err: error }, "the sweep failed"),
    );
  }

  function sweepAgain(): void {
    sweep();
    stopSweeping = clock.after(SWEEP_MS, sweepAgain);
  }
}
