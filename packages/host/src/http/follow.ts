/**
 * Follows what happens in one chat, or in all, for one client that may read slowly.
 *
 * - Durable events come from the timeline, in the order of their ids, each once and none left out;
 *   the bus only says when to look. So a client may be as slow as it likes: nothing is held for it
 *   but the last id that it got.
 * - Live events are held for it up to `maxHeld` characters. Past that they are dropped, and it gets a
 *   snapshot instead once it reads on. They are dropped too when the durable message has overtaken
 *   them, so that nobody is shown a piece of text after the whole.
 * - After a replay comes one snapshot of the live turns; then whatever happens.
 */
import { setImmediate as breath } from "node:timers/promises";
import type { ChatEvent, DurableEvent, EventBus, EventId, LiveEvent, Signal } from "../core/events.ts";
import type { ChatId, TurnId } from "../core/ids.ts";
import type { HttpLive, HttpTimeline } from "./host.ts";

export interface Follower {
  /** The next events, at least one; waits for them. Undefined once closed. One call at a time. */
  next(): Promise<readonly ChatEvent[] | undefined>;
  close(): void;
}

export interface FollowOptions {
  readonly bus: EventBus;
  readonly timeline: HttpTimeline;
  readonly live: HttpLive;
  /** Whose durable events; undefined: of all chats. */
  readonly chat: ChatId | undefined;
  /** Whose live events; undefined: of all chats. */
  readonly liveChat: ChatId | undefined;
  /** The last event that the client saw. */
  readonly after: EventId;
  readonly maxHeld?: number;
}

/** Rows read at once: what a client that was away for a week makes us hold. */
const PAGE = 200;
/** What an event without text counts. */
const EVENT_COST = 64;

/** Waits in order: text to pass on, or a reason to look into the timeline or at the live turns. */
type Held = LiveEvent | { readonly type: "look" | "snapshot" };

export function follow(options: FollowOptions): Follower {
  const { bus, timeline, live, chat, liveChat, maxHeld = 256 * 1024 } = options;
  let seen = options.after;
  let held: Held[] = [{ type: "look" }, { type: "snapshot" }];
  let size = 0;
  let closed = false;
  let wake = () => {};

  const unsubscribe = bus.subscribe((signal) => {
    if (hold(signal)) wake();
  });

  function hold(signal: Signal): boolean {
    const only = signal.type === "durable" ? chat : liveChat;
    const of = signal.type === "durable" ? signal.chat : signal.event.chat;
    if (only !== undefined && only !== of) return false;
    if (signal.type === "durable") {
      if (held.at(-1)?.type !== "look") held.push({ type: "look" });
      return true;
    }
    // A snapshot that is still to be taken will show this too.
    if (held.some(({ type }) => type === "snapshot")) return true;
    held.push(signal.event);
    size += cost(signal.event);
    if (size > maxHeld) dropLive(() => true);
    return true;
  }

  /** Replaces live events by the snapshot that makes up for them. */
  function dropLive(which: (event: LiveEvent) => boolean) {
    const kept = held.filter((item) => !isLive(item) || !which(item));
    if (kept.length === held.length) return;
    held = [...kept, { type: "snapshot" }];
    size = held.filter(isLive).reduce((sum, event) => sum + cost(event), 0);
  }

  async function look(): Promise<readonly DurableEvent[]> {
    await breath(); // who has to answer goes before who watches
    const events = await timeline.after(chat, seen, PAGE);
    const last = events.at(-1);
    if (!last) return events;
    seen = last.id;
    if (events.length === PAGE) held.unshift({ type: "look" });
    const told = new Set(events.map(toldTurn).filter((turn) => turn !== undefined));
    dropLive(({ turn }) => told.has(turn));
    return events;
  }

  return {
    async next() {
      for (;;) {
        if (closed) return undefined;
        const item = held.shift();
        if (item === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        if (!isLive(item)) {
          const events = item.type === "look" ? await look() : live.snapshot(liveChat);
          if (events.length > 0) return closed ? undefined : events;
          continue;
        }
        const events = [item];
        for (let more = held[0]; more !== undefined && isLive(more); more = held[0]) {
          events.push(more);
          held.shift();
        }
        size -= events.reduce((sum, event) => sum + cost(event), 0);
        return events;
      }
    },
    close() {
      closed = true;
      unsubscribe();
      held = [];
      wake();
    },
  };
}

const isLive = (item: Held): item is LiveEvent => item.type === "delta" || item.type === "activity";

const cost = (event: LiveEvent) => EVENT_COST + (event.type === "delta" ? event.text.length : 0);

/** The turn whose words this event gives in full, or whose end it is. */
function toldTurn(event: DurableEvent): TurnId | undefined {
  if (event.type === "message") return event.direction === "out" ? event.turn : undefined;
  return event.state === "started" ? undefined : event.turn;
}
