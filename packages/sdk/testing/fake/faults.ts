/** Which call goes wrong next, and how: each fault is used up by as many calls as it says. */
import type { PeerCall, PeerFault } from "../peer.ts";

export interface Faults {
  set(call: PeerCall, fault: PeerFault): void;
  /** Uses up one, if there is one for this call; of `of` alone, where that is given. */
  next<H extends PeerFault["how"]>(
    call: PeerCall,
    of?: readonly H[],
  ): Extract<PeerFault, { how: H }> | undefined;
  /** Forgets all that were not used up. */
  clear(): void;
}

export function createFaults(): Faults {
  let waiting: { readonly call: PeerCall; readonly fault: PeerFault; left: number }[] = [];

  return {
    set(call, fault) {
      waiting.push({ call, fault, left: fault.calls ?? 1 });
    },
    next<H extends PeerFault["how"]>(call: PeerCall, of?: readonly H[]) {
      const isOf = (fault: PeerFault): fault is Extract<PeerFault, { how: H }> =>
        of === undefined || of.some((how) => how === fault.how);
      for (const one of waiting) {
        if (one.call !== call || !isOf(one.fault)) continue;
        one.left -= 1;
        waiting = waiting.filter(({ left }) => left > 0);
        return one.fault;
      }
      return undefined;
    },
    clear() {
      waiting = [];
    },
  };
}
