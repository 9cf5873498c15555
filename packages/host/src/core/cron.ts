/**
 * What a cron expression means, by clocks that never change: which days, and which times of such a day.
 * Local times are ms that are read as if they were UTC; what a zone makes of them is schedule.ts's part.
 *
 * - Five fields (minute, hour, day of the month, month, weekday), or six with the second first, or a word
 *   such as @daily. If both day of month and weekday are restricted, either may match.
 * - Only what comes at some time is an expression, and what is refused is refused with the field at fault.
 *
 * croner reads the fields and finds the days. The times of a day are the same on each of its days, so they
 * are looked up and counted here, without asking for one after the other.
 */
import { RejectedError } from "@bellhop/sdk";
import { Cron, CronPattern } from "croner";
import { memo } from "./memo.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What a cron expression means, in local times: ms that are read as if they were UTC. */
export interface Pattern {
  /** It follows the clock's hand; otherwise it means points of the day. */
  readonly wildcardHour: boolean;
  /** Its hours, in ms since midnight, and its times in each of them, in ms since the hour; both ascend. */
  readonly hours: readonly number[];
  readonly inHour: readonly number[];
  /** The first of its days from that day on, both as midnight; Infinity: there is none. */
  readonly dayFrom: (day: number) => number;
}

/** Most are smaller than 1 KB; one that names every second has 30. */
const MOST_PATTERNS = 1_000;
/** Expressions have many times, but few sets of days. One is 80 KB: croner lists ten thousand years. */
const MOST_DAYS = 50;
/** As many as a look back over forty days asks for, with some to spare. */
const MOST_ANSWERS = 100;

export const patternOf = memo<string, Pattern>(MOST_PATTERNS, (cron) => {
  const [second, minute, hour = "", ...days] = fieldsOf(cron);
  const { hours, minutes, seconds } = timesOf(`${second} ${minute} ${hour} ${days.join(" ")}`);
  return {
    wildcardHour: /^[*?]/.test(hour),
    hours: hours.map((hour) => hour * HOUR_MS),
    inHour: minutes.flatMap((minute) => seconds.map((second) => minute * MINUTE_MS + second * SECOND_MS)),
    dayFrom: dayFinder(days.join(" ")),
  };
});

function timesOf(fields: string) {
  const { hour, minute, second } = new CronPattern(fields, undefined, { mode: "6-part" });
  return { hours: indexesOf(hour), minutes: indexesOf(minute), seconds: indexesOf(second) };
}

/** croner keeps a field as an array with 1 at each of its numbers. */
function indexesOf(marks: readonly number[]): readonly number[] {
  return marks.flatMap((mark, index) => (mark ? [index] : []));
}

const dayFinder = memo<string, (day: number) => number>(MOST_DAYS, (fields) => {
  const cron = new Cron(`0 0 0 ${fields}`, { mode: "6-part", utcOffset: 0 });
  return memo<number, number>(
    MOST_ANSWERS,
    (day) => cron.nextRun(new Date(day - SECOND_MS))?.getTime() ?? Infinity,
  );
});

/** Its first local time from `local` on; Infinity: there is none. */
export function matchFrom(pattern: Pattern, local: number): number {
  const today = midnight(local);
  const day = pattern.dayFrom(today);
  if (day > today) return day + timeOfDay(pattern, 0);
  const passed = timesBefore(pattern, local - today);
  return passed < timesPerDay(pattern)
    ? today + timeOfDay(pattern, passed)
    : pattern.dayFrom(today + DAY_MS) + timeOfDay(pattern, 0);
}

/** How many local times it has from `from` up to, and without, `to`. */
export function matchesBetween(pattern: Pattern, from: number, to: number): number {
  if (from >= to) return 0; // all of it came before, in the first pass of a repeated hour
  let count = 0;
  for (let day = pattern.dayFrom(midnight(from)); day < to; day = pattern.dayFrom(day + DAY_MS))
    count += timesBefore(pattern, Math.min(to - day, DAY_MS)) - timesBefore(pattern, Math.max(from - day, 0));
  return count;
}

