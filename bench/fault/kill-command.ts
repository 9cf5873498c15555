/** `npm run fault -- kill`: kill -9 at chance of a host that people talk to over its HTTP API (docs/fault.md). */
import { parseArgs } from "node:util";
import { rounded, summarise } from "../stats.ts";
import { table } from "../table.ts";
import { killAgainAndAgain, type KillReport } from "./kill.ts";
import { wholeNumber } from "../command-line.ts";

const HELP = `Usage: npm run fault -- kill [options]

Kills the host with SIGKILL at random points while people write to it, starts it
again on the same home, and at the end judges from outside: every acknowledged
message has one completed turn and one answer, nothing came twice, nothing came
that was not asked for, order was kept, and no process, cgroup, mount or file of
a killed host is left.

  --trials N      how many kills (100)
  --seed S        of the points and of what is written (1)
  --chats N       people who write at the same time (6)
  --engine NAME   echo: the echo agent (default); claude: the Claude Agent SDK
                  on the rehearsal model
  --json          progress on stderr; the last line of stdout is
                  {acked,lost,doubled,unexpected,recoveryMs:{p50,p95}}
  --help

Exit code 0 when nothing was lost, doubled, unexpected or left behind, else 1.
`;

/** @param args what stands behind `kill`. @returns the exit code */
export async function killCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      trials: { type: "string", default: "100" },
      seed: { type: "string", default: "1" },
      chats: { type: "string", default: "6" },
      engine: { type: "string", default: "echo" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const report = await killAgainAndAgain({
    trials: wholeNumber("trials", values.trials),
    seed: wholeNumber("seed", values.seed),
    chats: wholeNumber("chats", values.chats),
    engine: engine(values.engine),
    onTrial: (trial) => process.stderr.write(trial % 10 === 0 ? `${trial} kills\n` : ""),
  });
  const clean = report.lost + report.doubled + report.unexpected + leftBehind(report).length === 0;
  process.stderr.write(report.findings.map((finding) => `${finding}\n`).join(""));
  process.stderr.write(
    leftBehind(report)
      .map((one) => `left behind: ${one}\n`)
      .join(""),
  );
  process.stdout.write(values.json ? `${JSON.stringify(briefly(report))}\n` : `${drawn(report)}\n`);
  return clean ? 0 : 1;
}

function leftBehind({ left }: KillReport): string[] {
  return Object.entries(left).flatMap(([kind, found]: [string, readonly string[]]) =>
    found.map((one) => `${kind}: ${one}`),
  );
}

function briefly({ acked, lost, doubled, unexpected, recoveryMs }: KillReport): object {
  const { p50, p95 } = summarise(recoveryMs);
  return { acked, lost, doubled, unexpected, recoveryMs: { p50: rounded(p50), p95: rounded(p95) } };
}

function drawn(report: KillReport): string {
  const { trials, killedWhileStarting, acked, lost, doubled, unexpected, outOfOrder, tookMs } = report;
  const ready = summarise(report.readyMs);
  const recovery = summarise(report.recoveryMs);
  return [
    table(
      ["what", "count"],
      [
        ["kills", trials],
        ["of them while starting", killedWhileStarting],
        ["messages acknowledged", acked],
        ["lost", lost],
        ["doubled", doubled],
        ["unexpected", unexpected],
        ["of them out of order", outOfOrder],
        ["left behind", leftBehind(report).length],
      ],
    ),
    "",
    table(
      ["ms from the start of a host", "p50", "p95", "max", "starts"],
      [
        ["until it is ready", ready.p50, ready.p95, ready.max, ready.n],
        ["until its first answer is there", recovery.p50, recovery.p95, recovery.max, recovery.n],
      ],
    ),
    "",
    `Took ${rounded(tookMs / 1000)} s.`,
  ].join("\n");
}

function engine(name: string): "echo" | "claude" {
  if (name === "echo" || name === "claude") return name;
  throw new TypeError(`--engine is echo or claude, not ${name}`);
}
