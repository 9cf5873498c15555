/**
 * `npm run bench -- latency|load|idle`: what Bellhop costs, measured at a real host (docs/bench.md).
 */
import { parseArgs } from "node:util";
import { measureIdle } from "./idle.ts";
import { measureLatency } from "./latency.ts";
import { measureLoad } from "./load.ts";
import { brief, rounded, type Summary } from "./stats.ts";
import { table } from "./table.ts";
import { runCommand, wholeNumber } from "./command-line.ts";

const HELP = `Usage: npm run bench -- <workload> [options]

  latency   from a message to the first piece of its answer, against the same
            SDK in the same sandbox without Bellhop between, in turns
              --warm N       samples in a warm sandbox (100)
              --cold N       samples that start a sandbox (20)
  load      many messages over many chats, answered by the echo agent; fails
            when one is lost, doubled or out of order
              --messages N   (1000)
              --chats N      (50)
              --answered     each chat waits for an answer before it writes again
  idle      memory and processor time of a host that nobody writes to, and how
            long a start takes
              --seconds N    to watch it (60)

Each also takes
  --json                     the last line of stdout is one JSON object
  --node-flag FLAG           for the Node that runs the host, such as
                             --node-flag=--cpu-prof; may be repeated
  --help

Exit code 0 when it was measured (and, for load, nothing went wrong), else 1.
`;

const OPTIONS = {
  warm: { type: "string", default: "100" },
  cold: { type: "string", default: "20" },
  messages: { type: "string", default: "1000" },
  chats: { type: "string", default: "50" },
  answered: { type: "boolean", default: false },
  seconds: { type: "string", default: "60" },
  "node-flag": { type: "string", multiple: true, default: [] as string[] },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [workload, ...more] = positionals;
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (more.length > 0) throw new TypeError(`one workload at a time, not also ${more.join(" ")}`);
  const nodeFlags = values["node-flag"];
  const tell = (json: object, text: string) =>
    process.stdout.write(values.json ? `${JSON.stringify(json)}\n` : `${text}\n`);

  switch (workload) {
    case "latency": {
      const { warm, cold } = await measureLatency({
        warm: wholeNumber("warm", values.warm),
        cold: wholeNumber("cold", values.cold),
        nodeFlags,
      });
      tell(
        {
          warm: { bellhop: brief(warm.bellhop), floor: brief(warm.floor) },
          cold: { bellhop: brief(cold.bellhop), floor: brief(cold.floor) },
        },
        table(
          ["ms to the first delta", "p50", "p95", "max", "± spread", "n", "p50 over floor", "ratio"],
          [
            latencyRow("warm, Bellhop", warm.bellhop, warm.floor),
            latencyRow("warm, floor", warm.floor),
            latencyRow("cold, Bellhop", cold.bellhop, cold.floor),
            latencyRow("cold, floor", cold.floor),
          ],
        ),
      );
      return 0;
    }
    case "load": {
      const report = await measureLoad({
        messages: wholeNumber("messages", values.messages),
        chats: wholeNumber("chats", values.chats),
        answered: values.answered,
        nodeFlags,
      });
      const { acked, lost, doubled, unexpected, outOfOrder, acceptMs, acceptedPerSecond } = report;
      const { turns, answeredPerSecond, tookMs, findings } = report;
      process.stderr.write(findings.map((finding) => `${finding}\n`).join(""));
      tell(
        {
          acked,
          lost,
          doubled,
          unexpected,
          outOfOrder,
          acceptMs: brief(acceptMs),
          acceptedPerSecond: rounded(acceptedPerSecond),
          turns,
          answeredPerSecond: rounded(answeredPerSecond),
          tookMs: rounded(tookMs),
        },
        table(
          ["what", "value"],
          [
            ["messages acknowledged", acked],
            ["lost", lost],
            ["doubled", doubled],
            ["unexpected", unexpected],
            ["out of order", outOfOrder],
            ["accepted a second", acceptedPerSecond],
            ["ms to accept one, p50", acceptMs.p50],
            ["ms to accept one, p95", acceptMs.p95],
            ["turns", turns],
            ["messages answered a second", answeredPerSecond],
            ["ms in all", tookMs],
          ],
        ),
      );
      return lost + doubled + unexpected === 0 ? 0 : 1;
    }
    case "idle": {
      const seconds = wholeNumber("seconds", values.seconds);
      const { firstReadyMs, readyMs, rssMiB, cpuMs } = await measureIdle({ seconds, nodeFlags });
      tell(
        {
          firstReadyMs: rounded(firstReadyMs),
          readyMs: rounded(readyMs),
          rssMiB: rounded(rssMiB),
          cpuMs,
          seconds,
        },
        table(
          ["what", "value"],
          [
            ["ms to ready, first start", firstReadyMs],
            ["ms to ready, second start", readyMs],
            ["MiB resident", rssMiB],
            [`ms of processor time in ${seconds} s`, cpuMs],
          ],
        ),
      );
      return 0;
    }
    case undefined:
      throw new TypeError("name a workload: latency, load or idle");
    default:
      throw new TypeError(`there is no workload ${workload}: name latency, load or idle`);
  }
}

function latencyRow(name: string, measured: Summary, floor?: Summary): (string | number)[] {
  const { p50, p95, max, spread, n } = measured;
  const over = floor ? [rounded(p50 - floor.p50), (p50 / floor.p50).toFixed(2)] : ["", ""];
  return [name, rounded(p50), rounded(p95), rounded(max), rounded(spread), n, ...over.map(String)];
}

await runCommand("bench", main);
