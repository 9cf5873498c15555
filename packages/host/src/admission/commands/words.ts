/** How commands speak of times and numbers. */
import { localTimes } from "../../core/prompt.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time, in its largest unit that is not less than two. */
export function duration(ms: number): string {
  if (ms < 2 * MINUTE) return `${Math.max(0, Math.round(ms / SECOND))} s`;
  if (ms < 2 * HOUR) return `${Math.round(ms / MINUTE)} min`;
  return ms < 2 * DAY ? `${Math.round(ms / HOUR)} h` : `${Math.round(ms / DAY)} days`;
}

export function counted(number: number, one: string, many: string = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** The beginning of a text, on one line. */
export function excerpt(text: string): string {
  const line = text.slice(0, 400).replaceAll(/\s+/g, " ").trim();
  return line.length <= 80 ? line : `${line.slice(0, 79).toWellFormed()}…`;
}

/** A time that comes, where those live who read it, and how long it is until then. */
export function coming(at: number, timezone: string, now: number): string {
  return at <= now ? "due now" : `${localTimes(timezone)(at)}, in ${duration(at - now)}`;
}
