/**
 * How much a sandbox may send through its door. Reading a request costs the host memory until it is
 * answered and time once; both are shared by everybody in the house, so both have an end per door.
 */
import { createAllowance } from "../core/allowance.ts";
import type { Clock } from "../core/clock.ts";

const MIB = 1024 * 1024;
/** Of requests under way; two of the largest. */
const MAX_HELD = 64 * MIB;
/** JSON is read at about 150 MiB a second, so this is some 5 % of one core, for ever. */
const PER_SECOND = 8 * MIB;
/** What may come at once after a pause. */
const BURST = 128 * MIB;

export interface DoorAllowance {
  /** Takes so many bytes for a request under way; false when that would be too much just now. */
  take(bytes: number): boolean;
  /** Gives back what a request held, once it is over. */
  release(bytes: number): void;
}

export function createDoorAllowance(clock: Clock): DoorAllowance {
  const flow = createAllowance(clock, { perSecond: PER_SECOND, burst: BURST });
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > MAX_HELD || !flow.take(bytes)) return false;
      held += bytes;
      return true;
    },
    release(bytes) {
      held -= bytes;
    },
  };
}
