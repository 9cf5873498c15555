/**
 * The options of `bellhop tasks add` and `edit`, and what they make of a task. What a time, a duration or
 * an expression means is the host's to say: it knows the zone, and the time.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import type { z } from "zod";
import { Context, Effort, GateFailure, Misfire, Overlap, type TaskChange } from "../core/task.ts";
import { chatNamed } from "./home-option.ts";

type Change = z.input<typeof TaskChange>;

/** As commander gives them: `false` is what `--no-…` says. */
export interface TaskOptions extends Pick<
  Change,
  "cron" | "at" | "prompt" | "timezone" | "context" | "gateFailure" | "misfire" | "overlap" | "retries"
> {
  readonly every?: string;
  readonly script?: string | false;
  readonly chat?: string;
  readonly model?: string | false;
  readonly effort?: z.infer<typeof Effort> | false;
  readonly gate?: string | false;
  readonly silent?: true;
  readonly announce?: true;
  readonly atMostOnce?: boolean;
  readonly until?: string | false;
  readonly maxRuns?: number | false;
  readonly jitter?: string;
  readonly timeout?: string | false;
  readonly maxTokens?: number | false;
  readonly maxUsd?: number | false;
}

export function withTaskOptions(command: Command): Command {
  for (const option of [...SCHEDULE, ...WORK, ...POLICY].map((make) => make())) command.addOption(option);
  return command;
}

/** With those that take something away again. */
export function withChangeOptions(command: Command): Command {
  withTaskOptions(command).addOption(
    new Option("--announce", "send its answers to its chat again").conflicts("silent"),
  );
  for (const [name, meaning] of TAKEN_AWAY) command.addOption(new Option(`--no-${name}`, meaning));
  return command;
}

/** @throws RejectedError for a chat that cannot be one */
export function changeOf(options: TaskOptions): Change {
  const { silent, announce, chat, every, jitter, timeout, script, gate, model, effort, until } = options;
  const { cron, at, prompt, timezone, context, gateFailure, misfire, overlap, retries, atMostOnce } = options;
  return {
    cron,
    at,
    prompt,
    timezone,
    context,
    gateFailure,
    misfire,
    overlap,
    retries,
    atMostOnce,
    every: durationOf(every),
    jitter: durationOf(jitter),
    chat: chat === undefined ? undefined : chatNamed(chat),
    announce: silent ? false : announce,
    script: orNull(script),
    gate: orNull(gate),
    model: orNull(model),
    effort: orNull(effort),
    until: orNull(until),
    timeout: timeout === false ? null : durationOf(timeout),
    maxRuns: orNull(options.maxRuns),
    maxTokens: orNull(options.maxTokens),
    maxUsd: orNull(options.maxUsd),
  };
}

const SCHEDULE = [
  () =>
    new Option("--cron <expr>", "five fields, or six with seconds; or @daily and its like").conflicts([
      "every",
      "at",
    ]),
  () =>
    new Option("--every <duration>", "such as 90m, 1h30m or 2d; a number alone is milliseconds").conflicts([
      "at",
    ]),
  () => new Option("--at <time>", 'once: 17:00, +90s, "tomorrow 9:00", 2026-12-24T18:00'),
  () =>
    new Option("--timezone <tz>", "where its times are meant, as in Europe/Berlin (default: the group's)"),
  () => new Option("--until <time>", "no time after this one"),
  () => new Option("--max-runs <n>", "so many times, and no more").argParser(whole),
  () => new Option("--jitter <duration>", "put each time off by chance, by less than this"),
];

const WORK = [
  () => new Option("--prompt <text>", "what the agent is asked"),
  () => new Option("--script <cmd>", "a command whose output is the message; no model is asked"),
  () => new Option("--gate <cmd>", "a command that decides first whether the model is asked"),
  () => new Option("--gate-failure <what>", "if the gate itself fails").choices([...GateFailure.options]),
  () =>
    new Option(
      "--chat <chat>",
      "where it answers: an address, or a terminal chat's name (default: the chat of the group that was used last)",
    ),
  () => new Option("--silent", "keep its answers to its history"),
  () =>
    new Option("--context <which>", "a fresh conversation each time, or that of its chat").choices([
      ...Context.options,
    ]),
  () => new Option("--model <name>", "another model than tasks have here"),
  () => new Option("--effort <level>", "how hard the model thinks").choices([...Effort.options]),
];

const POLICY = [
  () => new Option("--misfire <what>", "of times that were missed").choices([...Misfire.options]),
  () => new Option("--overlap <what>", "while an earlier run goes on").choices([...Overlap.options]),
  () => new Option("--retries <n>", "further attempts at a run that failed").argParser(whole),
  () => new Option("--at-most-once", "do not run it again if a crash cut it off"),
  () => new Option("--timeout <duration>", "how long one attempt may take"),
  () => new Option("--max-tokens <n>", "tokens that one run may use").argParser(whole),
  () => new Option("--max-usd <x>", "dollars that one run may cost").argParser(amount),
];

const TAKEN_AWAY = [
  ["script", "ask the model instead; it needs a prompt then"],
  ["gate", "always ask the model"],
  ["model", "the model that tasks have here"],
  ["effort", "the model's own"],
  ["at-most-once", "run it again if a crash cut it off"],
  ["until", "for ever"],
  ["max-runs", "as often as its time comes"],
  ["timeout", "as long as an answer may take"],
  ["max-tokens", "without this limit"],
  ["max-usd", "without this limit"],
] as const;

function orNull<T>(value: T | false | undefined): T | null | undefined {
  return value === false ? null : value;
}

/** A number alone is milliseconds, everything else is the host's to read. */
function durationOf(text: string | undefined): string | number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : text;
}

export function whole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number.");
}

function amount(text: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number such as 0.50.");
}
