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
import { createHeap, type Member } from "./heap.ts";

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
  gone: boolean;
}

/** Grows at its end and is eaten from its beginning; who leaves from the middle is skipped. */
interface Queue {
  readonly entries: Entry[];
  head: number;
}

/** One per group, two if it has isolated tasks; they stay. */
interface Lane extends Member {
  readonly chatter: Queue;
  readonly occurrences: Queue;
  busy: boolean;
  /** When a turn of the group was started last; -1: never. */
  served: number;
  /** The order of who waits longest in it, and of the longest waiting occurrence. */
  oldest: number;
  oldestOccurrence: number;
}

export type Line = ReturnType<typeof createLine>;

export function createLine() {
  const entries = new Map<SessionId, Entry>();
  const lanes = new Map<number, Lane>();
  let counter = 0;
  const byTurn = createHeap<Lane>(0, (a, b) => (a.served - b.served || a.oldest - b.oldest) < 0);
  const byAge = createHeap<Lane>(1, (a, b) => a.oldest < b.oldest);
  const eager = createHeap<Lane>(
    2,
    (a, b) => (a.served - b.served || a.oldestOccurrence - b.oldestOccurrence) < 0,
  );

  /** Changes what the heaps sort by. They do not see it happen. */
  function change(lane: Lane, how: () => void): void {
    hide(lane);
    byAge.remove(lane);
    how();
    lane.oldestOccurrence = first(lane.occurrences)?.order ?? Infinity;
    lane.oldest = Math.min(lane.oldestOccurrence, first(lane.chatter)?.order ?? Infinity);
    if (lane.busy || lane.oldest === Infinity) return;
    byAge.put(lane);
    show(lane);
  }

  function show(lane: Lane): void {
    byTurn.put(lane);
    if (lane.oldestOccurrence < Infinity) eager.put(lane);
  }

  function hide(lane: Lane): void {
    byTurn.remove(lane);
    eager.remove(lane);
  }

  function laneOf(of: Waiting): Lane {
    const known = lanes.get(keyOf(of));
    if (known) return known;
    const lane: Lane = {
      at: [-1, -1, -1],
      chatter: { entries: [], head: 0 },
      occurrences: { entries: [], head: 0 },
      busy: false,
      served: laneBeside(of)?.served ?? -1,
      oldest: Infinity,
      oldestOccurrence: Infinity,
    };
    lanes.set(keyOf(of), lane);
    return lane;
  }

  function laneBeside(of: Waiting): Lane | undefined {
    return lanes.get(keyOf({ ...of, isolated: !of.isolated }));
  }

  function forget(entry: Entry): void {
    entries.delete(entry.waiting.session);
    change(laneOf(entry.waiting), () => (entry.gone = true));
  }

  function start(entry: Entry): void {
    const { waiting } = entry;
    const lane = laneOf(waiting);
    const beside = laneBeside(waiting);
    const served = counter++;
    entries.delete(waiting.session);
    change(lane, () => {
      entry.gone = true;
      lane.busy = true;
      lane.served = served;
    });
    if (beside) change(beside, () => (beside.served = served));
  }

  function next(): { lane: Lane; entry: Entry } | undefined {
    const early = eager.first;
    const mayOvertake = early !== undefined && early.served < (byAge.first?.oldest ?? -1);
    const lane = mayOvertake ? early : byTurn.first;
    const entry = lane && first(mayOvertake ? lane.occurrences : longestWaiting(lane));
    return lane && entry && { lane, entry };
  }

  return {
    /** Whoever waits already keeps its place, unless something of a schedule is wanted of it now. */
    add(waiting: Waiting): void {
      const known = entries.get(waiting.session);
      if (known && (waiting.kind === "chat" || known.waiting.kind === "occurrence")) return;
      if (known) forget(known);
      const entry: Entry = { waiting, order: counter++, gone: false };
      entries.set(waiting.session, entry);
      const lane = laneOf(waiting);
      const { entries: queue } = waiting.kind === "chat" ? lane.chatter : lane.occurrences;
      if (lane.busy) queue.push(entry);
      else change(lane, () => queue.push(entry));
    },

    has: (session: SessionId): boolean => entries.has(session),

    /** A turn of this lane begins by itself, in nobody's turn. False where the lane is busy. */
    occupy(of: Waiting): boolean {
      if (laneOf(of).busy) return false;
      start(entries.get(of.session) ?? { waiting: of, order: counter++, gone: false });
      return true;
    },

    /** The turn that was `started`, or occupies its lane, is over. */
    release(of: Waiting): void {
      const lane = laneOf(of);
      change(lane, () => (lane.busy = false));
    },

    /**
     * Shows who waits, fairest first, until `visit` says that nothing more can start. Of a lane it
     * shows the one whose turn it is; passed, the lane is not shown again this time.
     */
    walk(visit: (waiting: Waiting) => Visited): void {
      const passed: Lane[] = [];
      for (let at = next(); at; at = next()) {
        const visited = visit(at.entry.waiting);
        if (visited === "enough") break;
        if (visited === "started") start(at.entry);
        else if (visited === "left") forget(at.entry);
        else {
          hide(at.lane);
          passed.push(at.lane);
        }
      }
      for (const lane of passed) show(lane);
    },
  };
}

function longestWaiting(lane: Lane): Queue {
  return lane.oldestOccurrence === lane.oldest ? lane.occurrences : lane.chatter;
}

/** Forgets on the way who has gone, and now and then what it has forgotten. */
function first(queue: Queue): Entry | undefined {
  const { entries } = queue;
  while (entries[queue.head]?.gone) queue.head += 1;
  if (queue.head > entries.length / 2) {
    entries.splice(0, queue.head);
    queue.head = 0;
  }
  return entries[queue.head];
}

function keyOf({ groupId, isolated }: Waiting): number {
  return 2 * groupId + (isolated ? 1 : 0);
}
