/** Every row, against one house per runtime. */
import type { House } from "./house.ts";
import { tryInside } from "./inside.ts";
import { attempt, type Class, type Outcome, type Profile, type Row } from "./row.ts";
import { FRAMES } from "./rows/frames.ts";
import { HOST_FILES } from "./rows/host-files.ts";
import { OTHER_GROUPS } from "./rows/other-groups.ts";
import { RACES } from "./rows/races.ts";
import { RESOURCES } from "./rows/resources.ts";
import { SECRETS } from "./rows/secrets.ts";
import { SETTINGS } from "./rows/settings.ts";
import { TAINT } from "./rows/taint.ts";

export const ROWS: readonly Row[] = [
  ...HOST_FILES,
  ...OTHER_GROUPS,
  ...RACES,
  ...FRAMES,
  ...SETTINGS,
  ...SECRETS,
  ...TAINT,
  ...RESOURCES,
];

export const RACE_MS: Record<Profile, number> = { ci: 5_000, long: 60_000 };

export async function attack(
  house: House,
  {
    profile,
    only,
    say,
  }: {
    readonly profile: Profile;
    readonly only: readonly Class[];
    readonly say: (line: string) => void;
  },
): Promise<Outcome[]> {
  const stage = { house, raceMs: RACE_MS[profile] };
  const wanted = (kind: Class) => only.length === 0 || only.includes(kind);
  const outcomes = (await tryInside(house)).filter((one) => wanted(one.class));
  for (const row of ROWS.filter((one) => wanted(one.class))) {
    const outcome = await attempt(row, stage);
    outcomes.push(outcome);
    say(`${row.class}, ${row.tries}: ${outcome.leak ?? "blocked"} (${Math.round(outcome.tookMs)} ms)`);
  }
  return outcomes;
}
