/**
 * The dispatcher: which session runs next.
 *
 * - One live turn per session; one live sandbox per group, and a second one for an isolated task beside
 *   its conversations; at most `sandboxes` over all.
 * - Fair: line.ts says who is next. Nobody waits behind two turns of another group.
 * - An idle sandbox gives way when its place is wanted, longest idle first; a busy one never does, nor
 *   one in which something goes on in the background, nor one whose session is being claimed. A session
 *   whose own sandbox is closing waits until it is gone.
 * - What waits or runs is never queued a second time.
 * - Nothing polls: it runs when something came, ended, or is due. What that costs does not depend on how
 *   many wait: only what the cap bounds (sandboxes, turns under way) is ever walked through.
 */
import type { Clock } from "../core/clock.ts";
import { atMost } from "../core/patience.ts";
import type { LiveEvent } from "../core/events.ts";
import { failpoint } from "../core/failpoint.ts";
import type { ChatId, SessionId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Claim } from "../store/claims.ts";
import type { Turns } from "../store/turns.ts";
import type { Room, Rooms } from "../turns/rooms.ts";
import type { RunningTurn } from "../turns/turn.ts";
import { createLine, type Visited, type Waiting } from "./line.ts";

export interface DispatcherParts {
  readonly turns: Pick<Turns, "claim" | "claimBackground" | "release" | "due" | "waitsIn" | "cancelWaiting">;
  readonly rooms: Pick<Rooms, "of" | "list" | "close" | "onGone" | "onGoesOn">;
  readonly start: (claim: Claim, goesOn?: boolean) => RunningTurn;
  /** Ends a turn that was lost with its host too often (poison), and tells the person. */
  readonly bury: (claim: Claim) => Promise<void>;
  /** The global cap on live sandboxes. */
  readonly sandboxes: number;
  /** Nothing may start. Whoever ends the pause calls `look`. */
  readonly paused?: () => boolean;
  /**
   * Asked before each claim, perhaps more than once. Who must not start is asked again at `until` (wall
   * clock); without one, when somebody calls `look`.
   */
  readonly mayStart?: (session: SessionId, groupId: number) => MayStart;
  readonly clock: Clock;
  readonly log: Log;
}

export type MayStart = { readonly yes: true } | { readonly yes: false; why: string; until?: number };

export interface Wanted {
  readonly kind?: Waiting["kind"];
  readonly isolated?: boolean;
  /** It is to be quiet for so long before its turn begins. Delays neither what waits already nor a retry. */
  readonly quietMs?: number;
}

/** G11 counts what a turn does to its worker; losing the host is counted apart, with more patience. */
const LOST_LIMIT = 10;
/** After the database failed us. The turn that it failed, if any, is claimed again then. */
const BREATHER_MS = 1_000;

/** A place that is taken: by a turn, or by a claim under way. */
interface Slot {
  readonly waiting: Waiting;
  running?: RunningTurn;
  /** Why it is to stop as soon as it runs. */
  stopping?: string;
  /** More has come since somebody looked for the last time: what. */
  more: Waiting["kind"] | undefined;
  /** What its room's engine went on with as the turn ended, and since when the room had been idle. */
  goesOn?: GoesOn & { readonly idleSince: number };
  /** When the place is free again. Never rejects. */
  freed: Promise<void>;
}

/** What an idle room's engine goes on with by itself: work has ended that was left running in it. */
export interface GoesOn {
  readonly room: Room;
  /** Who is told what comes of it. */
  readonly chat: ChatId;
  /** What ended, in words for the agent. */
  readonly cause: string;
}

