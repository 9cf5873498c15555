/** Tasks by chance, of every kind, for the scheduler and the oracle to agree about. */
import type { Chance } from "../../random.ts";
import type { NewTask } from "../../../packages/host/src/core/task.ts";
import type { Oracle, Plan } from "./oracle.ts";
import { createWall, MINUTE_MS } from "./wall.ts";

/** Their clocks change by an hour and by half an hour, at night and at midnight, north and south. */
export const ZONES = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Santiago",
] as const;
export type Zone = (typeof ZONES)[number];

/** When the clocks of a zone change, and by how much. */
export const CHANGES: readonly { readonly zone: Zone; readonly at: number; readonly by: string }[] = [
  { zone: "Europe/Berlin", at: Date.parse("2026-03-29T01:00Z"), by: "+1 h" },
  { zone: "Europe/Berlin", at: Date.parse("2026-10-25T01:00Z"), by: "−1 h" },
  { zone: "America/New_York", at: Date.parse("2026-03-08T07:00Z"), by: "+1 h" },
  { zone: "America/New_York", at: Date.parse("2026-11-01T06:00Z"), by: "−1 h" },
  { zone: "Australia/Lord_Howe", at: Date.parse("2026-04-04T15:00Z"), by: "−30 min" },
  { zone: "Australia/Lord_Howe", at: Date.parse("2026-10-03T15:30Z"), by: "+30 min" },
  { zone: "America/Santiago", at: Date.parse("2026-04-05T03:00Z"), by: "−1 h" },
  { zone: "America/Santiago", at: Date.parse("2026-09-06T04:00Z"), by: "+1 h" },
];

const MISFIRES = ["fire_once", "skip", "catch_up"] as const;
const OVERLAPS = ["skip", "queue_one", "queue_all", "cancel_other", "allow"] as const;

export interface PlanOptions {
  /** When the task is made. */
  readonly from: number;
  /** Until when it is watched. */
  readonly to: number;
  readonly zone: Zone;
  readonly oracle: Pick<Oracle, "instantOf">;
}

/** A task as it is asked for, and as the oracle sees it. */
export interface Asked {
  readonly ask: Pick<
    NewTask,
    "cron" | "every" | "at" | "timezone" | "misfire" | "overlap" | "until" | "maxRuns" | "context"
  >;
  readonly plan: Plan;
}

export function taskByChance(chance: Chance, options: PlanOptions): Asked {
  const { from, to, zone } = options;
  const misfire = pick(chance, MISFIRES);
  const endsAt = chance.happens(0.1) ? wholeSecond(chance.between(from, to)) : undefined;
  const maxRuns = chance.happens(0.1) ? whole(chance, 1, 20) : undefined;
  const when = whenByChance(chance, options);
  const limits = when.schedule.kind === "once" ? {} : { endsAt, maxRuns };
  return {
    ask: {
      ...when.ask,
      timezone: zone,
      misfire,
      overlap: pick(chance, OVERLAPS),
      context: chance.happens(0.5) ? "group" : "isolated",
      ...(limits.endsAt !== undefined && { until: new Date(limits.endsAt).toISOString() }),
      ...(limits.maxRuns !== undefined && { maxRuns: limits.maxRuns }),
    },
    plan: { schedule: when.schedule, timezone: zone, misfire, ...limits },
  };
}

/** Each policy for tasks of every minute, of every day, and of one time in each outage. @param outages their middles */
export function everyPolicy(outages: readonly number[]): Asked[] {
  return MISFIRES.flatMap((misfire) => {
    const timezone = "UTC";
    const common = { timezone, misfire };
    const overlap = "allow";
    return [
      ...["* * * * *", "0 12 * * *"].map((cron): Asked => ({
        ask: { ...common, cron, overlap },
        plan: { ...common, schedule: { kind: "cron", cron } },
      })),
      ...outages.map((at): Asked => ({
        ask: { ...common, at: new Date(at).toISOString(), overlap },
        plan: { ...common, schedule: { kind: "once", at } },
      })),
    ];
  });
}

