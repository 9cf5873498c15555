/** `bellhop status`: what the running host is and does. */
import { Command } from "commander";
import { accountWords, type Status } from "../core/status.ts";
import { clientFor, homeOption } from "./home-option.ts";
import { plain } from "./plain.ts";
import type { Io } from "./io.ts";

export function statusCommand(io: Io): Command {
  return new Command("status")
    .summary("say what the running Bellhop is and does")
    .description("Says which model and sandbox the running Bellhop has, what it works on, and what waits.")
    .addOption(homeOption())
    .option("--json", "one JSON object, as GET /api/v1/status gives it")
    .addHelpText("after", HELP)
    .action(async ({ home, json }: { home?: string; json?: true }) => {
      const status = await clientFor(io, home).status();
      io.stdout.write(json ? `${JSON.stringify(status)}\n` : describeStatus(status, io.clock.now()));
    });
}

/** To whoever writes while everything stands still. */
export const PAUSED =
  "Bellhop is paused: your message is kept, and answered once somebody ends the pause (bellhop resume).";

/** For people; `now` in ms since 1970. */
export function describeStatus(status: Status, now: number): string {
  const { model, sandbox, rooms, turns, waiting, tasks, outbox, usage, accounts, pins, unregistered } =
    status;
  const rehearsal = model.provider === "rehearsal";
  const rows: [string, string][] = [
    ...(status.paused ? [["PAUSED", describePause(status.paused, now)] satisfies [string, string]] : []),
    [
      "Bellhop",
      `${status.version}, ${status.draining ? "stopping" : "running"} for ${ago(now - status.startedAt)}, process ${status.pid}`,
    ],
    ["home", status.home],
    ["web chat", `${status.url} (log in with: bellhop login)`],
    ["model", rehearsal ? "rehearsal, a scripted stand-in" : `${model.name} by ${model.provider}`],
    ...(model.routes.length > 1
      ? [
          ["routes", model.routes.map(({ name, state }) => `${name}: ${state}`).join("\n")] satisfies [
            string,
            string,
          ],
        ]
      : []),
    ["sandbox", `${sandbox.runtime} ${sandbox.version}, limits by ${sandbox.limits}`],
    [
      "rooms",
      rooms.length === 0
        ? "none open"
        : rooms
            .map(({ group, scope, state, since }) => `${group} (${scope}): ${state} for ${ago(now - since)}`)
            .join("\n"),
    ],
    ["turns", turns.length === 0 ? "none" : turns.map((turn) => describeTurn(turn, now)).join("\n")],
    [
      "waiting",
      waiting.length === 0
        ? "nothing"
        : waiting
            .map(({ chat, messages, why }) => `${chat}: ${count(messages, "message")}, ${why}`)
            .join("\n"),
    ],
    ...(tasks.active + tasks.paused === 0
      ? []
      : [["tasks", describeTasks(tasks)] satisfies [string, string]]),
    ["outbox", describeOutbox(outbox)],
    ...(status.dead.newest.length === 0
      ? []
      : [["given up", describeDead(status, now)] satisfies [string, string]]),
    ...accounts.map((account): [string, string] => ["channel", accountWords(account)]),
    ...(status.mounts.length === 0
      ? []
      : [["mounts", status.mounts.map(describeMount).join("\n")] satisfies [string, string]]),
    ...status.gifts.flatMap(describeGifts),
    ...status.revealed.map(({ plugin, variable, groups }): [string, string] => [
      "REVEALED",
      `the secret ${variable}, as it is, to the agents of ${groups.join(", ")} (plugin ${plugin})`,
    ]),
    ...pins.map(({ group, target, address }): [string, string] => [
      "private",
      `${group ?? "every group"} reaches ${target} at ${address} (see: bellhop allow list)`,
    ]),
    ...(unregistered === 0
      ? []
      : [["chats", `${unregistered} without a group (see: bellhop chats list)`] satisfies [string, string]]),
    ...(status.senders.waiting === 0
      ? []
      : [
          ["strangers", `${status.senders.waiting} waiting (see: bellhop senders list)`] satisfies [
            string,
            string,
          ],
        ]),
    ...status.senders.problems.map((problem): [string, string] => ["senders", problem]),
    ...describePlugins(status.plugins).map((line): [string, string] => ["plugins", line]),
    [
      "last 24 h",
      `${count(usage.calls, "model call")}, ${usage.inputTokens} tokens in, ${usage.outputTokens} out${rehearsal && usage.costMicros === 0 ? "" : `, $${(usage.costMicros / 1_000_000).toFixed(2)}`}`,
    ],
  ];
  return rows
    .map(([name, value]) => `${name.padEnd(10)}${plain(value).replaceAll("\n", `\n${" ".repeat(10)}`)}\n`)
    .join("");
}

