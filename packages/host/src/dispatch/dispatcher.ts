/**
 * The dispatcher: which session runs next.
 *
 * - One live turn per session, one live sandbox per group, at most `sandboxes` over all.
 * - Fair: of the groups that wait, the one that was served longest ago is next; within it, the
 *   session that has waited longest. Nobody waits behind two turns of another group.
 * - An idle sandbox gives way when its place is wanted, longest idle first; a busy one never does, nor
 *   one whose session is being claimed. A session whose own sandbox is closing waits until it is gone.
 * - Nothing polls: it runs when something came, ended, or is due.
 */
import type { Clock } from "../core/clock.ts";
import type { LiveEvent } from "../core/events.ts";
import type { ChatId, SessionId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Claim, Turns } from "../store/turns.ts";
import type { Room, Rooms } from "../turns/rooms.ts";
import type { RunningTurn } from "../turns/turn.ts";
import { failpoint } from "../core/failpoint.ts";

export interface DispatcherParts {
  readonly turns: Turns;
  readonly rooms: Rooms;
  readonly start: (claim: Claim) => RunningTurn;
  /** Ends a turn that was lost with its host too often (poison), and tells the person. */
  readonly bury: (claim: Claim) => Promise<void>;
  /** The global cap on live sandboxes. */
  readonly sandboxes: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** G11 counts what a turn does to its worker; losing the host is counted apart, with more patience. */
const LOST_LIMIT = 10;
/** After the database failed us. The turn that it failed, if any, is claimed again then. */
const BREATHER_MS = 1_000;

interface Waiting {
  readonly session: SessionId;
  readonly groupId: number;
  /** Who came first. */
  readonly order: number;
}

/** A place that is taken: by a turn, or by a claim under way. */
interface Slot {
  readonly session: SessionId;
  readonly groupId: number;
  running?: RunningTurn;
  /** Why it is to stop as soon as it runs. */
  stopping?: string;
  /** When the place is free again. Never rejects. */
  freed: Promise<void>;
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

export function createDispatcher({ turns, rooms, start, bury, sandboxes, clock, log }: DispatcherParts) {
  const waiting = new Map<SessionId, Waiting>();
  const slots = new Set<Slot>();
  const alarms = new Map<SessionId, () => void>();
  const servedLast = new Map<number, number>();
  let counter = 0;
  let pumping = false;
  let draining = false;

  function wake(session: SessionId, groupId: number): void {
    if (alarms.has(session)) return; // what has come waits behind the turn that is to be tried again
    if (!waiting.has(session)) waiting.set(session, { session, groupId, order: counter++ });
    slotOf(session)?.running?.hint();
    schedule();
  }

  function wakeAt(session: SessionId, groupId: number, at: number): void {
    if (draining) return; // the next start looks at everything
    silence(session);
    alarms.set(
      session,
      clock.after(Math.max(0, at - clock.now()), () => {
        silence(session);
        wake(session, groupId);
      }),
    );
  }

  function silence(session: SessionId): void {
    alarms.get(session)?.();
    alarms.delete(session);
  }

  /** What comes in one go is looked at in one go. */
  function schedule(): void {
    if (pumping) return;
    pumping = true;
    queueMicrotask(() => {
      pumping = false;
      if (!draining) pump();
    });
  }

  function pump(): void {
    let free = sandboxes - occupied().size;
    let coming = rooms.list().filter(({ state }) => state === "closing").length;
    for (const next of inOrder()) {
      if (free <= 0 && coming <= 0 && idle().length === 0) return;
      const own = rooms.of(next.session);
      if (own) {
        if (own.state === "idle") begin(next);
        continue; // else it is about to go, and then we look again
      }
      const neighbour = neighbourOf(next);
      if (neighbour) {
        giveWay(neighbour);
        continue;
      }
      if (groupIsBusy(next)) continue;
      if (free > 0) {
        free -= 1;
        begin(next);
      } else if (coming > 0) {
        coming -= 1; // a place is on its way to it already
      } else {
        const longest = longestIdle();
        if (longest) giveWay(longest);
      }
    }
  }

  /** Only those that could run now; who was served longest ago comes first. */
  function inOrder(): Waiting[] {
    return [...waiting.values()]
      .filter(({ session }) => slotOf(session) === undefined)
      .sort(
        (a, b) => (servedLast.get(a.groupId) ?? -1) - (servedLast.get(b.groupId) ?? -1) || a.order - b.order,
      );
  }

  function occupied(): Set<SessionId> {
    return new Set([...rooms.list().map(({ session }) => session), ...[...slots].map(sessionOf)]);
  }

  /** Sandboxes that nobody uses and nobody is about to use. */
  function idle(): Room[] {
    return rooms.list().filter(({ state, session }) => state === "idle" && slotOf(session) === undefined);
  }

  /** Another session's sandbox in the same group. */
  function neighbourOf({ session, groupId }: Waiting): Room | undefined {
    return idle().find((room) => room.groupId === groupId && room.session !== session);
  }

  function groupIsBusy({ session, groupId }: Waiting): boolean {
    return (
      [...slots].some((slot) => slot.groupId === groupId) ||
      rooms.list().some((room) => room.groupId === groupId && room.session !== session)
    );
  }

  function longestIdle(): Room | undefined {
    const unwanted = idle().filter(({ session }) => !waiting.has(session));
    return (unwanted.length > 0 ? unwanted : idle()).toSorted((a, b) => a.idleSince - b.idleSince)[0];
  }

  function giveWay(room: Room): void {
    rooms.close(room).catch((error: unknown) => log.error({ err: error }, "a sandbox did not give way"));
  }

  function begin({ session, groupId }: Waiting): void {
    waiting.delete(session);
    servedLast.set(groupId, counter++);
    const slot: Slot = { session, groupId, freed: Promise.resolve() };
    slots.add(slot);
    slot.freed = serve(slot)
      .catch((error: unknown) => {
        log.error({ err: error }, "a turn could not be claimed; trying again in a moment");
        wakeAt(session, groupId, clock.now() + BREATHER_MS);
      })
      .finally(() => {
        slots.delete(slot);
        schedule();
      });
  }

  async function serve(slot: Slot): Promise<void> {
    const { session, groupId } = slot;
    const claim = await turns.claim(session);
    failpoint("claim.committed");
    if (!claim) return;
    if ("notBefore" in claim) return wakeAt(session, groupId, claim.notBefore);
    if (draining) return await turns.release(claim);
    if (claim.lost >= LOST_LIMIT) await bury(claim);
    else if (await ran(slot, claim)) return;
    // More than a turn takes at once, or what moved along to a fresh session: nobody wakes us for those.
    const next = sessionOf(slot);
    if (await turns.hasWaiting(next)) wake(next, groupId);
  }

  /** Resolves when the turn is over: true if it is to be tried again. */
  async function ran(slot: Slot, claim: Claim): Promise<boolean> {
    const running = start(claim);
    slot.running = running;
    if (slot.stopping !== undefined) running.stop(slot.stopping);
    if (waiting.has(slot.session)) running.hint(); // it came while we were claiming
    const { retryAt } = await running.over;
    if (retryAt !== undefined) wakeAt(sessionOf(slot), slot.groupId, retryAt);
    return retryAt !== undefined;
  }

  function slotOf(session: SessionId): Slot | undefined {
    return [...slots].find((slot) => sessionOf(slot) === session);
  }

  rooms.onGone(schedule); // its place is free

  return {
    /** There is something to do for this session. */
    wake,

    /** Looks at everything that is due: at the start, after a jump of the clock, and now and then to be safe. */
    async sweep(): Promise<void> {
      for (const { session, groupId, at } of await turns.due()) {
        silence(session);
        if (at <= clock.now()) wake(session, groupId);
        else wakeAt(session, groupId, at);
      }
    },

    /**
     * Claims nothing more and waits for the turns under way; those that take longer than `ms` are
     * given back uncharged, for the next start (G26). The same at once when `hurry` resolves.
     */
    async drain(ms: number, hurry: Promise<void>): Promise<void> {
      draining = true;
      for (const cancel of alarms.values()) cancel();
      const over = Promise.all([...slots].map(({ freed }) => freed));
      const late = Promise.withResolvers<void>();
      const cancel = clock.after(ms, late.resolve);
      await Promise.race([over, late.promise, hurry]);
      cancel();
      failpoint("drain.turns");
      for (const { running } of slots) running?.release();
      await over;
      failpoint("drain.released");
      await Promise.all(rooms.list().map((room) => rooms.close(room)));
    },

    /**
     * Ends the session's turn for good, the one that waits for another attempt too. Resolves when it is
     * over: the place is free then.
     */
    async stop(session: SessionId, why: string): Promise<"stopped" | "nothing"> {
      const slot = slotOf(session);
      if (slot) {
        slot.stopping = why; // it may be on its way to a claim
        slot.running?.stop(why);
        await slot.freed;
        return slot.running ? "stopped" : "nothing";
      }
      const groupId = await turns.cancelWaiting(session, why);
      if (groupId === undefined) return "nothing";
      silence(session);
      if (await turns.hasWaiting(session)) wake(session, groupId); // what came behind it
      return "stopped";
    },

    running: (): RunningTurn[] => [...slots].flatMap(({ running }) => running ?? []),

    /** What a newcomer to a chat, or to all of them, has missed of the turns under way. */
    snapshot: (chat: ChatId | undefined): LiveEvent[] =>
      [...slots].flatMap(({ running }) =>
        running && (chat === undefined || running.claim.chat.id === chat) ? [...running.snapshot()] : [],
      ),

    /** Why this session waits, in words for `status`. */
    explain(session: SessionId, groupId: number): string {
      if (draining) return "Bellhop is shutting down";
      if (slotOf(session)) return "the answer under way comes first";
      if (alarms.has(session)) return "waiting to try again";
      if (groupIsBusy({ session, groupId, order: 0 }))
        return "another conversation of the group is being answered";
      return occupied().size >= sandboxes ? `all ${sandboxes} sandboxes are in use` : "about to start";
    },
  };
}

/** A turn may have moved to a fresh session. */
function sessionOf({ running, session }: Slot): SessionId {
  return running?.claim.session.id ?? session;
}
