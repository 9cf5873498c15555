/**
 * `npm run bench -- latency|load|channels|idle|dispatch|schedule|history|broker|overhead|sandbox`: what Bellhop costs, measured at a real host (docs/bench.md).
 */
import { parseArgs } from "node:util";
import { type BurstReport, type Cost, isFlat, measureBurst, measureDispatchCost } from "./dispatch.ts";
import { measureBroker, type Ways } from "./broker.ts";
import { measureChannels } from "./channels/channels.ts";
import { channelsJson, channelsTable, isSound as isSoundChannel } from "./channels/report.ts";
import { measureHistory } from "./history.ts";
import { measureIdle } from "./idle.ts";
import { measureLatency } from "./latency.ts";
import { measureLoad } from "./load.ts";
import { measureOverhead } from "./overhead.ts";
import { measureSandbox, type Started } from "./sandbox.ts";
import { measureSchedule } from "./schedule.ts";
import { measureScheduleIdle } from "./schedule-idle.ts";
import { isSound, type ScheduleMeasured, scheduleJson, scheduleTables } from "./schedule-report.ts";
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
  channels  messages in and out through each channel's plugin in its process, or
            through those that are named after it (channels telegram), against a
            fake of its platform, and through the host's own memory for a floor;
            fails when one is lost or doubled, or an idle process takes more
            than 60 MiB (whatsapp, much of which is Baileys: 90)
              --messages N   each way (1000)
              --chats N      (10)
  idle      memory and processor time of a host that nobody writes to, and how
            long a start takes
              --seconds N    to watch it (60)
  dispatch  many groups writing at once: all answered by echo agents in real
            sandboxes, in order and fairly; and what the dispatcher costs per
            message at 10 to 10,000 groups, which fails when it grows
              --groups N     of the burst (500)
              --each N       messages of each group (20)
              --sandboxes N  (5)
              --samples N    of the cost (5)
              --only WHAT    burst or cost
  schedule  many tasks that come due: at the same instant, and spread over a
            minute; whether each fires once, and how late its run begins when
            its conversation is idle; and what tasks cost that are not due
              --tasks N      that come due, each way (10000)
              --groups N     they belong to, each with a chat of its own (50)
              --spread N     seconds (60)
              --idle-tasks N that are not due (100000)
              --seconds N    to watch those (30)
              --only WHAT    at-once, spread or idle
  history   the steps of every message on a young database and on one with a
            past; fails when a p99 grows by more than a fifth
              --past N       messages in it (1000000)
              --samples N    of each step (1000)
              --seed N       (1)
  broker    what the broker's door adds to a call of the model's API, against
            the same server without it, in turns; fails when it is more than
            1 ms, or a stream that is held breaks
              --samples N    calls each way (1000)
              --streams N    held at the same time (200)
  sandbox   how long a sandbox takes to start in each runtime that this machine
            has, beside the bare start of the same program (the echo agent), in
            turns; starts engines of its own, which takes root
              --samples N    starts of each (20)
  overhead  tokens that a fresh conversation's first call sends in, beside what
            the person wrote, which is a few dozen; it should not grow

Each also takes
  --json                     the last line of stdout is one JSON object
  --node-flag FLAG           for the Node that runs the host, such as
                             --node-flag=--cpu-prof; may be repeated
  --help

