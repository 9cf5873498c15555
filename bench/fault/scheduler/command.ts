/** `npm run fault -- scheduler`: clocks, outages and crashes against an oracle of its own (docs/fault.md). */
import { parseArgs } from "node:util";
import { wholeNumber } from "../../command-line.ts";
import { table } from "../../table.ts";
import { type Comparison, together } from "./compare.ts";
import { type Outcome, type Part, PARTS, runSchedulerSuite } from "./suite.ts";

const HELP = `Usage: npm run fault -- scheduler [options]

Sets clocks, lets hosts sleep and kills schedulers, and compares what became of
every time of every task with an oracle that shares no code with the scheduler.

  --profile NAME  ci: about four minutes (default); long: many more tasks and
                  10,000 fires in the race
  --only LIST     of these, separated by commas: ${PARTS.join(", ")}
                  walk: one process, a clock that is walked through both changes
                  of the clocks in four zones, jumps and outages
                  hosts: real hosts under faketime (Debian's package)
                  race: two processes fire the same tasks and are killed by -9
  --seed S        of the tasks and of the kills (1)
  --json          progress on stderr; the last line of stdout is {ok, profile,
                  seed, faults, fires, kills, doubled, gaps, differences}
  --help

Exit code 0 when nothing came twice, nothing is missing and nothing differs from
the oracle, else 1.
`;

/** @param args what stands behind `scheduler`. @returns the exit code */
export async function schedulerCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      profile: { type: "string", default: "ci" },
      only: { type: "string" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const asked = { profile: profile(values.profile), seed: wholeNumber("seed", values.seed) };
  const outcomes = await runSchedulerSuite({
    ...asked,
    only: values.only?.split(",").map(part),
    say: (line) => process.stderr.write(`${line}\n`),
  });
  for (const { fault, differences } of outcomes) tellSome(fault, differences);
  const { ok, ...counted } = briefly(outcomes);
  process.stdout.write(
    values.json ? `${JSON.stringify({ ok, ...asked, ...counted })}\n` : `${drawn(outcomes)}\n`,
  );
  return ok ? 0 : 1;
}

/** One wrong rule differs a thousand times. */
const MOST_TOLD = 20;

function tellSome(fault: string, differences: readonly string[]): void {
  for (const sentence of differences.slice(0, MOST_TOLD)) process.stderr.write(`${fault} I5: ${sentence}\n`);
  const rest = differences.length - MOST_TOLD;
  if (rest > 0) process.stderr.write(`${fault} I5: and ${rest} more\n`);
}

function briefly(outcomes: readonly Outcome[]) {
  const all = counts(outcomes);
  const byFault = Map.groupBy(outcomes, ({ fault }) => fault);
  return {
    ok: all.differences === 0,
    faults: Object.fromEntries([...byFault].map(([fault, some]) => [fault, counts(some)])),
    kills: (byFault.get("F20") ?? []).reduce((kills, { trials }) => kills + trials, 0),
    ...all,
  };
}

function counts(some: readonly Comparison[]) {
  const { fires, doubled, gaps, differences } = together(some);
  return { fires, doubled, gaps, differences: differences.length };
}

function drawn(outcomes: readonly Outcome[]): string {
  return [
    table(
      ["fault", "what", "trials", "fires", "doubled", "gaps", "differences", "seconds"],
      outcomes.map(({ fault, what, trials, fires, doubled, gaps, differences, tookMs }) => [
        fault,
        what,
        trials,
        fires,
        doubled,
        gaps,
        differences.length,
        Math.round(tookMs / 1000),
      ]),
    ),
    "",
    ...outcomes.flatMap(({ fault, notes }) => notes.map((note) => `${fault}: ${note}`)),
  ].join("\n");
}

function part(name: string): Part {
  const found = PARTS.find((known) => known === name);
  if (found === undefined) throw new TypeError(`--only knows no part ${name}; it knows ${PARTS.join(", ")}`);
  return found;
}

function profile(name: string): "ci" | "long" {
  if (name === "ci" || name === "long") return name;
  throw new TypeError(`--profile is ci or long, not ${name}`);
}
