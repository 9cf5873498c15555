/** What the workload `schedule` says: its tables beside the goals, its JSON, and whether all is well. */
import type { ScheduleReport } from "./schedule.ts";
import type { ScheduleIdleReport } from "./schedule-idle.ts";
import type { Tail } from "./schedule-outcome.ts";
import { rounded } from "./stats.ts";
import { type Cell, table } from "./table.ts";

/** What was asked for. */
export interface ScheduleMeasured {
  readonly atOnce: ScheduleReport | undefined;
  readonly spread: ScheduleReport | undefined;
  readonly idle: ScheduleIdleReport | undefined;
}

const GOALS = { lateP99Ms: 50, allFiredMs: 30_000, idleCpu: 1, idleRssMb: 60 };

/** Each time fired once, and each task has answered once. */
export function isSound({ atOnce, spread }: ScheduleMeasured): boolean {
  return [atOnce, spread].every(
    (report) => !report || (report.fired === report.due && report.doubled + report.unanswered === 0),
  );
}

/**
 * On top stand the counts of those that were due at once and the lateness of those that were spread, of which
 * there are far more with a free slot (docs/bench.md).
 */
export function scheduleJson(measured: ScheduleMeasured): object {
  const { atOnce, spread, idle } = measured;
  const counted = atOnce ?? spread;
  const late = spread ?? atOnce;
  return {
    ok: isSound(measured),
    ...(counted && {
      due: counted.due,
      fired: counted.fired,
      doubled: (atOnce?.doubled ?? 0) + (spread?.doubled ?? 0),
      allFiredMs: counted.allFiredMs,
    }),
    ...(late && { lateMs: tailJson(late.lateMs) }),
    ...(atOnce && { atOnce: reportJson(atOnce) }),
    ...(spread && { spread: reportJson(spread) }),
    ...(idle && { idle: idleJson(idle) }),
  };
}

export function scheduleTables(measured: ScheduleMeasured): string {
  const { atOnce, spread, idle } = measured;
  return [
    ...(atOnce ? [dueTable("due at once", atOnce)] : []),
    ...(spread ? [dueTable("due spread", spread)] : []),
    ...(idle ? [idleTable(idle)] : []),
  ].join("\n\n");
}

function dueTable(name: string, report: ScheduleReport): string {
  const { lateMs, firedLateMs, floorMs } = report;
  return table(
    [name, "value", "goal"],
    [
      ["tasks", report.due, ""],
      ["fired", report.fired, `${report.due}`],
      ["doubled", report.doubled, "0"],
      ["without an answer", report.unanswered, "0"],
      ["had a free slot", lateMs.n, ""],
      ["ms they began late, p50", lateMs.p50, ""],
      ["ms they began late, p95", lateMs.p95, ""],
      ["ms they began late, p99", lateMs.p99, `${GOALS.lateP99Ms}`],
      ["ms of two commits alone, p50 (the floor)", floorMs.p50, ""],
      ["ms all were fired late, p50", firedLateMs.p50, ""],
      ["ms all were fired late, p99", firedLateMs.p99, ""],
      ["ms until all were fired", report.allFiredMs, `${GOALS.allFiredMs}`],
      ["ms until all had begun", report.allRunMs, ""],
      ["ms until all had ended", report.allDoneMs, ""],
      ["runs a second", report.runsPerSecond, ""],
      ["load of the machine", report.load, ""],
    ].map(texts),
  );
}

function idleTable({ with: full, without }: ScheduleIdleReport): string {
  return table(
    ["tasks that are not due", "with them", "without", "more", "goal"],
    [
      ["% of one processor", full.cpu, without.cpu, full.cpu - without.cpu, `${GOALS.idleCpu} with them`],
      ["MB resident", full.rssMb, without.rssMb, full.rssMb - without.rssMb, `${GOALS.idleRssMb} more`],
      ["ms to ready", full.readyMs, without.readyMs, full.readyMs - without.readyMs, ""],
    ].map(texts),
  );
}

/** Two digits are enough, and whole numbers stay whole. */
function texts(row: readonly Cell[]): Cell[] {
  return row.map((cell) => (typeof cell === "number" ? rounded(cell) : cell));
}

function reportJson(report: ScheduleReport): object {
  const { lateMs, firedLateMs, floorMs, runsPerSecond, load, ...counts } = report;
  return {
    ...counts,
    lateMs: { ...tailJson(lateMs), n: lateMs.n },
    firedLateMs: tailJson(firedLateMs),
    floorMs: { p50: rounded(floorMs.p50), p95: rounded(floorMs.p95), spread: rounded(floorMs.spread) },
    runsPerSecond: rounded(runsPerSecond),
    load: rounded(load),
  };
}

function idleJson({ with: full, without }: ScheduleIdleReport): object {
  return {
    cpu: rounded(full.cpu),
    rssMb: rounded(full.rssMb - without.rssMb),
    readyMs: rounded(full.readyMs),
    without: { cpu: rounded(without.cpu), rssMb: rounded(without.rssMb), readyMs: rounded(without.readyMs) },
  };
}

function tailJson({ p50, p95, p99 }: Tail): { p50: number; p95: number; p99: number } {
  return { p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) };
}
