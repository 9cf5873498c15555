/**
 * The waiting line: which session is served next. A data structure, without time and without effects.
 *
 * - Between groups: the one that was served longest ago comes first. Within a group: who came first.
 * - What a schedule wants goes before what people wrote, as long as this lets nobody wait behind two
 *   turns of the same group: an occurrence may overtake only if its group has not been served since
 *   whoever waits longest began to wait. So occurrences come early, and yet starve nobody, chatter of
 *   their own group least of all.
 * - A group has two lanes, one for its conversations and one for its isolated tasks. While a turn of a
 *   lane is under way, the lane offers nobody.
 * - Every step costs the logarithm of how many wait, however many groups there are.
 */
import type { SessionId } from "../core/ids.ts";
import { createHeap, type Heap } from "./heap.ts";

export interface Waiting {
  readonly session: SessionId;
  readonly groupId: number;
  /** What waits in it: something of a schedule, or what people wrote. */
  readonly kind: "occurrence" | "chat";
  /** A task of its own session, in a sandbox beside that of the group's conversations. */
  readonly isolated: boolean;
}

/** `started`: its lane is busy until it is released. `left`: it waits elsewhere. `passed`: not just now. */
export type Visited = "started" | "left" | "passed" | "enough";

interface Entry {
  readonly waiting: Waiting;
  /** Who came first. */
  readonly order: number;
}

interface Lane {
  readonly groupId: number;
  readonly chatter: Heap<Entry>;
  readonly occurrences: Heap<Entry>;
  busy: boolean;
}

export type Line = ReturnType<typeof createLine>;

export function createLine() {
  const entries = new Map<SessionId, Entry>();
  const lanes = new Map<number, Lane>();
  const servedAt = new Map<number, number>();
  let counter = 0;
  const byTurn = createHeap<Lane>((a, b) => comes(a, oldest(a), b, oldest(b)));
  const eager = createHeap<Lane>((a, b) => comes(a, a.occurrences.first, b, b.occurrences.first));
  const byAge = createHeap<Lane>((a, b) => orderOf(oldest(a)) < orderOf(oldest(b)));

  const served = ({ groupId }: Lane) => servedAt.get(groupId) ?? -1;

  function comes(a: Lane, first: Entry | undefined, b: Lane, second: Entry | undefined): boolean {
    return (served(a) - served(b) || orderOf(first) - orderOf(second)) < 0;
  }

  /** Changes what the heaps sort by. They do not see it happen. */
  function change(lane: Lane, how: () => void): void {
    hide(lane);
    byAge.remove(lane);
    how();
    if (lane.busy || !oldest(lane)) return;
    byAge.put(lane);
    show(lane);
  }

  function show(lane: Lane): void {
    byTurn.put(lane);
    if (lane.occurrences.first) eager.put(lane);
  }

  function hide(lane: Lane): void {
    byTurn.remove(lane);
    eager.remove(lane);
  }

  function laneOf(of: Waiting): Lane {
    const key = keyOf(of);
    const lane = lanes.get(key) ?? {
      groupId: of.groupId,
      chatter: createHeap<Entry>(inOrder),
      occurrences: createHeap<Entry>(inOrder),
      busy: false,
    };
    lanes.set(key, lane);
    return lane;
  }

  function forget(entry: Entry): void {
    const { waiting } = entry;
    const lane = laneOf(waiting);
    entries.delete(waiting.session);
    change(lane, () => queueOf(lane, waiting).remove(entry));
    tidy(waiting);
  }

  function tidy(of: Waiting): void {
    const lane = lanes.get(keyOf(of));
    if (lane && !lane.busy && !oldest(lane)) lanes.delete(keyOf(of));
  }

  function start(entry: Entry): void {
    const { waiting } = entry;
    const lane = laneOf(waiting);
    const beside = lanes.get(keyOf({ ...waiting, isolated: !waiting.isolated }));
    const serve = () => servedAt.set(waiting.groupId, counter++);
    entries.delete(waiting.session);
    change(lane, () => {
      queueOf(lane, waiting).remove(entry);
      lane.busy = true;
      if (beside) change(beside, serve);
      else serve();
    });
  }

  function next(): { lane: Lane; entry: Entry } | undefined {
    const early = eager.first;
    const longest = byAge.first;
    const occurrence = early?.occurrences.first;
    if (early && occurrence && longest && served(early) < orderOf(oldest(longest)))
      return { lane: early, entry: occurrence };
    const lane = byTurn.first;
    const entry = lane && oldest(lane);
    return lane && entry && { lane, entry };
  }

  return {
    /** Whoever waits already keeps its place. */
    add(waiting: Waiting): void {
      const known = entries.get(waiting.session);
      if (known && (waiting.kind === "chat" || known.waiting.kind === "occurrence")) return;
      if (known) forget(known);
      const entry: Entry = { waiting, order: known?.order ?? counter++ };
      entries.set(waiting.session, entry);
      const lane = laneOf(waiting);
      const queue = queueOf(lane, waiting);
      if (orderOf(queue.first) < entry.order) queue.put(entry); // changes nobody's turn
      else change(lane, () => queue.put(entry));
    },

    has: (session: SessionId): boolean => entries.has(session),

    /** A turn of this lane begins by itself, in nobody's turn. False where the lane is busy. */
    occupy(of: Waiting): boolean {
      if (laneOf(of).busy) return false;
      start(entries.get(of.session) ?? { waiting: of, order: counter++ });
      return true;
    },

    /** The turn that was `started`, or occupies its lane, is over. */
    release(of: Waiting): void {
      const lane = laneOf(of);
      change(lane, () => (lane.busy = false));
      tidy(of);
    },

    /**
     * Shows who waits, fairest first, until `visit` says that nothing more can start. Of a lane it
     * shows the one whose turn it is; passed, the lane is not shown again this time.
     */
    walk(visit: (waiting: Waiting) => Visited): void {
      const passed: Lane[] = [];
      for (let at = next(); at; at = next()) {
        const visited = visit(at.entry.waiting);
        if (visited === "started") start(at.entry);
        else if (visited === "left") forget(at.entry);
        else {
          hide(at.lane);
          passed.push(at.lane);
        }
        if (visited === "enough") break;
      }
      for (const lane of passed) show(lane);
    },
  };
}

function inOrder(a: Entry, b: Entry): boolean {
  return a.order < b.order;
}

function orderOf(entry: Entry | undefined): number {
  return entry?.order ?? Infinity;
}

function oldest({ chatter, occurrences }: Lane): Entry | undefined {
  return orderOf(chatter.first) < orderOf(occurrences.first) ? chatter.first : occurrences.first;
}

function queueOf(lane: Lane, { kind }: Waiting): Heap<Entry> {
  return kind === "chat" ? lane.chatter : lane.occurrences;
}

function keyOf({ groupId, isolated }: Waiting): number {
  return 2 * groupId + (isolated ? 1 : 0);
}
