/**
 * The events of a chat over as many connections as it takes: each new one begins after the last
 * durable event seen, so a host that restarts costs nothing but the live text of that moment.
 */
import { TemporaryError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { ChatEvent, EventId } from "../core/events.ts";
import type { ChatId } from "../core/ids.ts";
import type { Client } from "./client.ts";

export interface FollowOptions {
  readonly client: Pick<Client, "events">;
  readonly chat: ChatId;
  readonly after: EventId;
  readonly clock: Clock;
  /** Ends the iteration, quietly. */
  readonly signal: AbortSignal;
  /** The connection is gone, and there will be another. Called once per outage. */
  readonly onLost?: () => void;
  readonly onBack?: () => void;
  /** Asked before each new connection; false ends the iteration. */
  readonly goOn?: () => boolean;
}

/** A socket on this machine is cheap to try, but a host that is gone for good must cost nothing. */
const PAUSE_MS = { first: 50, longest: 2_000 };

/** @throws RejectedError, ConfigError what the first connection or any later one is refused with */
export async function* follow(options: FollowOptions): AsyncGenerator<ChatEvent> {
  const { client, chat, clock, signal, onLost, onBack, goOn = () => true } = options;
  let { after } = options;
  let pause = PAUSE_MS.first;
  let lost = false;
  const onOpen = () => {
    pause = PAUSE_MS.first;
    if (lost) onBack?.();
    lost = false;
  };
  while (!signal.aborted) {
    try {
      for await (const event of client.events(chat, { after, signal, onOpen })) {
        if ("id" in event) after = event.id;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TemporaryError)) throw error;
    }
    if (signal.aborted || !goOn()) return;
    if (!lost) onLost?.();
    lost = true;
    await sleep(clock, pause, signal);
    pause = Math.min(pause * 2, PAUSE_MS.longest);
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      cancel();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = clock.after(ms, wake);
    signal.addEventListener("abort", wake);
  });
}
