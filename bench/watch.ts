/**
 * Watches all chats of a home, over however many lives its host has, and knows which messages have
 * come to their end: their turn is over and everything that it said is to be seen.
 */
import { TemporaryError } from "@bellhop/sdk";
import type { ChatEvent, EventId, TurnEvent } from "../packages/host/src/core/events.ts";
import type { Api } from "./api.ts";

export interface Watch {
  /** Until the host goes away or `signal` says so; a later call goes on where this one ended. */
  follow(api: Api, signal: AbortSignal): Promise<void>;
  /** Resolves once the message has come to its end, well or not. */
  settled(message: string): Promise<void>;
  /** Called for each message that comes to its end. `at` is the host's wall clock when the last of it was told. */
  onSettled(listener: (message: string, at: number) => void): void;
}

export function createWatch(): Watch {
  const settled = new Set<string>();
  const waiting = new Map<string, () => void>();
  const listeners: ((message: string, at: number) => void)[] = [];
  /** Turns that are over, and what is still to be shown of them. */
  const ending = new Map<string, { readonly inputs: readonly string[]; readonly missing: Set<string> }>();
  const shown = new Set<string>();
  let last: EventId | undefined;

  function take(event: ChatEvent): void {
    if (!("id" in event)) return;
    last = event.id;
    if (event.type === "turn") return over(event);
    if (event.direction === "in") return;
    shown.add(event.message);
    for (const [turn, { missing }] of ending) if (missing.delete(event.message)) settle(turn, event.at);
  }

  function over({ turn, state, inputs, replies, at }: TurnEvent): void {
    if (state === "started" || state === "retrying") return;
    ending.set(turn, { inputs, missing: new Set(replies.filter((reply) => !shown.has(reply))) });
    settle(turn, at);
  }

  function settle(turn: string, at: number): void {
    const ended = ending.get(turn);
    if (!ended || ended.missing.size > 0) return;
    ending.delete(turn);
    for (const input of ended.inputs) {
      settled.add(input);
      waiting.get(input)?.();
      waiting.delete(input);
      for (const listener of listeners) listener(input, at);
    }
  }

  return {
    async follow(api, signal) {
      try {
        // From the very beginning the first time: nothing that happens before we listen is missed.
        for await (const { event } of api.events({ after: last ?? (0 as EventId), signal })) take(event);
      } catch (error) {
        if (!(error instanceof TemporaryError)) throw error; // the host went away; the next life is followed anew
      }
    },
    settled: (message) =>
      settled.has(message) ? Promise.resolve() : new Promise((resolve) => waiting.set(message, resolve)),
    onSettled: (listener) => void listeners.push(listener),
  };
}