/** None where there is none. */
function describePlugins({ list, housing }: Status["plugins"]): string[] {
  const known = list.filter(({ state }) => state !== "new");
  const unknown = list.length - known.length;
  const lines = known.map(({ name, version, state, why, crashes, rssBytes }) =>
    [
      `${name} ${version}: ${state === "refused" ? "REFUSED" : state}`,
      ...(why === undefined ? [] : [why]),
      ...(crashes === 0 ? [] : [count(crashes, "crash", "es")]),
      ...(rssBytes === undefined || state !== "running" ? [] : [`${Math.round(rssBytes / 2 ** 20)} MiB`]),
    ].join(", "),
  );
  if (unknown > 0) lines.push(`${unknown} not approved (see: bellhop plugins list)`);
  if (housing !== "" && known.length > 0) lines.push(housing);
  return lines.length === 0 ? [] : [lines.join("\n")];
}

function describeDead({ dead, outbox }: Status, now: number): string {
  const counts = `${count(dead.turns, "turn")}, ${count(outbox.dead + outbox.unknown, "message")} (look with: bellhop dead list)`;
  const newest = dead.newest.map(({ id, chat, at, why }) => `${chat}, ${ago(now - at)} ago: ${why} (${id})`);
  return [counts, ...newest.map((line) => line.replaceAll(/\s+/g, " "))].join("\n");
}

function describePause({ since, by, reason }: NonNullable<Status["paused"]>, now: number): string {
  const why = reason === "" ? "" : `: ${reason}`;
  return `EVERYTHING STANDS STILL, for ${ago(now - since)}, by ${by}${why}\nNothing runs and nothing is sent. Go on with: bellhop resume`;
}

function describeTurn(
  { chat, state, attempt, startedAt, note }: Status["turns"][number],
  now: number,
): string {
  const again = attempt > 1 ? `, attempt ${attempt}` : "";
  return `${chat}: ${state} for ${ago(now - startedAt)}${again}${note === "" ? "" : `, ${note}`}`;
}

function describeMount({ group, source, target, mode, refused }: Status["mounts"][number]): string {
  return refused === undefined
    ? `${group}: ${source} as ${target}, ${mode}`
    : `${group}: ${source} REFUSED, ${refused}`;
}

function describeGifts({ plugin, groups, gives, problems }: Status["gifts"][number]): [string, string][] {
  const whom = groups === "all" ? "every group" : groups.join(", ");
  return [
    ...(gives.length === 0
      ? []
      : [["gives", `${plugin}, to ${whom}: ${gives.join(", ")}`] satisfies [string, string]]),
    ...problems.map((problem): [string, string] => ["gives", `${plugin}: ${problem}`]),
  ];
}

function describeTasks({ active, paused, failing, waiting }: Status["tasks"]): string {
  const more = [
    waiting > 0 ? `${waiting} waiting for their turn` : "",
    failing > 0 ? `${failing} failed when last run` : "",
    paused > 0 ? `${paused} paused` : "",
  ].filter((part) => part !== "");
  return [`${active} scheduled`, ...more].join(", ") + (more.length > 0 ? " (see: bellhop tasks list)" : "");
}

function describeOutbox({ open, unknown, dead }: Status["outbox"]): string {
  const parts = [
    open > 0 ? `${open} to deliver` : "",
    unknown > 0 ? `${unknown} of unknown fate` : "",
    dead > 0 ? `${dead} given up` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "all delivered" : parts.join(", ");
}

export function count(number: number, noun: string, plural = "s"): string {
  return `${number} ${noun}${number === 1 ? "" : plural}`;
}

/** A duration in its two largest units; `ms` below zero counts as 0. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const HELP = `
Examples:
  bellhop status
  bellhop status --json | jq .turns

Exit codes: 0 it runs; 1 it does not run, or did not answer.`;