/** A session that is not in the line yet. */
interface Asleep {
  readonly why: "retry" | "quiet" | "gate";
  readonly waiting: Waiting;
  readonly words: string;
  /** By the wall clock. */
  readonly until: number | undefined;
  readonly cancel: () => void;
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

export function createDispatcher(parts: DispatcherParts) {
  const { turns, rooms, start, bury, sandboxes, clock, log } = parts;
  const paused = parts.paused ?? (() => false);
  const line = createLine();
  const slots = new Set<Slot>();
  const asleep = new Map<SessionId, Asleep>();
  /** By the monotonic clock: until when it should be quiet. */
  const quietUntil = new Map<SessionId, number>();
  let pumping = false;
  let draining = false;

  function wake(session: SessionId, groupId: number, wanted: Wanted = {}): void {
    const { kind = "chat", isolated = false, quietMs = 0 } = wanted;
    const slot = slotOf(session);
    if (slot) {
      comesTo(slot, kind);
      slot.running?.hint();
      return;
    }
    if (asleep.get(session)?.why === "retry") return; // what has come waits behind the turn that is to be tried again
    const waiting: Waiting = { session, groupId, kind, isolated };
    if (quietMs > 0) return keepQuiet(waiting, quietMs);
    quietUntil.delete(session);
    queue(waiting);
  }

  function queue(waiting: Waiting): void {
    rouse(waiting.session);
    line.add(waiting);
    schedule();
  }

  /** Each further message puts it off again, with one timer for all of them. */
  function keepQuiet(waiting: Waiting, ms: number): void {
    const { session } = waiting;
    if (line.has(session) && !quietUntil.has(session)) return; // a retry, a task or a command is not delayed
    quietUntil.set(session, clock.monotonic() + ms);
    if (!line.has(session) && !asleep.has(session)) sleepUntilQuiet(waiting, ms);
  }

  function sleepUntilQuiet(waiting: Waiting, ms: number): void {
    sleep(waiting, "quiet", "waiting for the rest of what is being written", clock.now() + ms, () => {
      const left = quietLeft(waiting.session);
      if (left > 0) sleepUntilQuiet(waiting, left);
      else queue(waiting);
    });
  }

  function quietLeft(session: SessionId): number {
    return (quietUntil.get(session) ?? -Infinity) - clock.monotonic();
  }

  function retryAt(waiting: Waiting, at: number): void {
    sleep(waiting, "retry", "waiting to try again", at, () => queue(waiting));
  }

  /** Out of the line until then; without a time, until somebody looks. */
  function sleep(
    waiting: Waiting,
    why: Asleep["why"],
    words: string,
    until: number | undefined,
    then: () => void,
  ): void {
    const { session } = waiting;
    rouse(session);
    if (draining) return; // the next start looks at everything
    const cancel =
      until === undefined
        ? () => undefined
        : clock.after(Math.max(0, until - clock.now()), () => {
            rouse(session);
            then();
          });
    asleep.set(session, { why, waiting, words, until, cancel });
  }

  function rouse(session: SessionId): void {
    asleep.get(session)?.cancel();
    asleep.delete(session);
  }

  /** What comes in one go is looked at in one go. */
  function schedule(): void {
    if (pumping) return;
    pumping = true;
    queueMicrotask(() => {
      pumping = false;
      if (!draining && !paused()) pump();
    });
  }

  function pump(): void {
    let free = sandboxes - placesTaken();
    let coming = rooms.list().filter(({ state }) => state === "closing").length;
    line.walk((next): Visited => {
      if (free <= 0 && coming <= 0 && idle().length === 0) return "enough";
      if (mustWait(next)) return "left";
      const own = rooms.of(next.session);
      if (own) {
        if (own.state !== "idle") return "passed"; // it is about to go, and then we look again
        begin(next);
        return "started";
      }
      const neighbours = rooms.list().filter((room) => isNeighbour(room, next));
      if (neighbours.length > 0) {
        for (const room of neighbours) if (isIdle(room)) giveWay(room);
        return "passed";
      }
      if (free > 0) {
        free -= 1;
        begin(next);
        return "started";
      }
      const longest = coming > 0 ? undefined : longestIdle();
      if (longest) giveWay(longest);
      else coming -= 1; // a place is on its way to it already
      return "passed";
    });
  }

  /** It sleeps on, if it is not to start now. */
  function mustWait(waiting: Waiting): boolean {
    const { session, groupId } = waiting;
    const quietMs = quietLeft(session);
    if (quietMs > 0) {
      sleepUntilQuiet(waiting, quietMs);
      return true;
    }
    const may: MayStart = parts.mayStart?.(session, groupId) ?? { yes: true };
    if (may.yes) return false;
    sleep(waiting, "gate", may.why, may.until, () => queue(waiting));
    return true;
  }

  function placesTaken(): number {
    return new Set([...rooms.list().map(({ session }) => session), ...[...slots].map(sessionOf)]).size;
  }

  /** Nobody uses it, and nobody is about to. */
  function isIdle({ state, session, background }: Room): boolean {
    return state === "idle" && background === 0 && slotOf(session) === undefined;
  }

  function idle(): Room[] {
    return rooms.list().filter(isIdle);
  }

  /** One that is nobody's next comes before one whose session waits. */
  function longestIdle(): Room | undefined {
    const all = idle();
    const unwanted = all.filter(({ session }) => !line.has(session) && !asleep.has(session));
    return (unwanted.length > 0 ? unwanted : all).toSorted((a, b) => a.idleSince - b.idleSince)[0];
  }

  function giveWay(room: Room): void {
    rooms.close(room).catch((error: unknown) => log.error({ err: error }, "a sandbox did not give way"));
  }

  function begin(waiting: Waiting, goesOn?: GoesOn): void {
    const { session, groupId } = waiting;
    quietUntil.delete(session);
    const slot: Slot = { waiting, more: undefined, freed: Promise.resolve() };
    slots.add(slot);
    slot.freed = (goesOn ? adopt(slot, goesOn) : serve(slot))
      .catch((error: unknown) => {
        log.error({ err: error }, "a turn could not be claimed; trying again in a moment");
        retryAt(waiting, clock.now() + BREATHER_MS);
      })
      .finally(() => {
        const last = sessionOf(slot);
        slots.delete(slot);
        line.release(waiting);
        if (slot.goesOn && isUntouched(slot.goesOn)) goOn(slot.goesOn);
        if (slot.more) wake(last, groupId, { kind: slot.more, isolated: waiting.isolated });
        const room = rooms.of(last);
        // Nobody comes back to the session of an isolated task.
        if (waiting.isolated && !slot.more && room && isIdle(room)) giveWay(room);
        schedule();
      });
  }

  async function serve(slot: Slot): Promise<void> {
    const { waiting } = slot;
    const claim = await turns.claim(waiting.session);
    failpoint("claim.committed");
    if (!claim) return;
    if ("notBefore" in claim) return retryAt(waiting, claim.notBefore);
    if (draining || paused()) return await turns.release(claim);
    if (claim.lost >= lostLimit(claim)) await bury(claim);
    else if (await ran(slot, claim)) return;
    await lookBehind(slot);
  }

  /** A turn for what the engine goes on with by itself. Without one, nobody may hear what it says. */
  async function adopt(slot: Slot, { room, chat, cause }: GoesOn): Promise<void> {
    const claim = await turns.claimBackground(room.session, chat, cause).catch(async (error: unknown) => {
      await rooms.close(room);
      throw error;
    });
    if (!claim) return await rooms.close(room);
    if (!(await ran(slot, claim, true))) await lookBehind(slot);
  }

  /** More than a turn takes at once, or what moved along to a fresh session: nobody wakes us for those. */
  async function lookBehind(slot: Slot): Promise<void> {
    slot.more = undefined; // not by what the query says: a wake may come while it runs
    const found = await turns.waitsIn(sessionOf(slot));
    if (found) comesTo(slot, found);
  }

  /** Resolves when the turn is over: true if it is to be tried again. */
  async function ran(slot: Slot, claim: Claim, goesOn = false): Promise<boolean> {
    const running = start(claim, goesOn);
    slot.running = running;
    if (slot.stopping !== undefined) running.stop(slot.stopping);
    if (slot.more) running.hint(); // it came while we were claiming
    const { retryAt: at } = await running.over;
    if (at !== undefined) retryAt({ ...slot.waiting, session: sessionOf(slot) }, at);
    return at !== undefined;
  }

  function slotOf(session: SessionId): Slot | undefined {
    for (const slot of slots) if (sessionOf(slot) === session) return slot;
    return undefined;
  }

  /** At once: the program will not wait. */
  function goOn(goesOn: GoesOn): void {
    const { room } = goesOn;
    const waiting: Waiting = {
      session: room.session,
      groupId: room.groupId,
      kind: "chat",
      isolated: room.isolated,
    };
    const slot = slotOf(room.session);
    if (slot) {
      // The turn that ends there; or one that begins, which will hear of it.
      slot.goesOn = { ...goesOn, idleSince: room.idleSince };
      return;
    }
    if (draining || paused() || !line.occupy(waiting)) return giveWay(room);
    begin(waiting, goesOn);
  }

  function isUntouched({ room, idleSince }: GoesOn & { readonly idleSince: number }): boolean {
    return room.state === "idle" && room.idleSince === idleSince;
  }

  rooms.onGone(schedule); // its place is free
  rooms.onGoesOn(goOn);

  return {
    /** There is something to do for this session. */
    wake,

    /** Something that kept others from starting has ended. */
    look(): void {
      for (const { why, waiting } of asleep.values()) if (why === "gate") queue(waiting);
      schedule();
    },

    /** Looks at everything that is due: at the start, after a jump of the clock, and now and then to be safe. */
    async sweep(): Promise<void> {
      for (const { session, groupId, kind, isolated, at } of await turns.due()) {
        if (slotOf(session) || asleep.get(session)?.why === "quiet") continue;
        const waiting: Waiting = { session, groupId, kind, isolated };
        if (at <= clock.now()) queue(waiting);
        else retryAt(waiting, at);
      }
    },

    /**
     * Claims nothing more and waits for the turns under way; those that take longer than `ms` are
     * given back uncharged, for the next start (G26). The same at once when `hurry` resolves.
     */
    async drain(ms: number, hurry: Promise<void>): Promise<void> {
      draining = true;
      for (const session of asleep.keys()) rouse(session);
      const over = Promise.all([...slots].map(({ freed }) => freed));
      await atMost(clock, ms, over, hurry);
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
      rouse(session);
      const behind = await turns.waitsIn(session);
      if (behind) wake(session, groupId, { kind: behind }); // what came behind it
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
      if (paused()) return "everything is paused";
      if (slotOf(session)) return "the answer under way comes first";
      const sleeper = asleep.get(session);
      if (sleeper) return sleeper.until === undefined ? sleeper.words : inWords(sleeper.words, sleeper.until);
      if (groupIsBusy(session, groupId)) return "another conversation of the group is being answered";
      return placesTaken() >= sandboxes ? `all ${sandboxes} sandboxes are in use` : "about to start";
    },
  };

  function inWords(words: string, until: number): string {
    return `${words}, ${Math.max(0, Math.ceil((until - clock.now()) / 1_000))} s from now`;
  }

  /** As a conversation sees it: an isolated task is in nobody's way. */
  function groupIsBusy(session: SessionId, groupId: number): boolean {
    return (
      [...slots].some(({ waiting }) => waiting.groupId === groupId && !waiting.isolated) ||
      rooms.list().some((room) => isNeighbour(room, { session, groupId, isolated: false }))
    );
  }
}

/** Another session's sandbox in the one place that both would have in their group. */
function isNeighbour(
  room: Room,
  { session, groupId, isolated }: Pick<Waiting, "session" | "groupId" | "isolated">,
): boolean {
  return room.groupId === groupId && room.isolated === isolated && room.session !== session;
}

/** What may be done once at most is not done again after a crash that left it in doubt (G11). */
function lostLimit({ task }: Claim): number {
  return task?.atMostOnce ? 1 : LOST_LIMIT;
}

/** More waits behind it; what a schedule wants is not forgotten over what people wrote. */
function comesTo(slot: Slot, kind: Waiting["kind"]): void {
  if (slot.more !== "occurrence") slot.more = kind;
}

/** A turn may have moved to a fresh session. */
function sessionOf({ running, waiting }: Slot): SessionId {
  return running?.claim.session.id ?? waiting.session;
}
