/**
 * Which events of a chat are the answer to one message, and how that answer ended. Pure: fed with the
 * events of the chat in order, from the message's own on.
 *
 * - The turn that answers says so in its `inputs`: at its start, or, where the message joined a live
 *   turn, only at its end. Until then its durable events are held back.
 * - A turn that began with the message but ended without it has given it back: another one follows.
 * - The answer is complete when its turn ended and every reply that the turn names was seen.
 * - A chat command is answered by the host itself: by the notice that replies to it.
 */
import type { ChatEvent, DurableEvent } from "../core/events.ts";
import type { InboxId, TurnId } from "../core/ids.ts";

export type Outcome = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Progress {
  /** Events that belong to the message, in order. */
  readonly frames: readonly ChatEvent[];
  /** Set once the turn is over; final when `missing` is empty. */
  readonly outcome: Outcome | undefined;
  /** Replies that the turn named and nobody has seen yet. */
  readonly missing: ReadonlySet<string>;
}

export interface Answer {
  take(event: ChatEvent): Progress;
}

export function createAnswer(message: InboxId): Answer {
  const held = new Map<TurnId, DurableEvent[]>();
  const seen = new Set<string>();
  let turn: TurnId | undefined;
  let replies: readonly string[] = [];
  let outcome: Outcome | undefined;

  function progress(frames: readonly ChatEvent[]): Progress {
    for (const frame of frames) if (frame.type === "message") seen.add(frame.message);
    return { frames, outcome, missing: new Set(replies.filter((reply) => !seen.has(reply))) };
  }

  function hold(id: TurnId, event: DurableEvent): Progress {
    held.set(id, [...(held.get(id) ?? []), event]);
    return progress([]);
  }

  function takeTurn(event: Extract<ChatEvent, { type: "turn" }>): Progress {
    const over = event.state === "done" || event.state === "failed" || event.state === "cancelled";
    if (!event.inputs.includes(message)) {
      if (!over) return event.turn === turn ? progress([event]) : hold(event.turn, event);
      held.delete(event.turn);
      if (event.turn === turn) turn = undefined;
      return progress([]);
    }
    const frames = [...(held.get(event.turn) ?? []), event];
    held.delete(event.turn);
    turn = event.turn;
    if (over) {
      replies = event.replies;
      outcome =
        event.state === "done"
          ? { ok: true }
          : { ok: false, reason: event.reason ?? `The turn was ${event.state}.` };
    }
    return progress(frames);
  }

  return {
    take(event) {
      switch (event.type) {
        case "turn":
          return takeTurn(event);
        case "message": {
          if (event.direction === "in") {
            if (event.message !== message) return progress([]);
            if (event.kind === "note")
              outcome = { ok: false, reason: event.reason ?? "No answer will come." };
            return progress([event]);
          }
          if (event.turn !== undefined)
            return event.turn === turn ? progress([event]) : hold(event.turn, event);
          if (event.replyTo !== message) return progress([]);
          if (event.kind === "notice") outcome ??= { ok: true };
          return progress([event]);
        }
        case "delta":
        case "activity":
          return progress(event.turn === turn ? [event] : []);
        default:
          return event satisfies never;
      }
    },
  };
}
