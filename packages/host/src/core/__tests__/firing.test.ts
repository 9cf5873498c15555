import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Due, type Firing, GRACE_MS, nextOf, planFiring, WINDOW_MS } from "../firing.ts";
import { nextAfter, type Timetable } from "../schedule.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const utc = (text: string) => Date.parse(`${text}Z`);
const written = (at: number) => new Date(at).toISOString().replace(/(:00)?\.000Z$/, "");

const cron = (text: string): Timetable => ({
  schedule: { kind: "cron", cron: text },
  timezone: "Europe/Berlin",
});
const hourly = cron("0 * * * *");
const daily = cron("0 7 * * *");
const everyTenSeconds: Timetable = {
  schedule: { kind: "interval", everyMs: 10 * SECOND, anchor: utc("2026-11-01T00:00") },
  timezone: "Europe/Berlin",
};
const once: Timetable = {
  schedule: { kind: "once", at: utc("2026-11-18T06:00") },
  timezone: "Europe/Berlin",
};

interface Given extends Partial<Omit<Due, "nextAt" | "dueAt">> {
  readonly timetable: Timetable;
  readonly nextAt: string;
  readonly jitter?: number;
  readonly now: string;
}

function fired({ timetable, nextAt, jitter = 0, now, ...rest }: Given) {
  const at = utc(nextAt);
  const due: Due = {
    ...timetable,
    misfire: "fire_once",
    endsAt: null,
    maxRuns: null,
    fired: 0,
    ...rest,
    nextAt: at,
    dueAt: at + jitter,
  };
  return told(planFiring(due, utc(now)));
}

/** The same in times that can be read: `at` with the number that was missed behind it. */
function told({ runs, missed, times, next, catchUp }: Firing) {
  return {
    runs: runs.map(({ scheduledFor, missed }) =>
      missed ? `${written(scheduledFor)} +${missed}` : written(scheduledFor),
    ),
    missed: missed && `${missed.count} to ${written(missed.scheduledFor)}`,
    times,
    next: next && written(next),
    ...(catchUp && { catchUp }),
  };
}

describe("a time that is on time", () => {
  it.each(["2026-11-18T06:00", "2026-11-18T06:01"])("runs, up to a minute after it was due: %s", (now) => {
    expect(fired({ timetable: daily, nextAt: "2026-11-18T06:00", now })).toEqual({
      runs: ["2026-11-18T06:00"],
      missed: undefined,
      times: 1,
      next: "2026-11-19T06:00",
    });
  });

  it("counts from when it was due with its jitter", () => {
    const jitter = 10 * MINUTE;

    expect(
      fired({ timetable: daily, nextAt: "2026-11-18T06:00", jitter, now: "2026-11-18T06:11" }),
    ).toMatchObject({
      runs: ["2026-11-18T06:00"],
      times: 1,
    });
  });

  it("leaves those that came after it to the next look", () => {
    expect(
      fired({ timetable: everyTenSeconds, nextAt: "2026-11-18T06:00", now: "2026-11-18T06:00:45" }),
    ).toEqual({
      runs: ["2026-11-18T06:00"],
      missed: undefined,
      times: 1,
      next: "2026-11-18T06:00:10",
    });
  });

  it("is the last where its end or its count says so", () => {
    const given = { timetable: daily, nextAt: "2026-11-18T06:00", now: "2026-11-18T06:00" };

    expect(fired({ ...given, maxRuns: 3, fired: 2 }).next).toBeUndefined();
    expect(fired({ ...given, maxRuns: 3, fired: 1 }).next).toBe("2026-11-19T06:00");
    expect(fired({ ...given, endsAt: utc("2026-11-19T05:59") }).next).toBeUndefined();
    expect(fired({ ...given, endsAt: utc("2026-11-19T06:00") }).next).toBe("2026-11-19T06:00");
    expect(fired({ ...given, timetable: once }).next).toBeUndefined();
  });
});

