/** What `bench -- channels` says of what it measured, and whether that is good enough. */
import { brief, rounded } from "../stats.ts";
import { type Cell, table } from "../table.ts";
import type { ChannelsReport, PlatformReport } from "./channels.ts";
import type { Passed } from "./pass.ts";

export function isSound({ lost, doubled, idleMiB, mostIdleMiB }: PlatformReport): boolean {
  return lost + doubled === 0 && idleMiB <= mostIdleMiB;
}

export function channelsJson({ floor, platforms }: ChannelsReport): object {
  return {
    ok: platforms.every(isSound),
    floor: passedJson(floor),
    platforms: platforms.map((one) => ({
      name: one.name,
      ok: isSound(one),
      ...passedJson(one),
      ratio: rounded(one.ms.p50 / floor.ms.p50),
      idleMiB: rounded(one.idleMiB),
      mostIdleMiB: one.mostIdleMiB,
      ...(one.usedMiB !== undefined && { usedMiB: rounded(one.usedMiB) }),
    })),
  };
}

export function channelsTable({ floor, platforms }: ChannelsReport): string {
  const head = [
    "way",
    "messages a second",
    "ms p50",
    "ms p95",
    "ms max",
    "± spread",
    "p50 over floor",
    "ratio",
  ];
  const tail = ["lost", "doubled", "MiB idle", "MiB after"];
  const rows = platforms.map((one) => [
    ...passedRow(one.name, one),
    rounded(one.ms.p50 - floor.ms.p50),
    (one.ms.p50 / floor.ms.p50).toFixed(2),
    one.lost,
    one.doubled,
    rounded(one.idleMiB),
    one.usedMiB === undefined ? "" : rounded(one.usedMiB),
  ]);
  const floorRow = [...passedRow("in memory, floor", floor), "", "", floor.lost, floor.doubled, "", ""];
  return [table([...head, ...tail], [...rows, floorRow]), ...platforms.map(verdict)].join("\n");
}

function verdict(one: PlatformReport): string {
  const { name, lost, doubled, idleMiB, mostIdleMiB } = one;
  return `${name}: ${isSound(one) ? "good" : "NOT GOOD"}, ${lost} lost, ${doubled} doubled, ${rounded(idleMiB)} MiB idle (at most ${mostIdleMiB})`;
}

function passedRow(name: string, { ms, perSecond }: Passed): Cell[] {
  return [name, ...[perSecond, ms.p50, ms.p95, ms.max, ms.spread].map(rounded)];
}

function passedJson({ ms, perSecond, lost, doubled }: Passed): object {
  return { ms: { ...brief(ms), spread: rounded(ms.spread) }, perSecond: rounded(perSecond), lost, doubled };
}
