/**
 * Ctrl-C and kill, as they were meant.
 *
 * One key press in a terminal arrives several times: from the terminal, from npm, from the program that
 * started us. Signals within `TOGETHER_MS` of one another are one wish; nobody presses twice as fast.
 */
import type { Clock } from "../core/clock.ts";

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

const TOGETHER_MS = 300;
/** What a shell reports of a program that a signal ended. */
export const EXIT_CODE = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 } as const;

export interface Stops {
  /** A key press that reached us as input instead of as a signal. */
  press(): void;
  close(): void;
}

export interface StopHandlers {
  readonly clock: Clock;
  /** The first wish: end, but finish what is under way. */
  readonly drain: (signal: StopSignal) => void;
  /** The second, or SIGQUIT: end now. */
  readonly now: (signal: StopSignal | "SIGQUIT") => void;
}

/** Takes over the process's stop signals until `close`. */
export function takeStops({ clock, drain, now }: StopHandlers): Stops {
  let wishes = 0;
  let latest = -Infinity;

  function wish(signal: StopSignal) {
    const at = clock.monotonic();
    if (at - latest < TOGETHER_MS) return;
    latest = at;
    wishes += 1;
    if (wishes === 1) drain(signal);
    else now(signal);
  }
  const quit = () => now("SIGQUIT");

  const signals: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, wish);
  process.on("SIGQUIT", quit);
  return {
    press: () => wish("SIGINT"),
    close() {
      for (const signal of signals) process.off(signal, wish);
      process.off("SIGQUIT", quit);
    },
  };
}
