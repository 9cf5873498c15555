/** A scheduler over the store in memory, with a wall clock that can be set. */
import { onTestFinished } from "vitest";
import type { ChatId } from "../../core/ids.ts";
import { type FakeClock, fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { house, ZONE_DATA } from "../../store/__tests__/house.ts";
import type { GivesWay, Woken } from "../../store/fire.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { createScheduler, type SchedulerParts } from "../scheduler.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export interface WallClock extends FakeClock {
  /** Moves the wall clock alone: somebody has set it. */
  set(byMs: number): void;
  /** Timers that have neither run nor been cancelled. */
  readonly armed: number;
}

export function wallClock(): WallClock {
  const even = fakeClock();
  const armed = new Set<object>();
  let apart = 0;
  return {
    ...even,
    now: () => even.now() + apart,
    after(ms, callback) {
      const timer = {};
      armed.add(timer);
      const cancel = even.after(ms, () => {
        armed.delete(timer);
        callback();
      });
      return () => {
        armed.delete(timer);
        cancel();
      };
    },
    set(byMs) {
      apart += byMs;
    },
    get armed() {
      return armed.size;
    },
  };
}

export type Scheduled = Awaited<ReturnType<typeof scheduled>>;

export async function scheduled({ zoneData = ZONE_DATA, ...parts }: Partial<SchedulerParts> = {}) {
  const clock = wallClock();
  const store = await house({ clock, zoneData });
  const woken: Woken[] = [];
  const gaveWay: GivesWay[] = [];
  const told: string[] = [];
  const owed: ChatId[] = [];
  /** What the scheduler has asked its tasks, and whether they answer. */
  const asked = { queries: 0, recovered: 0, fails: undefined as Error | undefined };

  function counted<A extends unknown[], R>(ask: (...args: A) => Promise<R>) {
    return async (...args: A): Promise<R> => {
      asked.queries += 1;
      if (asked.fails) throw asked.fails;
      return await ask(...args);
    };
  }

  const { firstDue, due, read, misplanned, replan } = store.tasks;
  const scheduler = createScheduler({
    tasks: {
      firstDue: counted(firstDue),
      due: counted(due),
      read: counted(read),
      misplanned: counted(misplanned),
      replan: counted(replan),
    },
    fire: store.fire,
    recover: () => void (asked.recovered += 1),
    wake: (one) => void woken.push(one),
    giveWay: (one) => void gaveWay.push(one),
    deliver: (chat) => void owed.push(chat),
    notices: { tell: async (_key, text) => void told.push(text) },
    groupExists: () => true,
    paused: () => false,
    zoneData,
    clock,
    random: () => 0.5,
    log: silentLog,
    ...parts,
  });
  onTestFinished(scheduler.close);

  return {
    ...store,
    clock,
    scheduler,
    asked,
    woken,
    gaveWay,
    /** What the owner was told. */
    told,
    /** Chats for which there was something to deliver. */
    delivered: owed,

    async started(): Promise<void> {
      await scheduler.start();
      await settled();
    },

    async advance(ms: number): Promise<void> {
      clock.advance(ms);
      await settled();
    },
  };
}