describe("fire_once", () => {
  it("makes one run for the latest of those that are old, and tells it of the others", () => {
    expect(fired({ timetable: hourly, nextAt: "2026-11-18T06:00", now: "2026-11-18T11:30" })).toEqual({
      runs: ["2026-11-18T11:00 +5"],
      missed: undefined,
      times: 6,
      next: "2026-11-18T12:00",
    });
  });

  it("tells the first that is on time of the old ones, and makes no further run", () => {
    expect(fired({ timetable: hourly, nextAt: "2026-11-18T06:00", now: "2026-11-18T11:00:30" })).toEqual({
      runs: ["2026-11-18T11:00 +5"],
      missed: undefined,
      times: 6,
      next: "2026-11-18T12:00",
    });
  });

  it("lets all run that are on time", () => {
    const given = { timetable: everyTenSeconds, nextAt: "2026-11-18T06:00", now: "2026-11-18T06:01:25" };

    expect(fired(given)).toEqual({
      runs: [
        "2026-11-18T06:00:30 +3",
        "2026-11-18T06:00:40",
        "2026-11-18T06:00:50",
        "2026-11-18T06:01",
        "2026-11-18T06:01:10",
        "2026-11-18T06:01:20",
      ],
      missed: undefined,
      times: 9,
      next: "2026-11-18T06:01:30",
    });
  });

  it("makes up for what is a day old, and for nothing that is older", () => {
    expect(fired({ timetable: once, nextAt: "2026-11-18T06:00", now: "2026-11-19T06:00" })).toEqual({
      runs: ["2026-11-18T06:00"],
      missed: undefined,
      times: 1,
      next: undefined,
    });
    expect(fired({ timetable: once, nextAt: "2026-11-18T06:00", now: "2026-11-19T06:00:01" })).toEqual({
      runs: [],
      missed: "1 to 2026-11-18T06:00",
      times: 1,
      next: undefined,
    });
  });

  it("counts the day from when it was due with its jitter", () => {
    const given = { timetable: once, nextAt: "2026-11-18T06:00", now: "2026-11-19T06:30" };

    expect(fired({ ...given, jitter: HOUR }).runs).toEqual(["2026-11-18T06:00"]);
  });

  it("tells of all in one record where none is within a day", () => {
    expect(
      fired({ timetable: cron("0 7 1 * *"), nextAt: "2026-08-01T05:00", now: "2026-11-18T11:00" }),
    ).toEqual({
      runs: [],
      missed: "4 to 2026-11-01T06:00",
      times: 4,
      next: "2026-12-01T06:00",
    });
  });
});

describe("skip", () => {
  it("runs none that is old, and tells of all in one record", () => {
    expect(
      fired({ timetable: hourly, misfire: "skip", nextAt: "2026-11-18T06:00", now: "2026-11-18T11:30" }),
    ).toEqual({ runs: [], missed: "6 to 2026-11-18T11:00", times: 6, next: "2026-11-18T12:00" });
  });

  it("lets run what is on time", () => {
    expect(
      fired({ timetable: hourly, misfire: "skip", nextAt: "2026-11-18T06:00", now: "2026-11-18T11:01" }),
    ).toEqual({
      runs: ["2026-11-18T11:00"],
      missed: "5 to 2026-11-18T10:00",
      times: 6,
      next: "2026-11-18T12:00",
    });
  });
});

describe("catch_up", () => {
  it("runs those that are old one by one", () => {
    expect(
      fired({ timetable: hourly, misfire: "catch_up", nextAt: "2026-11-18T09:00", now: "2026-11-18T11:30" }),
    ).toEqual({
      runs: ["2026-11-18T09:00", "2026-11-18T10:00", "2026-11-18T11:00"],
      missed: undefined,
      times: 3,
      next: "2026-11-18T12:00",
      catchUp: true,
    });
  });

  it("runs the last ten, tells the first of them of the rest, and lets run what is on time", () => {
    const { runs, ...rest } = fired({
      timetable: hourly,
      misfire: "catch_up",
      nextAt: "2026-10-09T09:00",
      now: "2026-11-18T11:00",
    });

    expect(runs).toHaveLength(11);
    expect(runs[0]).toBe("2026-11-18T01:00 +952");
    expect(runs.slice(-2)).toEqual(["2026-11-18T10:00", "2026-11-18T11:00"]);
    expect(rest).toEqual({ missed: undefined, times: 963, next: "2026-11-18T12:00", catchUp: true });
  });

  it("takes none that is more than a day old", () => {
    const given = { timetable: cron("0 */8 * * *"), misfire: "catch_up" } as const;

    expect(fired({ ...given, nextAt: "2026-11-10T07:00", now: "2026-11-18T11:00" })).toMatchObject({
      runs: ["2026-11-17T15:00 +22", "2026-11-17T23:00", "2026-11-18T07:00"],
      times: 25,
    });
    expect(
      fired({ ...given, timetable: cron("0 7 1 * *"), nextAt: "2026-08-01T05:00", now: "2026-11-18T11:00" }),
    ).toEqual({ runs: [], missed: "4 to 2026-11-01T06:00", times: 4, next: "2026-12-01T06:00" });
  });
});

describe("an end and a count", () => {
  const given = { timetable: hourly, nextAt: "2026-11-18T06:00", now: "2026-11-18T11:30" };

  it("leave no time after them, on time or old", () => {
    expect(fired({ ...given, endsAt: utc("2026-11-18T09:00") })).toEqual({
      runs: ["2026-11-18T09:00 +3"],
      missed: undefined,
      times: 4,
      next: undefined,
    });
    expect(fired({ ...given, maxRuns: 5, fired: 3 })).toEqual({
      runs: ["2026-11-18T07:00 +1"],
      missed: undefined,
      times: 2,
      next: undefined,
    });
    expect(fired({ ...given, now: "2026-11-18T11:00:30", maxRuns: 6 })).toMatchObject({
      runs: ["2026-11-18T11:00 +5"],
      times: 6,
      next: undefined,
    });
  });
});

