/**
 * What people, and models, write for a time or a duration, and how a duration is told to them.
 *
 * What is not understood, or is no date, is refused with the ways in which it can be written; nothing is
 * guessed, and nothing is rolled over. Local times are those of the given zone: one that its clocks skip
 * means the first instant after, one that comes twice the first (G20). What was understood lies in the
 * future, always.
 */
import { RejectedError } from "@bellhop/sdk";
import { localTimes } from "./prompt.ts";
import { instantOf, spanAt } from "./zone.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LONGEST_MS = 3_652 * DAY_MS;

const UNITS: readonly { readonly ms: number; readonly name: RegExp }[] = [
  { ms: 7 * DAY_MS, name: /^(?:w|weeks?)$/ },
  { ms: DAY_MS, name: /^(?:d|days?)$/ },
  { ms: HOUR_MS, name: /^(?:h|hrs?|hours?)$/ },
  { ms: MINUTE_MS, name: /^(?:m|mins?|minutes?)$/ },
  { ms: SECOND_MS, name: /^(?:s|secs?|seconds?)$/ },
  { ms: 1, name: /^(?:ms|milliseconds?)$/ },
];
const PART = /(\d+(?:\.\d+)?) ?([a-z]+)/;
const DURATION = new RegExp(`^${PART.source}(?:(?: |, ?| and )?${PART.source})*$`);

/**
 * Milliseconds of `90m`, `1h 30m`, `2 days`; a number is milliseconds.
 * @throws RejectedError
 */
export function parseDuration(value: string | number): number {
  const ms = typeof value === "number" ? value : durationOf(normal(value));
  if (ms === undefined || !Number.isInteger(ms))
    throw new RejectedError(
      `${JSON.stringify(value)} is no duration. Write it with its unit, the longest unit first, as in 45s, 90m, 1h30m, 2 days or 1w.`,
    );
  if (ms <= 0 || ms > LONGEST_MS)
    throw new RejectedError(
      `${JSON.stringify(value)} is too ${ms <= 0 ? "short" : "long"}: a duration is more than nothing and at most ten years, as in 45s, 90m or 2d.`,
    );
  return ms;
}

function durationOf(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let [sum, last] = [0, Infinity];
  for (const [, count, name = ""] of text.matchAll(new RegExp(PART, "g"))) {
    const unit = UNITS.find((unit) => unit.name.test(name))?.ms;
    if (unit === undefined || unit >= last) return undefined;
    last = unit;
    sum += inUnit(Number(count), unit);
  }
  return sum;
}

/** `0.1h` is 6 minutes, although 0.1 × 3,600,000 need not be whole; half a millisecond stays what it is. */
function inUnit(count: number, unit: number): number {
  const ms = count * unit;
  return Math.abs(ms - Math.round(ms)) < 1e-6 ? Math.round(ms) : ms;
}

/** `1 h 30 min`; exactly, and no more than is needed. */
export function durationInWords(ms: number): string {
  const units = [
    { ms: DAY_MS, name: "d" },
    { ms: HOUR_MS, name: "h" },
    { ms: MINUTE_MS, name: "min" },
    { ms: SECOND_MS, name: "s" },
    { ms: 1, name: "ms" },
  ];
  let rest = Math.round(ms);
  const parts = units.flatMap((unit) => {
    const count = Math.floor(rest / unit.ms);
    rest -= count * unit.ms;
    return count > 0 ? [`${count} ${unit.name}`] : [];
  });
  return parts.join(" ") || "0 s";
}

interface Here {
  readonly now: number;
  readonly timezone: string;
}

const CLOCK = String.raw`(?<hour>\d{1,2})(?::(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))?)?)?`;
const TIME = new RegExp(
  String.raw`^(?:(?<day>[a-z ]+?|\d{4}-\d\d-\d\d)(?: at | |t))??(?:at )?${CLOCK}(?: ?(?<half>[ap]m))?(?: ?(?<offset>z|[+-]\d\d:?\d\d))?$`,
);
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/**
 * The instant of `2026-12-24T18:00`, the same with an offset, `17:00`, `5:30 pm`, `tomorrow 9:00`,
 * `next friday at 17:00`, `+90s`, `in 10 minutes`.
 * @throws RejectedError also for what is not in the future
 */
