/**
 * The three clocks that watch an attempt (G9): the start, silence, and the whole.
 *
 * - A call to the model that is under way is proof of life, however long it is silent.
 * - A tool that says how long it may take is waited for, but no longer than `LONGEST_TOOL_MS`.
 */
import type { Clock } from "../core/clock.ts";
import type { Door } from "./broker.ts";
import type { TurnLimits } from "./endings.ts";
import type { EngineEvent, EngineFailure } from "./engine.ts";
import { TOOK_TOO_LONG } from "./failure-words.ts";
import type { Room } from "./rooms.ts";
import type { CutShort, Stopping } from "./stopping.ts";

const LONGEST_TOOL_MS = 30 * 60_000;

export interface Watched {
  readonly room: Pick<Room, "next">;
  readonly door: Pick<Door, "asking">;
  /** Its program has yet to come up. */
  readonly cold: boolean;
  readonly limits: TurnLimits;
  readonly stopping: Pick<Stopping, "within">;
  readonly clock: Clock;
}

export interface OutOfTime {
  readonly how: "failed";
  readonly failure: EngineFailure;
  readonly words?: string;
}

/** All three run from now on. */
export function startClocks({ room, door, cold, limits, stopping, clock }: Watched) {
  const endBy = clock.monotonic() + limits.totalMs;
  const startBy = clock.monotonic() + limits.startMs;
  let started = !cold;
  /** How long a tool that runs just now may be silent, as it said itself. */
  let toolMs = 0;

  function heard(event: EngineEvent): void {
    if (event.type === "ready") started = true;
    if (event.type === "delta" || event.type === "reply") toolMs = 0;
    if (event.type === "activity")
      toolMs = event.tool === undefined ? 0 : Math.min(LONGEST_TOOL_MS, event.forMs ?? toolMs);
  }

  function tookTooLong(): OutOfTime {
    const detail = `the turn took longer than ${limits.totalMs} ms`;
    return { how: "failed", failure: { class: "cancelled", detail }, words: TOOK_TOO_LONG };
  }

  function timedOut(silenceMs: number): OutOfTime {
    const failure: EngineFailure = started
      ? { class: "crashed", detail: `no sign of life for ${silenceMs} ms` }
      : { class: "transient", detail: `the agent was not up after ${limits.startMs} ms` };
    return { how: "failed", failure };
  }

  return {
    /** The engine's next event; or how the attempt ends, if that comes first. */
    async next(): Promise<EngineEvent | OutOfTime | CutShort> {
      const coming = room.next();
      for (;;) {
        const silenceMs = Math.max(limits.silenceMs, toolMs);
        const limit = started ? silenceMs : startBy - clock.monotonic();
        const left = endBy - clock.monotonic();
        const event = await stopping.within(Math.min(limit, left), coming);
        if (event === undefined && started && limit < left && door.asking() > 0) continue; // the model is at work
        if (event === undefined) return left <= limit ? tookTooLong() : timedOut(silenceMs);
        if (!("how" in event)) heard(event);
        return event;
      }
    },
  };
}
