/**
 * The events of one session, between the program that makes them and the turn that reads them. Each
 * is read once, in order. What waits unread is bounded: past `maxChars` of text or `maxEvents` the queue calls
 * `onOverflow` once and keeps only what ends the session, so that a program which talks faster than
 * anybody reads cannot fill the host's memory.
 */
import type { EngineEvent } from "../turns/engine.ts";

export interface EventQueue extends AsyncIterable<EngineEvent> {
  push(event: EngineEvent): void;
  /** No more events; the iteration ends after the last one. */
  end(): void;
}

export function createEventQueue({
  maxChars = 16 * 1024 * 1024,
  maxEvents = 100_000,
  onOverflow,
}: {
  readonly maxChars?: number;
  readonly maxEvents?: number;
  readonly onOverflow: () => void;
}): EventQueue {
  let waiting: EngineEvent[] = [];
  let chars = 0;
  let ended = false;
  let overflowed = false;
  let wake = (): void => undefined;

  async function* read(): AsyncGenerator<EngineEvent, void> {
    for (;;) {
      const batch = waiting;
      waiting = [];
      chars = 0;
      yield* batch;
      if (waiting.length > 0) continue;
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  const events = read();

  return {
    push(event) {
      if (ended) return;
      const size = event.type === "delta" || event.type === "reply" ? event.text.length : 0;
      const final = event.type === "closed" || event.type === "done";
      if (!final && (chars + size > maxChars || waiting.length >= maxEvents)) {
        if (!overflowed) onOverflow();
        overflowed = true;
      }
      if (overflowed && !final) return;
      waiting.push(event);
      chars += size;
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    // Without `return`, so that a reader may leave its loop and go on in another one.
    [Symbol.asyncIterator]: () => ({ next: () => events.next() }),
  };
}
