/**
 * The oracle's own reader of cron expressions: numbers, `*`, `?`, lists, ranges and steps in five or six
 * fields. Anything else it refuses, rather than guess. It is kept apart from the library that the
 * scheduler uses, so that they can be wrong only each by itself.
 */
export interface Pattern {
  /** Of each minute that matches. */
  readonly seconds: readonly number[];
  /** Its hours are not fixed: it follows the clock on the wall through both passes of an hour (G20). */
  readonly wildcardHour: boolean;
  /** @param wall a minute on the wall, counted since 1970 */
  matches(wall: number): boolean;
}

const DAY_MINUTES = 24 * 60;

export function readPattern(expression: string): Pattern {
  const fields = expression.trim().split(/\s+/);
  const [second, minute, hour, day, month, weekday] = fields.length === 5 ? ["0", ...fields] : fields;
  if (
    fields.length > 6 ||
    second === undefined ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  )
    throw new TypeError(`${expression} has ${fields.length} fields, not five or six`);

  const minutes = valuesOf(minute, 0, 59);
  const hours = valuesOf(hour, 0, 23);
  const matchesDay = dayMatcher({ day, month, weekday });
  return {
    seconds: [...valuesOf(second, 0, 59)].toSorted((a, b) => a - b),
    wildcardHour: /^[*?]/.test(hour),
    matches(wall) {
      const ofDay = wall % DAY_MINUTES;
      return (
        minutes.has(ofDay % 60) &&
        hours.has(Math.floor(ofDay / 60)) &&
        matchesDay(Math.floor(wall / DAY_MINUTES))
      );
    },
  };
}

/** If both day of month and weekday are restricted, either may match. */
function dayMatcher(fields: { day: string; month: string; weekday: string }): (day: number) => boolean {
  const days = valuesOf(fields.day, 1, 31);
  const months = valuesOf(fields.month, 1, 12);
  // Sunday is 0 and 7.
  const weekdays = new Set([...valuesOf(fields.weekday, 0, 7)].map((day) => day % 7));
  const either = !isOpen(fields.day) && !isOpen(fields.weekday);
  let last = { day: NaN, matches: false };
  return (day) => {
    if (day === last.day) return last.matches; // a walk asks 1,440 times in a row
    const date = new Date(day * DAY_MINUTES * 60_000);
    const byDay = days.has(date.getUTCDate());
    const byWeekday = weekdays.has(date.getUTCDay());
    const matches = months.has(date.getUTCMonth() + 1) && (either ? byDay || byWeekday : byDay && byWeekday);
    last = { day, matches };
    return matches;
  };
}

const isOpen = (field: string) => field === "*" || field === "?";

function valuesOf(field: string, least: number, most: number): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const read = /^(?:(?<all>[*?])|(?<from>\d+)(?:-(?<to>\d+))?)(?:\/(?<step>\d+))?$/.exec(part)?.groups;
    // What `5/10` means is told differently by different readers.
    if (!read || (read.step !== undefined && read.all === undefined && read.to === undefined))
      throw new TypeError(`the oracle cannot read ${part} in a cron expression`);
    const from = read.all === undefined ? Number(read.from) : least;
    const to = read.all === undefined ? Number(read.to ?? read.from) : most;
    const step = Number(read.step ?? 1);
    if (from < least || to > most || from > to || step < 1)
      throw new TypeError(`${part} is not within ${least} to ${most}`);
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}
