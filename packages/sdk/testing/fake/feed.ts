/**
 * What people did, as a platform hands it out by a position: whoever asks from N on is given all from N on,
 * and has confirmed everything before N. With the two faults that only such a list can have.
 *
 * - `duplicate`: the next one is handed out twice, under the same position.
 * - `reorder`: the next two are handed out in the other order. The first of them waits for the second, and
 *   positions go up as ever, so that nothing is confirmed before it was handed out.
 */
import type { PeerFault } from "../peer.ts";

export interface FeedItem<T> {
  readonly position: number;
  readonly value: T;
}

export interface Feed<T> {
  push(value: T): void;
  /** @returns what stands from there on, at most so many; it may be none */
  from(position: number, most?: number): readonly FeedItem<T>[];
  fault(fault: Extract<PeerFault, { how: "duplicate" | "reorder" }>): void;
  /** Everything before it was confirmed by whoever asked. */
  readonly confirmed: number;
}

export function createFeed<T>(): Feed<T> {
  const items: FeedItem<T>[] = [];
  let duplicates = 0;
  let reorders = 0;
  let held: { readonly value: T } | undefined;
  let next = 1;
  let confirmed = 1;

  function add(value: T, times: number): void {
    const item = { position: next++, value };
    for (let i = 0; i < times; i += 1) items.push(item);
  }

  return {
    get confirmed() {
      return confirmed;
    },
    push(value) {
      if (!held && reorders > 0) {
        reorders -= 1;
        held = { value };
        return;
      }
      const doubled = duplicates > 0;
      if (doubled) duplicates -= 1;
      add(value, doubled ? 2 : 1);
      if (held) add(held.value, 1);
      held = undefined;
    },
    from(position, most = 100) {
      confirmed = Math.max(confirmed, position);
      return items.filter((item) => item.position >= position).slice(0, most);
    },
    fault({ how, calls = 1 }) {
      if (how === "duplicate") duplicates += calls;
      else reorders += calls;
    },
  };
}