describe("the next time of a task", () => {
  it("is within its end and its count", () => {
    const task = { ...daily, endsAt: utc("2026-11-20T06:00"), maxRuns: 5, fired: 4 };

    expect(nextOf(task, utc("2026-11-19T06:00"))).toBe(utc("2026-11-20T06:00"));
    expect(nextOf(task, utc("2026-11-20T06:00"))).toBeUndefined();
    expect(nextOf({ ...task, fired: 5 }, utc("2026-11-19T06:00"))).toBeUndefined();
  });
});

const start = utc("2026-10-20T00:00");
const timetable = fc.oneof(
  fc
    .constantFrom(
      "0 * * * *",
      "*/5 * * * *",
      "30 2 * * *",
      "0 7 * * 1-5",
      "15,45 */6 * * *",
      "*/20 * * * * *",
    )
    .map(cron),
  fc
    .tuple(fc.constantFrom(10 * SECOND, 90 * SECOND, HOUR, 30 * HOUR), fc.nat(DAY))
    .map(([everyMs, anchor]): Timetable => ({
      schedule: { kind: "interval", everyMs, anchor: start - anchor },
      timezone: "Europe/Berlin",
    })),
);
const outage = fc.oneof(fc.nat(3 * MINUTE), fc.nat(3 * HOUR), fc.nat(3 * DAY));

/** Every time of the task from the due one to now, by asking for one after the other. */
function arrived(due: Due, now: number): number[] {
  const end = Math.min(now, due.endsAt ?? Infinity);
  const most = due.maxRuns === null ? Infinity : due.maxRuns - due.fired;
  const times = [due.nextAt];
  for (let at = nextAfter(due, due.nextAt); at !== undefined && at <= end && times.length < most;) {
    times.push(at);
    at = nextAfter(due, at);
  }
  return times;
}

describe("any firing", () => {
  const due = fc
    .record({
      timetable,
      misfire: fc.constantFrom("fire_once", "skip", "catch_up"),
      from: fc.nat(6 * DAY),
      outage,
      left: fc.option(fc.integer({ min: 1, max: 30 })),
      ends: fc.option(fc.nat(2 * DAY)),
      jitter: fc.constantFrom(0, 0, 30 * SECOND, 2 * HOUR),
    })
    .map(({ timetable, misfire, from, outage, left, ends, jitter }) => {
      const nextAt = nextAfter(timetable, start + from) ?? start;
      const due: Due = {
        ...timetable,
        misfire,
        nextAt,
        dueAt: nextAt + jitter,
        fired: 7,
        maxRuns: left === null ? null : 7 + left,
        endsAt: ends === null ? null : nextAt + ends,
      };
      return { due, now: due.dueAt + outage };
    });

  it("deals with each time that has come exactly once, and goes on behind them", () => {
    fc.assert(
      fc.property(due, ({ due, now }) => {
        const firing = planFiring(due, now);
        const late = now - due.dueAt > GRACE_MS;
        const times = late ? arrived(due, now) : [due.nextAt];

        const told = firing.runs.reduce((sum, { missed }) => sum + 1 + missed, firing.missed?.count ?? 0);
        expect(firing.times).toBe(times.length);
        expect(told).toBe(times.length);
        expect(firing.next).toBe(
          nextOf({ ...due, fired: due.fired + times.length }, late ? now : due.nextAt),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it("runs times of the schedule, in order, none twice, and every one that is on time", () => {
    fc.assert(
      fc.property(due, ({ due, now }) => {
        fc.pre(now - due.dueAt > GRACE_MS);
        const { runs, missed, catchUp } = planFiring(due, now);
        const times = arrived(due, now);
        const ran = runs.map(({ scheduledFor }) => scheduledFor);

        expect(ran).toEqual(times.filter((at) => ran.includes(at)));
        const current = times.filter((at) => at > due.nextAt && now - at <= GRACE_MS);
        expect(ran.slice(ran.length - current.length)).toEqual(current);
        const old = ran.slice(0, ran.length - current.length);
        expect(old.length).toBeLessThanOrEqual({ fire_once: 1, skip: 0, catch_up: 10 }[due.misfire]);
        expect(old.filter((at) => now - (at === due.nextAt ? due.dueAt : at) > WINDOW_MS)).toEqual([]);
        expect(catchUp).toBe(due.misfire === "catch_up" && old.length > 0);
        expect(ran).not.toContain(missed?.scheduledFor);
      }),
      { numRuns: 1_000 },
    );
  });
});