export function parseInstant(text: string, here: Here): number {
  const words = normal(text);
  const [, duration] = /^(?:\+ ?|in )(.+)$/.exec(words) ?? [];
  const at = duration === undefined ? timeOf(words, here) : here.now + parseDuration(duration);
  if (at === undefined) throw new RejectedError(unreadable(text, words, here));
  if (at > here.now) return at;
  throw new RejectedError(
    `${JSON.stringify(text)} is ${localTimes(here.timezone)(at)} (${here.timezone}), and that is not in the future. Give a later time.`,
  );
}

function timeOf(words: string, here: Here): number | undefined {
  const { day, offset, ...clock } = TIME.exec(words)?.groups ?? {};
  const time = clockOf(clock);
  if (time === undefined) return undefined;
  if (offset === undefined) return localTime(day, time, here);
  const [date, ahead] = [day === undefined ? undefined : dateOf(day), offsetOf(offset)];
  return date === undefined || ahead === undefined ? undefined : date + time - ahead;
}

function localTime(day: string | undefined, time: number, { now, timezone }: Here): number | undefined {
  const today = Math.floor((now + spanAt(timezone, now).offset) / DAY_MS) * DAY_MS;
  const inDays = (days: number) => instantOf(timezone, today + days * DAY_MS + time);
  const todayOr = (days: number) => (inDays(0) > now ? inDays(0) : inDays(days));
  if (day === undefined) return todayOr(1);
  if (day === "today") return inDays(0);
  if (day === "tomorrow") return inDays(1);
  const date = dateOf(day);
  if (date !== undefined) return instantOf(timezone, date + time);
  const weekday = weekdayOf(day);
  if (weekday === undefined) return undefined;
  const ahead = (weekday - new Date(today).getUTCDay() + 7) % 7;
  if (ahead > 0) return inDays(ahead);
  return day.startsWith("next ") ? inDays(7) : todayOr(7);
}

/** From 0, Sunday, on. Three letters are enough: `fri`, `thurs`. */
function weekdayOf(day: string): number | undefined {
  const [, name] = /^(?:next )?([a-z]{3,})$/.exec(day) ?? [];
  const weekday = name === undefined ? -1 : WEEKDAYS.findIndex((weekday) => weekday.startsWith(name));
  return weekday < 0 ? undefined : weekday;
}

/** Midnight of a date, as if it were UTC; undefined for what is written as no date. */
function dateOf(day: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const date = Date.parse(day);
  // Date.parse refuses a day 32, and takes 31 February for 3 March.
  if (!Number.isNaN(date) && new Date(date).toISOString().startsWith(day)) return date;
  throw new RejectedError(`There is no day ${day}. Write year, month and day as in 2026-12-24.`);
}

/** Milliseconds since midnight; undefined for what no clock shows. */
function clockOf({ hour, minute, second, fraction, half }: Clock): number | undefined {
  if (hour === undefined || (minute === undefined && half === undefined)) return undefined;
  const hours = half === undefined ? Number(hour) : hourOf(Number(hour), half);
  const [minutes, seconds] = [Number(minute ?? 0), Number(second ?? 0)];
  if (hours === undefined || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const ms = Math.floor(Number(`0.${fraction ?? 0}`) * SECOND_MS);
  return hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + ms;
}

type Clock = Readonly<Partial<Record<string, string>>>;

function hourOf(hour: number, half: string): number | undefined {
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (half === "pm" ? 12 : 0);
}

function offsetOf(text: string): number | undefined {
  const [, sign, hours = 0, minutes = 0] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  if (Number(hours) > 14 || Number(minutes) > 59) return undefined;
  const offset = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS;
  return sign === "-" ? -offset : offset;
}

function unreadable(text: string, words: string, here: Here): string {
  const said = JSON.stringify(text);
  if (timeOf(`${words} 0:00`, here) !== undefined)
    return `${said} is a day without a time. Say when on that day, as in "${words} 9:00".`;
  return `${said} is no time that can be read. Write it like one of these: 2026-12-24T18:00 (in ${here.timezone}), 2026-12-24T18:00+01:00, 17:00, 5:30 pm, today 17:00, tomorrow 9:00, friday 17:00, next friday at 17:00, +90s, in 10 minutes.`;
}

function normal(text: string): string {
  return text.trim().toLowerCase().replaceAll(/\s+/g, " ");
}