Exit code 0 when it was measured (and, for load and schedule, nothing went
wrong), else 1.
`;

const WORKLOADS = "latency, load, channels, idle, dispatch, schedule, history, broker, overhead or sandbox";

const OPTIONS = {
  warm: { type: "string", default: "100" },
  cold: { type: "string", default: "20" },
  messages: { type: "string", default: "1000" },
  chats: { type: "string" },
  answered: { type: "boolean", default: false },
  seconds: { type: "string" },
  groups: { type: "string" },
  each: { type: "string", default: "20" },
  sandboxes: { type: "string", default: "5" },
  samples: { type: "string" },
  only: { type: "string" },
  tasks: { type: "string", default: "10000" },
  spread: { type: "string", default: "60" },
  "idle-tasks": { type: "string", default: "100000" },
  past: { type: "string", default: "1000000" },
  streams: { type: "string", default: "200" },
  seed: { type: "string", default: "1" },
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
  if (more.length > 0 && workload !== "channels")
    throw new TypeError(`one workload at a time, not also ${more.join(" ")}`);
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
    case "overhead": {
      const report = await measureOverhead(nodeFlags);
      tell(report, table(["what", "tokens"], [["first call of a conversation", report.tokens]]));
      return 0;
    }
    case "load": {
      const report = await measureLoad({
        messages: wholeNumber("messages", values.messages),
        chats: wholeNumber("chats", values.chats ?? "50"),
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
    case "channels": {
      const report = await measureChannels({
        platforms: more,
        messages: wholeNumber("messages", values.messages),
        chats: wholeNumber("chats", values.chats ?? "10"),
        nodeFlags,
      });
      tell(channelsJson(report), channelsTable(report));
      return report.platforms.every(isSoundChannel) ? 0 : 1;
    }
    case "idle": {
      const seconds = wholeNumber("seconds", values.seconds ?? "60");
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
    case "dispatch": {
      const sandboxes = wholeNumber("sandboxes", values.sandboxes);
      const { only } = values;
      if (only !== undefined && only !== "burst" && only !== "cost")
        throw new TypeError(`--only is burst or cost, not ${only}`);
      const cost =
        only === "burst"
          ? undefined
          : await measureDispatchCost({
              groups: [10, 100, 1_000, 10_000],
              messages: 1_000,
              samples: wholeNumber("samples", values.samples ?? "5"),
              sandboxes,
            });
      if (cost && !values.json) process.stdout.write(`${costTable(cost)}\n\n`);
      const burst =
        only === "cost"
          ? undefined
          : await measureBurst({
              groups: wholeNumber("groups", values.groups ?? "500"),
              messages: wholeNumber("each", values.each),
              sandboxes,
              nodeFlags,
            });
      if (burst) process.stderr.write(burst.findings.map((finding) => `${finding}\n`).join(""));
      if (burst && !values.json) process.stdout.write(`${burstTable(burst)}\n`);
      const flat = !cost || isFlat(cost);
      const sound = !burst || burst.lost + burst.doubled + burst.unexpected === 0;
      if (values.json) tell({ ok: flat && sound, flat, ...dispatchJson(cost, burst) }, "");
      return flat && sound ? 0 : 1;
    }
    case "schedule": {
      const { only } = values;
      if (only !== undefined && only !== "at-once" && only !== "spread" && only !== "idle")
        throw new TypeError(`--only is at-once, spread or idle, not ${only}`);
      const due = {
        tasks: wholeNumber("tasks", values.tasks),
        groups: wholeNumber("groups", values.groups ?? "50"),
        nodeFlags,
      };
      const idle = {
        ...due,
        tasks: wholeNumber("idle-tasks", values["idle-tasks"]),
        seconds: wholeNumber("seconds", values.seconds ?? "30"),
      };
      const spreadMs = wholeNumber("spread", values.spread) * 1_000;
      const wanted = (part: typeof only) => only === undefined || only === part;
      const measured: ScheduleMeasured = {
        atOnce: wanted("at-once") ? await measureSchedule({ ...due, spreadMs: 0 }) : undefined,
        spread: wanted("spread") ? await measureSchedule({ ...due, spreadMs }) : undefined,
        idle: wanted("idle") ? await measureScheduleIdle(idle) : undefined,
      };
      tell(scheduleJson(measured), scheduleTables(measured));
      return isSound(measured) ? 0 : 1;
    }
    case "history": {
      const { steps, fillMs, ok } = await measureHistory({
        messages: wholeNumber("past", values.past),
        samples: wholeNumber("samples", values.samples ?? "1000"),
        seed: wholeNumber("seed", values.seed),
      });
      tell(
        { ok, fillMs: rounded(fillMs), steps },
        `${table(
          ["ms", "young p50", "young p99", "old p50", "old p99", "ratio of p99"],
          steps.map((one) => [
            one.step,
            ...[one.youngP50, one.youngP99, one.oldP50, one.oldP99, one.ratio].map((value) =>
              value.toFixed(2),
            ),
          ]),
        )}\n${ok ? "flat" : "not flat"}; the past was written in ${Math.round(fillMs / 1_000)} s`,
      );
      return ok ? 0 : 1;
    }
    case "broker": {
      const { request, event, held, ok } = await measureBroker({
        samples: wholeNumber("samples", values.samples ?? "1000"),
        streams: wholeNumber("streams", values.streams),
        nodeFlags,
      });
      tell(
        { ok, request: waysJson(request), event: waysJson(event), held },
        `${table(
          ["ms", "direct p50", "direct p95", "broker p50", "broker p95", "added p50", "± spread", "n"],
          [waysRow("a request", request), waysRow("an event of a stream", event)],
        )}\n${held.complete} of ${held.streams} streams held at once and complete; the broker took ${Math.round(held.restMiB)} MiB before, ${Math.round(held.heldMiB)} MiB meanwhile`,
      );
      return ok ? 0 : 1;
    }
    case "sandbox": {
      const samples = wholeNumber("samples", values.samples ?? "20");
      const { bare, runtimes, missing } = await measureSandbox({ samples });
      process.stderr.write(missing.map((one) => `not measured: ${one}\n`).join(""));
      tell(
        { bare: startedJson(bare, bare), runtimes: runtimes.map((one) => startedJson(one, bare)), missing },
        table(
          ["ms", "prepare p50", "ready p50", "± spread", "ready p95", "over bare", "ratio", "gone p50", "n"],
          [bare, ...runtimes].map((one) => startedRow(one, bare)),
        ),
      );
      return 0;
    }
    case undefined:
      throw new TypeError(`name a workload: ${WORKLOADS}`);
    default:
      throw new TypeError(`there is no workload ${workload}: name ${WORKLOADS}`);
  }
}

function costTable(cost: readonly Cost[]): string {
  const [least] = cost;
  return table(
    ["groups that wait", "us per message", "± spread", "ratio", "dispatcher alone, us", "± spread", "ratio"],
    cost.map(({ groups, served, alone }) => [
      groups,
      rounded(served.p50),
      rounded(served.spread),
      (served.p50 / (least?.served.p50 ?? NaN)).toFixed(2),
      rounded(alone.p50),
      rounded(alone.spread),
      (alone.p50 / (least?.alone.p50 ?? NaN)).toFixed(2),
    ]),
  );
}

function burstTable(burst: BurstReport): string {
  return table(
    ["what", "value"],
    [
      ["groups", burst.groups],
      ["messages acknowledged", burst.acked],
      ["lost", burst.lost],
      ["doubled", burst.doubled],
      ["unexpected", burst.unexpected],
      ["out of order", burst.outOfOrder],
      ["turns", burst.turns],
      ["ms a group's messages wait, p50", burst.waitMs.p50],
      ["ms a group's messages wait, slowest", burst.waitMs.max],
      ["fairness: slowest over median", burst.fairness],
      ["ms in all", burst.tookMs],
    ],
  );
}

function dispatchJson(cost: readonly Cost[] | undefined, burst: BurstReport | undefined): object {
  const { findings: _, waitMs, fairness, tookMs, ...counts } = burst ?? {};
  return {
    ...(cost && {
      cost: cost.map(({ groups, served, alone }) => ({
        groups,
        served: brief(served),
        alone: brief(alone),
      })),
    }),
    ...(waitMs && {
      burst: {
        ...counts,
        waitMs: brief(waitMs),
        fairness: rounded(fairness ?? 0),
        tookMs: rounded(tookMs ?? 0),
      },
    }),
  };
}

function waysRow(name: string, { direct, broker, added }: Ways): (string | number)[] {
  const figures = [direct.p50, direct.p95, broker.p50, broker.p95, added.p50, added.spread];
  return [name, ...figures.map((figure) => figure.toFixed(3)), broker.n];
}

function waysJson({ direct, broker, added }: Ways): object {
  const fine = ({ p50, p95, max, spread, n }: Summary) =>
    Object.fromEntries(
      Object.entries({ p50, p95, max, spread, n }).map(([k, v]) => [k, Number(v.toFixed(3))]),
    );
  return { direct: fine(direct), broker: fine(broker), added: fine(added) };
}

function startedRow({ name, prepare, ready, gone }: Started, bare: Started): (string | number)[] {
  const figures = [prepare.p50, ready.p50, ready.spread, ready.p95, ready.p50 - bare.ready.p50];
  return [
    name,
    ...figures.map((figure) => figure.toFixed(1)),
    (ready.p50 / bare.ready.p50).toFixed(2),
    gone.p50.toFixed(1),
    ready.n,
  ];
}

function startedJson({ name, prepare, ready, gone }: Started, bare: Started): object {
  const ofAll = (of: Summary) => ({ ...brief(of), spread: rounded(of.spread), n: of.n });
  return {
    name,
    prepare: ofAll(prepare),
    ready: ofAll(ready),
    gone: ofAll(gone),
    ratio: rounded(ready.p50 / bare.ready.p50),
  };
}

function latencyRow(name: string, measured: Summary, floor?: Summary): (string | number)[] {
  const { p50, p95, max, spread, n } = measured;
  const over = floor ? [rounded(p50 - floor.p50), (p50 / floor.p50).toFixed(2)] : ["", ""];
  return [name, rounded(p50), rounded(p95), rounded(max), rounded(spread), n, ...over.map(String)];
}

await runCommand("bench", main);
