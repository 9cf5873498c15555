/** Calendar days and months, by the clocks of a time zone. */
import { memo } from "../core/memo.ts";
import { instantOf, spanAt } from "../core/zone.ts";

export interface Stretch {
  /** `2026-11-26` or `2026-11`. */
  readonly label: string;
  readonly from: number;
  /** The first instant after it. */
  readonly until: number;
}

/** Asked for at each call of a model, so the present one is kept. */
const present = memo<string, { day: Stretch; month: Stretch }>(200, () => ({ day: NEVER, month: NEVER }));
const NEVER: Stretch = { label: "", from: 0, until: 0 };

/** The day or the month in which `at` lies. */
export function stretchAt(timezone: string, period: "day" | "month", at: number): Stretch {
  const kept = present(timezone);
  const known = kept[period];
  if (at >= known.from && at < known.until) return known;
  return (kept[period] = computed(timezone, period, at));
}

function computed(timezone: string, period: "day" | "month", at: number): Stretch {
  const local = new Date(at + spanAt(timezone, at).offset);
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  const [first, next] =
    period === "day"
      ? [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)]
      : [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
  const label = new Date(first).toISOString().slice(0, period === "day" ? 10 : 7);
  return { label, from: instantOf(timezone, first), until: instantOf(timezone, next) };
}
