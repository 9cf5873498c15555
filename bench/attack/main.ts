/** `npm run attack`: an attacking program, run as the agent, and what it got out (docs/attack.md). */
import { parseArgs } from "node:util";
import { runCommand } from "../command-line.ts";
import { table } from "../table.ts";
import { missing, RUNTIMES, startEngine } from "./engine.ts";
import { openHouse } from "./house.ts";
import { type Caught, runMutations } from "./mutated.ts";
import { CLASSES, type Outcome, type Profile } from "./row.ts";
import { attack } from "./suite.ts";

const HELP = `Usage: npm run attack -- [options]

Runs an attacking program as the agent of a real host, and looks at what got out.
Then each of the host's guards is taken out in turn, and a row that should see it
has to. Every run has a home of its own, and what it makes is gone afterwards.

  --profile NAME    ci: races of 5 s (default); long: of 60 s
  --runtime LIST    of these, separated by commas: ${RUNTIMES.join(", ")};
                    default: those that are here
  --only LIST       attempts of these classes: ${CLASSES.join(", ")}
  --no-mutations    only the attempts
  --mutations-only  only the mutations
  --json            the last line of stdout is {attempts, leaks, runtimes: {NAME:
                    {attempts, leaks}}, mutations: {total, caught}}
  --help

Exit code 0 when every attempt was blocked and every mutation seen, else 1.
`;

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      profile: { type: "string", default: "ci" },
      runtime: { type: "string", default: "" },
      only: { type: "string", default: "" },
      "no-mutations": { type: "boolean", default: false },
      "mutations-only": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const here = RUNTIMES.filter((runtime) => missing(runtime) === undefined);
  const runtimes = values.runtime === "" ? here : listed("runtime", values.runtime, RUNTIMES);
  const options = { profile: profile(values.profile), only: listed("only", values.only, CLASSES), say };
  const outcomes: Outcome[] = [];
  for (const runtime of values["mutations-only"] ? [] : runtimes) {
    say(`${runtime} …`);
    await using engine = await startEngine(runtime);
    await using house = await openHouse({ runtime, ...engine.options });
    outcomes.push(...(await attack(house, options)));
  }
  const mutations = values["no-mutations"] ? [] : await runMutations(say);
  process.stdout.write(`${drawn(outcomes, mutations)}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify(briefly(outcomes, mutations))}\n`);
  return outcomes.some(leaked) || mutations.some(missed) ? 1 : 0;
}

const leaked = ({ leak }: Outcome) => leak !== undefined;
const missed = ({ by }: Caught) => by.length === 0;

function briefly(outcomes: readonly Outcome[], mutations: readonly Caught[]): object {
  const counts = (some: readonly Outcome[]) => ({ attempts: some.length, leaks: some.filter(leaked).length });
  const byRuntime = Map.groupBy(outcomes, ({ runtime }) => runtime);
  return {
    ...counts(outcomes),
    runtimes: Object.fromEntries([...byRuntime].map(([runtime, some]) => [runtime, counts(some)])),
    mutations: { total: mutations.length, caught: mutations.filter((one) => !missed(one)).length },
  };
}

function drawn(outcomes: readonly Outcome[], mutations: readonly Caught[]): string {
  const parts: string[] = [];
  if (outcomes.length > 0)
    parts.push(
      table(
        ["class", "what is tried", "runtime", "", "note"],
        outcomes.map(({ class: kind, tries, runtime, leak, note }) => [
          kind,
          tries,
          runtime,
          leak === undefined ? "blocked" : "LEAK",
          leak ?? note ?? "",
        ]),
      ),
      `${outcomes.length} attempts, ${outcomes.filter(leaked).length} leaks`,
    );
  if (mutations.length > 0)
    parts.push(
      table(
        ["guard taken out", "seen by"],
        mutations.map((one) => [one.guard, missed(one) ? "NOBODY" : one.by.join("; ")]),
      ),
    );
  return parts.join("\n\n");
}

function listed<T extends string>(name: string, list: string, known: readonly T[]): T[] {
  return list
    .split(",")
    .filter(Boolean)
    .map((word) => {
      const found = known.find((one) => one === word);
      if (found === undefined) throw new TypeError(`--${name} knows no ${word}`);
      return found;
    });
}

function profile(name: string): Profile {
  if (name === "ci" || name === "long") return name;
  throw new TypeError(`--profile is ci or long, not ${name}`);
}

await runCommand("attack", main);
