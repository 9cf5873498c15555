/** `npm run fault`: faults injected into a real host, judged from outside (docs/fault.md). */
import { parseArgs } from "node:util";
import { type Failpoint, FAILPOINTS } from "../../packages/host/src/core/failpoint.ts";
import { runCommand, wholeNumber } from "../command-line.ts";
import { rounded, summarise } from "../stats.ts";
import { table } from "../table.ts";
import { INVARIANTS } from "./check.ts";
import { killCommand } from "./kill-command.ts";
import type { Outcome } from "./outcome.ts";
import { schedulerCommand } from "./scheduler/command.ts";
import { FAULT_IDS, type Profile, runSuite } from "./suite.ts";

const HELP = `Usage: npm run fault -- [options]
       npm run fault -- kill [options]
       npm run fault -- scheduler [options]

Injects faults into a real host, with a fake platform and a hostile agent as
processes of their own, and judges by their journals whether everybody got what
was promised. Every fault has a home of its own, and what it makes is gone
afterwards.

  --profile NAME  ci: about three minutes (default); long: 2,000 kills, by hand
  --only LIST     of these, separated by commas: ${FAULT_IDS.join(", ")}
  --trials N      how many kills of F1
  --places LIST   the failpoints of F1, separated by commas; default: all
  --seed S        of its points and of what is written (1)
  --json          progress on stderr; the last line of stdout is {ok, faults,
                  invariants, lost, doubled, unexpected, recoveryMs: {p50, p95}}
  --help

kill is another way to the first fault: over the HTTP API, at chance, with the
echo agent or the Claude engine. Its help: npm run fault -- kill --help
scheduler is about tasks and their times (F18 to F20), judged by an oracle. Its
help: npm run fault -- scheduler --help

Exit code 0 when every invariant held, else 1.
`;

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  if (first === "kill") return await killCommand(rest);
  if (first === "scheduler") return await schedulerCommand(rest);
  const { values } = parseArgs({
    options: {
      profile: { type: "string", default: "ci" },
      only: { type: "string", default: "" },
      trials: { type: "string" },
      places: { type: "string" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const outcomes = await runSuite(faultsIn(values.only), {
    profile: profile(values.profile),
    seed: wholeNumber("seed", values.seed),
    trials: values.trials === undefined ? undefined : wholeNumber("trials", values.trials),
    places: values.places?.split(",").map(placeNamed),
    say: (line) => process.stderr.write(`${line}\n`),
  });
  for (const { fault, findings } of outcomes) {
    for (const { invariant, sentence } of findings)
      process.stderr.write(`${fault} ${invariant}: ${sentence}\n`);
  }
  process.stdout.write(values.json ? `${JSON.stringify(briefly(outcomes))}\n` : `${drawn(outcomes)}\n`);
  return outcomes.every(held) ? 0 : 1;
}

const held = ({ findings }: Outcome) => findings.length === 0;

function briefly(outcomes: readonly Outcome[]): object {
  return {
    ok: outcomes.every(held),
    faults: Object.fromEntries(
      [...Map.groupBy(outcomes, ({ fault }) => fault)].map(([fault, all]) => [fault, counts(all)]),
    ),
    invariants: Object.fromEntries(brokenTimes(outcomes)),
    lost: sum(outcomes, ({ lost }) => lost),
    doubled: sum(outcomes, ({ doubled }) => doubled),
    unexpected: sum(outcomes, ({ unexpected }) => unexpected),
    recoveryMs: recovery(outcomes),
  };
}

function counts(outcomes: readonly Outcome[]): object {
  return {
    trials: sum(outcomes, ({ trials }) => trials),
    acked: sum(outcomes, ({ acked }) => acked),
    lost: sum(outcomes, ({ lost }) => lost),
    doubled: sum(outcomes, ({ doubled }) => doubled),
    unexpected: sum(outcomes, ({ unexpected }) => unexpected),
    ambiguous: sum(outcomes, ({ ambiguous }) => ambiguous),
    findings: sum(outcomes, ({ findings }) => findings.length),
  };
}

function recovery(outcomes: readonly Outcome[]): { p50: number; p95: number } | null {
  const all = outcomes.flatMap(({ recoveryMs }) => recoveryMs);
  if (all.length === 0) return null;
  const { p50, p95 } = summarise(all);
  return { p50: rounded(p50), p95: rounded(p95) };
}

/** How often each invariant was found broken. */
function brokenTimes(outcomes: readonly Outcome[]): [string, number][] {
  const findings = outcomes.flatMap((outcome) => outcome.findings);
  return Object.keys(INVARIANTS).map((name) => [
    name,
    findings.filter(({ invariant }) => invariant === name).length,
  ]);
}

function sum(outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number {
  return outcomes.reduce((total, outcome) => total + of(outcome), 0);
}

function drawn(outcomes: readonly Outcome[]): string {
  const times = recovery(outcomes);
  return [
    table(
      ["fault", "what", "trials", "acked", "lost", "doubled", "unexpected", "ambiguous", "seconds"],
      outcomes.map(({ fault, what, trials, acked, lost, doubled, unexpected, ambiguous, tookMs }) => [
        fault,
        what,
        trials,
        acked,
        lost,
        doubled,
        unexpected,
        ambiguous,
        Math.round(tookMs / 1000),
      ]),
    ),
    "",
    table(
      ["invariant", "says", "broken"],
      brokenTimes(outcomes).map(([name, times]) => [
        name,
        INVARIANTS[name as keyof typeof INVARIANTS],
        times,
      ]),
    ),
    "",
    ...outcomes.flatMap(({ fault, notes }) => notes.map((note) => `${fault}: ${note}`)),
    ...(times
      ? [`A new host showed its first answer after ${times.p50} ms (p50), ${times.p95} ms (p95).`]
      : []),
  ].join("\n");
}

function faultsIn(list: string): string[] {
  const wanted = list.split(",").filter(Boolean);
  const known = new Set(FAULT_IDS.flatMap((id) => [id, ...id.split("-")]));
  const stranger = wanted.find((id) => !known.has(id));
  if (stranger !== undefined) throw new TypeError(`--only knows no fault ${stranger}`);
  return wanted;
}

function placeNamed(name: string): Failpoint {
  const found = FAILPOINTS.find((place) => place === name);
  if (found === undefined) throw new TypeError(`--places knows no failpoint ${name}`);
  return found;
}

function profile(name: string): Profile {
  if (name === "ci" || name === "long") return name;
  throw new TypeError(`--profile is ci or long, not ${name}`);
}

await runCommand("fault", main);
