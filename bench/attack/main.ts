/** `npm run attack`: an attacking program, run as the agent, and what it got out (docs/attack.md). */
import { parseArgs } from "node:util";
import { runCommand } from "../command-line.ts";
import { table } from "../table.ts";
import { openHouse } from "./house.ts";
import { tryInside } from "./inside.ts";
import type { Outcome } from "./row.ts";

const HELP = `Usage: npm run attack -- [options]
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      runtime: { type: "string", default: "bubblewrap" },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const outcomes: Outcome[] = [];
  for (const runtime of values.runtime.split(",")) {
    await using house = await openHouse({ runtime });
    outcomes.push(...(await tryInside(house, values.only?.split(","))));
  }
  const leaks = outcomes.filter(({ leak }) => leak !== undefined);
  process.stdout.write(
    `${table(
      ["class", "attempt", "runtime", "came of it"],
      outcomes.map(({ row, runtime, leak }) => [row.class, row.tries, runtime, leak ?? "blocked"]),
    )}\n${outcomes.length} attempts, ${leaks.length} leaks\n`,
  );
  return leaks.length === 0 ? 0 : 1;
}

await runCommand("attack", main);
