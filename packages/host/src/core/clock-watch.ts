/**
 * Timers run on the monotonic clock; what is due is written in wall-clock time. When the wall clock
 * jumps (a laptop that slept, a corrected date), the two part, and whoever armed a timer must look
 * again (G21). This is the one check that is made at intervals, and it touches nothing but clocks.
 */
import type { Clock } from "./clock.ts";

const EVERY_MS = 15_000;
/** Below that it is drift, not a jump. */
const JUMP_MS = 5_000;

/** Calls `onJump` with the milliseconds by which the wall clock left the monotonic one. Returns how to stop. */
export function watchClock(clock: Clock, onJump: (byMs: number) => void): () => void {
  let apart = clock.now() - clock.monotonic();
  let cancel = clock.after(EVERY_MS, check);

  function check(): void {
    const now = clock.now() - clock.monotonic();
    const jumped = now - apart;
    apart = now;
    cancel = clock.after(EVERY_MS, check);
    if (Math.abs(jumped) >= JUMP_MS) onJump(jumped);
  }

  return () => cancel();
}
