/**
 * Tells plugins when a turn begins and ends: `onTurnStart`, `onTurnEnd`.
 *
 * - They are told, and asked nothing: no turn waits for them. Of one turn they hear the beginning before the
 *   end, each plugin in the order of the names.
 * - A turn begins once, with its first attempt, and ends once: what is tried again later has not ended.
 */
import { z } from "zod";
import type { HookName, TurnEndEvent, TurnEvent } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { HookCalls } from "../core/hook-calls.ts";
import type { TurnId } from "../core/ids.ts";
import { atMost } from "../core/patience.ts";
import type { Log } from "../log.ts";
import type { Claim } from "../store/claims.ts";
import type { Turns } from "../store/turns.ts";

export interface TurnHooksParts {
  readonly calls: HookCalls;
  readonly turns: Pick<Turns, "marksOf">;
  readonly clock: Clock;
  readonly log: Log;
}

/** A turn's life, as whoever runs it tells it. Neither throws, nor takes time. */
export interface TurnLife {
  began(claim: Claim): void;
  /** It has ended, or waits for another attempt. */
  left(claim: Claim): void;
}

const CLOSE_MS = 2_000;

export function createTurnHooks({ calls, turns, clock, log }: TurnHooksParts) {
  const telling = new Map<TurnId, Promise<void>>();

  function behind(turn: TurnId, tell: () => Promise<void>): void {
    const told = (telling.get(turn) ?? Promise.resolve())
      .then(tell)
      .catch((error: unknown) => log.error({ err: error, turn }, "plugins were not told of a turn"))
      .finally(() => {
        if (telling.get(turn) === told) telling.delete(turn);
      });
    telling.set(turn, told);
  }

  async function tell(hook: HookName, { chat }: Claim, event: TurnEvent | TurnEndEvent): Promise<void> {
    for (const plugin of calls.of(hook, chat.folder, chat.id))
      await calls.ask(plugin, hook, { ...event }, z.json());
  }

  async function tellEnd(claim: Claim): Promise<void> {
    const { state } = await turns.marksOf(claim.turn);
    if (state === "running" || state === "waiting") return;
    const durationMs = Math.max(0, clock.now() - claim.createdAt);
    await tell("onTurnEnd", claim, { ...eventOf(claim), outcome: state, durationMs });
  }

  return {
    began(claim: Claim): void {
      if (claim.attempt > 1 || claim.lost > 0 || !calls.any("onTurnStart")) return;
      behind(claim.turn, () => tell("onTurnStart", claim, eventOf(claim)));
    },

    left(claim: Claim): void {
      if (calls.any("onTurnEnd")) behind(claim.turn, () => tellEnd(claim));
    },

    /** Waits a little for what is being told. */
    close: () => atMost(clock, CLOSE_MS, Promise.all(telling.values())),
  } satisfies TurnLife & { close: () => Promise<void> };
}

function eventOf({ turn, chat, kind }: Claim): TurnEvent {
  return { turn, group: chat.folder, chat: chat.id, kind };
}