/** Tasks that have so many times and no more: what counts a time twice ends them too early. */
export function counted(from: number): Asked[] {
  return Array.from({ length: 4 }, (_, number): Asked => {
    const everyMs = (7 + number) * MINUTE_MS;
    const common = { timezone: "UTC", misfire: pick({ next: () => number / 4 }, MISFIRES), maxRuns: 40 };
    return {
      ask: { ...common, every: everyMs, overlap: "allow" },
      plan: { ...common, schedule: { kind: "interval", everyMs, anchor: from } },
    };
  });
}

function whenByChance(
  chance: Chance,
  { from, to, zone, oracle }: PlanOptions,
): { ask: Pick<NewTask, "cron" | "every" | "at">; schedule: Plan["schedule"] } {
  if (chance.happens(0.08)) {
    const at = wholeSecond(chance.between(from + 1000, to));
    return { ask: { at: new Date(at).toISOString() }, schedule: { kind: "once", at } };
  }
  if (chance.happens(0.08)) {
    // A time on the wall, which the zone may skip or show twice.
    const changes = CHANGES.filter((one) => one.zone === zone && one.at > from && one.at < to);
    const near = changes[0]?.at ?? chance.between(from, to);
    const wall = createWall(zone).at(Math.floor(near / MINUTE_MS));
    const local = new Date((wall + whole(chance, -90, 90)) * MINUTE_MS).toISOString().slice(0, 16);
    return { ask: { at: local }, schedule: { kind: "once", at: oracle.instantOf(local, zone) } };
  }
  if (chance.happens(0.2)) {
    const everyMs =
      pick(chance, [7, 10, 45, 60, 90, 300, 1_440, 1_500]) * MINUTE_MS + whole(chance, 0, 59) * 1000;
    return { ask: { every: everyMs }, schedule: { kind: "interval", everyMs, anchor: from } };
  }
  const cron = cronByChance(chance);
  return { ask: { cron }, schedule: { kind: "cron", cron } };
}

const wholeSecond = (time: number) => Math.round(time / 1000) * 1000;

/** Mostly around the hours at which clocks change. */
function cronByChance(chance: Chance): string {
  const minute = pick(chance, ["0", "15", "30", "0,30", "*/15", "5-50/15", String(whole(chance, 0, 59))]);
  const night = whole(chance, 0, 3);
  const hour = pick(chance, [
    "*",
    "*/2",
    "?",
    "23",
    "0",
    "1",
    "2",
    "3",
    "0,2",
    "1-3",
    "0-23/3",
    "22,23,0,1",
    String(whole(chance, 0, 23)),
    `${night}-${whole(chance, night, 23)}`,
  ]);
  const day = chance.happens(0.15) ? pick(chance, ["1", "4-6", "8,25,29", "1-15/2"]) : "*";
  const month = chance.happens(0.1) ? pick(chance, ["3-11", "*/2", "3,4,9,10,11"]) : "*";
  const weekday = chance.happens(0.2) ? pick(chance, ["0", "7", "6,0", "1-5", "0-6/2"]) : "*";
  if (chance.happens(0.15)) {
    // By the second, but no more often than a few times an hour.
    const seconds = pick(chance, ["30", "0,20,40", "*/30", "59"]);
    return `${seconds} ${whole(chance, 0, 59)} ${hour} ${day} ${month} ${weekday}`;
  }
  // Every minute of a few hours, in both passes of one that comes twice.
  if (chance.happens(0.1)) return `* ${pick(chance, ["1", "2", "0-2", "23,0"])} ${day} ${month} ${weekday}`;
  return `${minute} ${hour} ${day} ${month} ${weekday}`;
}

function pick<T>(chance: Pick<Chance, "next">, from: readonly [T, ...T[]]): T {
  return from[Math.floor(chance.next() * from.length)] ?? from[0];
}

function whole(chance: Chance, least: number, most: number): number {
  return least + Math.floor(chance.next() * (most - least + 1));
}
