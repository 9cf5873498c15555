/** The options of `bellhop groups add` and `edit`: one for each setting that a group may have of its own. */
import { RejectedError } from "@bellhop/sdk";
import { type Command, Option } from "commander";
import { type GroupChange, GroupChoices } from "../config/sections.ts";

/** What stands for the value in `--help`, and what the option is for. */
const SETTINGS = {
  assistant: ["name", "the name the assistant answers to"],
  trigger: ["when", "what calls it: auto, always, called"],
  pattern: ["regexp", "text that calls it too, in RE2's syntax"],
  bots: ["yes|no", "whether other bots may call it"],
  timezone: ["zone", "where people there live, such as Europe/Berlin"],
  model: ["name", "which model answers"],
  engine: ["name", "what drives the agent: claude, acp"],
  queue: ["how", "what a message does during an answer: steer, queue, interrupt"],
  debounceSeconds: ["n", "wait for more before answering"],
  contextMessages: ["n", "how much of what was said around a call is given along"],
  contextTokens: ["n", "the same in tokens"],
  startSeconds: ["n", "how long a sandbox may take to start"],
  silenceMinutes: ["n", "a turn without any sign of life ends after this"],
  turnMinutes: ["n", "no turn takes longer"],
  taskModel: ["name", "the model of its scheduled tasks"],
  taskEffort: ["how", "how hard it thinks in them: low, medium, high, xhigh, max"],
} as const satisfies Record<keyof GroupChoices, readonly [string, string]>;

export type SettingOptions = Readonly<Partial<Record<keyof GroupChoices, string>>>;

const dashed = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function withSettings(command: Command): Command {
  for (const [name, [value, words]] of Object.entries(SETTINGS))
    command.addOption(new Option(`--${dashed(name)} <${value}>`, words));
  return command;
}

/** @throws RejectedError for a value that the setting cannot have */
export function settingsOf(options: SettingOptions): GroupChoices {
  const named = Object.keys(SETTINGS).flatMap((name): [string, unknown][] => {
    const value = Object.entries(options).find(([option]) => option === name)?.[1];
    return value === undefined ? [] : [[name, valueOf(name, value)]];
  });
  const parsed = GroupChoices.safeParse(Object.fromEntries(named));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RejectedError(`--${dashed(String(issue?.path[0] ?? "option"))}: ${issue?.message ?? "is wrong"}`);
}

/** @throws RejectedError for what is no setting */
export function resetsOf(names: readonly string[]): GroupChange {
  const known = Object.keys(SETTINGS);
  return Object.fromEntries(
    names.map((name) => {
      const setting = known.find((one) => one === name || dashed(one) === name);
      if (setting) return [setting, null];
      throw new RejectedError(`${name} is no setting of a group; they are ${known.map(dashed).join(", ")}.`);
    }),
  );
}

function valueOf(name: string, text: string): unknown {
  if (name === "bots") return text === "yes" ? true : text === "no" ? false : text;
  return NUMBERS.has(name) && text.trim() !== "" ? Number(text) : text;
}

const NUMBERS: ReadonlySet<string> = new Set([
  "debounceSeconds",
  "contextMessages",
  "contextTokens",
  "startSeconds",
  "silenceMinutes",
  "turnMinutes",
] satisfies (keyof GroupChoices)[]);
