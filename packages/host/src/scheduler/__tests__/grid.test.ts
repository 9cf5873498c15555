import { describe, expect, it } from "vitest";
import type { SessionId } from "../../core/ids.ts";
import { Overlap } from "../../core/task.ts";
import type { Claim } from "../../store/claims.ts";
import { type GivesWay, NEXT_CAME } from "../../store/fire.ts";
import { MINUTE, type Scheduled, scheduled, SECOND } from "./house.ts";

const FIRINGS = 1_000;
/** How late a time is looked at, at most: no minute of the grid is looked at when it comes. */
const LATEST = 59 * SECOND;

/** From 0 to below 1, the same again for the same seed (a linear congruence). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Serves one session, a turn at a time, each as long as chance has it: from no time to three minutes. */
function worker(house: () => Scheduled, random: () => number) {
  let busy: { claim?: Claim; cancelled: boolean } | undefined;

  async function serve(session: SessionId): Promise<void> {
    if (busy) return;
    busy = { cancelled: false };
    const claim = await house().turns.claim(session);
    if (!claim || "notBefore" in claim) return void (busy = undefined);
    busy.claim = claim;
    if (busy.cancelled) return await end(claim, true);
    house().clock.after(random() * 3 * MINUTE, () => void end(claim, false));
  }

  async function end(claim: Claim, cancelled: boolean): Promise<void> {
    if (busy?.claim !== claim) return; // it has given way already
    busy = undefined;
    const { turns } = house();
    if (cancelled) await turns.cancel(claim, { outbound: [], reason: NEXT_CAME });
    else await turns.complete(claim, { outbound: [], carried: [] });
    await serve(claim.session.id);
  }

  async function giveWay({ occurrence }: GivesWay): Promise<void> {
    if (!busy) return;
    busy.cancelled = true;
    if (busy.claim?.task?.occurrence === occurrence) await end(busy.claim, true);
  }

  return { serve, giveWay };
}

describe("an interval", () => {
  it.each(Overlap.options)(
    "ends exactly on its grid after 1,000 times, with runs of any length and %s",
    async (overlap) => {
      const set: { house?: Scheduled } = {};
      const random = seeded(20_260_101);
      const { serve, giveWay } = worker(() => {
        if (!set.house) throw new Error("it runs before it is set up");
        return set.house;
      }, random);
      const house = await scheduled({
        wake: ({ session }) => void serve(session),
        giveWay: (run) => void giveWay(run),
      });
      set.house = house;
      const row = await house.task({ overlap });
      const anchor = row.created_at;
      await house.started();

      const end = anchor + FIRINGS * MINUTE;
      while (house.clock.now() < end) await house.advance(SECOND + Math.floor(random() * (LATEST - SECOND)));

      const runs = await house.runsOf(row);
      expect(runs.map(({ scheduled_for }) => scheduled_for)).toEqual(
        Array.from({ length: FIRINGS }, (_, k) => anchor + (k + 1) * MINUTE),
      );
      expect(await house.taskNow(row)).toMatchObject({
        next_at: anchor + (FIRINGS + 1) * MINUTE,
        fired: FIRINGS,
        state: "active",
      });
      const states = Map.groupBy(runs, ({ state }) => state);
      expect(states.get("succeeded")?.length).toBeGreaterThan(100);
      expect(states.has("skipped")).toBe(overlap !== "cancel_other");
      expect(states.has("cancelled")).toBe(overlap === "cancel_other");
    },
  );
});