function midnight(local: number): number {
  return Math.floor(local / DAY_MS) * DAY_MS;
}

function timesPerDay({ hours, inHour }: Pattern): number {
  return hours.length * inHour.length;
}

/** How many of its times of a day come before that one, in ms since midnight. */
function timesBefore({ hours, inHour }: Pattern, time: number): number {
  const passed = below(hours, time + 1);
  const hour = hours[passed - 1];
  return hour === undefined ? 0 : (passed - 1) * inHour.length + below(inHour, time - hour);
}

/** Its nth time of a day, from 0 on. */
function timeOfDay({ hours, inHour }: Pattern, n: number): number {
  const [hour = 0, rest = 0] = [hours[Math.floor(n / inHour.length)], inHour[n % inHour.length]];
  return hour + rest;
}

/** How many of the numbers, which ascend, are below `limit`. */
function below(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? Infinity) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

const EXAMPLE = `For example, "30 7 * * 1-5" is 7:30 from Monday to Friday.`;
const MARKS = "also as a list (1,5), a range from low to high (1-5) or a step (*/5)";
const FIELDS = [
  { name: "second", values: "0 to 59 or *" },
  { name: "minute", values: "0 to 59 or *" },
  { name: "hour", values: "0 to 23 or *" },
  { name: "day of the month", values: "1 to 31, *, L (the last) or 15W (the working day nearest to it)" },
  { name: "month", values: "1 to 12, JAN to DEC or *" },
  {
    name: "weekday",
    values: "0 to 7 (Sunday is 0 and 7), SUN to SAT, *, 1#2 (the second Monday) or 5L (the last Friday)",
  },
];

/**
 * Gives what is stored of it.
 * @throws RejectedError that says which part of it is wrong, and what is right
 */
export function parseCron(text: string): string {
  const cron = text.trim().split(/\s+/).join(" ");
  const word = cron.toLowerCase();
  if (WORDS.has(word)) return word;
  if (word.startsWith("@")) throw new RejectedError(unknownWord(cron));
  const fields = fieldsOf(cron);
  if (fields.length !== FIELDS.length) throw new RejectedError(wrongLength(cron));
  try {
    timesOf(fields.join(" "));
  } catch (cause) {
    throw new RejectedError(wrongField(cron, fields), { cause });
  }
  if (patternOf(cron).dayFrom(0) === Infinity)
    throw new RejectedError(`${quoted(cron)} never comes: there is no such day in its months. ${EXAMPLE}`);
  return cron;
}

/** Seconds first. Five fields mean the second 0. */
function fieldsOf(cron: string): string[] {
  const fields = (WORDS.get(cron) ?? cron).split(" ");
  return fields.length === FIELDS.length - 1 ? ["0", ...fields] : fields;
}

function unknownWord(cron: string): string {
  const why =
    cron.toLowerCase() === "@reboot" ? "names no time, and a task runs at set times" : "is not known";
  return `${quoted(cron)} ${why}. The words are ${[...WORDS.keys()].join(", ")}. ${EXAMPLE}`;
}

function wrongLength(cron: string): string {
  const count = cron === "" ? 0 : cron.split(" ").length;
  const fields = count === 1 ? "1 field" : `${count} fields`;
  return `${quoted(cron)} has ${fields}; cron has five (minute, hour, day of the month, month, weekday), or six with the second first. ${EXAMPLE}`;
}

function wrongField(cron: string, fields: readonly string[]): string {
  const [wrong] = FIELDS.flatMap(({ name, values }, index) => {
    const field = fields[index] ?? "";
    return isField(field, index) ? [] : [`the ${name} is ${quoted(field)}, and may be ${values}, ${MARKS}`];
  });
  return `${quoted(cron)} is no cron expression: ${wrong ?? "its fields do not go together"}. ${EXAMPLE}`;
}

function isField(field: string, index: number): boolean {
  try {
    timesOf(FIELDS.map((_, other) => (other === index ? field : "*")).join(" "));
    return true;
  } catch {
    return false; // croner says it by throwing, and its words count days and months from 0
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
