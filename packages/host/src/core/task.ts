/**
 * Tasks: what is to be done at set times without anybody writing, and what became of each time.
 *
 * A task is a schedule with a prompt (or a script). Each time it names is an *occurrence*, and every
 * occurrence ends in a named state. This is how the API, the command line and the agent's tools see them.
 */
import { randomInt } from "node:crypto";
import { z } from "zod";
import { ChatId, GroupFolder, TurnId } from "./ids.ts";

/** Short, because people and models write it: eight letters and digits that cannot be mistaken. */
export const TaskId = z
  .string()
  .regex(/^[a-hj-km-np-z2-9]{8}$/, "a task's id is eight letters and digits")
  .brand<"TaskId">();
export type TaskId = z.infer<typeof TaskId>;

const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";

export function newTaskId(random: (below: number) => number = randomInt): TaskId {
  return TaskId.parse(Array.from({ length: 8 }, () => ALPHABET[random(ALPHABET.length)]).join(""));
}

export const OccurrenceId = z.uuid().brand<"OccurrenceId">();
export type OccurrenceId = z.infer<typeof OccurrenceId>;

const Instant = z.number().describe("Milliseconds since 1970.");

/** When it is due, in the form that is stored. The time zone of a cron expression stands on its task (G20). */
export const Schedule = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("cron"),
    cron: z.string().describe("Five or six fields, as they were written."),
  }),
  z.object({
    kind: z.literal("interval"),
    everyMs: z.int().positive(),
    anchor: Instant.describe("The grid is anchor + k × everyMs, for ever (G19)."),
  }),
  z.object({ kind: z.literal("once"), at: Instant }),
]);
export type Schedule = z.infer<typeof Schedule>;

/** What becomes of a time that was more than a minute ago when somebody looked (G17). */
export const Misfire = z
  .enum(["fire_once", "skip", "catch_up"])
  .describe("fire_once: one run for all that were missed; skip: none; catch_up: the last ten, one by one.");
/** What becomes of a time that comes while an earlier run has not ended (G18). */
export const Overlap = z
  .enum(["skip", "queue_one", "queue_all", "cancel_other", "allow"])
  .describe(
    "skip: it is not run, and that is recorded; queue_one and queue_all (ten): it waits; cancel_other: the earlier one is ended; allow: both.",
  );
export const GateFailure = z
  .enum(["notify", "ignore", "wake"])
  .describe("When the gate itself fails: tell the chat, only record it, or run the task all the same.");
export const Context = z
  .enum(["isolated", "group"])
  .describe("isolated: a fresh conversation each time; group: the conversation of its chat.");
export const Effort = z.enum(["low", "medium", "high", "xhigh", "max"]);
export type Effort = z.infer<typeof Effort>;

export const TaskState = z
  .enum(["active", "paused", "done", "cancelled"])
  .describe("done: nothing of its schedule is left.");

/** What one run may use of the model; null: no limit. */
const Budget = {
  maxTokens: z.int().positive().nullable().describe("Tokens that one run may use, of all kinds together."),
  maxUsd: z.number().positive().nullable().describe("Dollars that one run may cost."),
};

export const Task = z.object({
  id: TaskId,
  group: GroupFolder,
  chat: ChatId.describe("Where it answers."),
  prompt: z.string().describe("What the agent is asked; empty where a script is the whole task."),
  script: z.string().nullable().describe("A command whose output is the message; no model is asked."),
  gate: z.string().nullable().describe("A command that decides, before the model is asked, whether it is."),
  gateFailure: GateFailure,
  schedule: Schedule,
  timezone: z.string().describe("IANA name."),
  context: Context,
  model: z.string().nullable(),
  effort: Effort.nullable(),
  announce: z.boolean().describe("Whether its answer is sent to its chat."),
  misfire: Misfire,
  overlap: Overlap,
  retries: z.int().describe("Further attempts at a run that failed."),
  atMostOnce: z.boolean().describe("A run that was cut off by a crash of the host is not tried again."),
  endsAt: Instant.nullable().describe("No time after this one."),
  maxRuns: z.int().nullable().describe("So many times of its schedule, and no more."),
  jitterMs: z.int().describe("Each time is put off by chance, by less than this."),
  timeoutMs: z.int().nullable().describe("How long one attempt may take; null: as long as an answer may."),
  ...Budget,
  state: TaskState,
  note: z.string().nullable().describe("Why it is in this state, where there is something to say."),
  nextAt: Instant.nullable().describe("The next time; null where there is none."),
  fired: z.int().describe("Times of its schedule that have come."),
  failures: z.int().describe("Runs that failed, in a row."),
  createdBy: z.string(),
  createdAt: Instant,
  updatedAt: Instant,
});
export type Task = z.infer<typeof Task>;

/** Longer than anybody writes by hand, short enough to be told whole. */
const MOST_PROMPT = 20_000;
const MOST_COMMAND = 4_000;

const Command = z.string().trim().min(1).max(MOST_COMMAND);
const Times = {
  cron: z.string().trim().min(1).max(200).optional().describe("Five or six fields, or @daily and its like."),
  every: z
    .union([z.string().trim().min(1).max(50), z.int().positive()])
    .optional()
    .describe("A duration such as 90m or 1h30m, or milliseconds."),
  at: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .describe("Once: 2026-12-24T18:00 (local), with an offset, 17:00, tomorrow 9:00, +90s, in 10 minutes."),
};

const fields = {
  chat: ChatId.optional(),
  prompt: z.string().trim().min(1).max(MOST_PROMPT).optional(),
  script: Command.nullable().optional(),
  gate: Command.nullable().optional(),
  gateFailure: GateFailure.optional(),
  ...Times,
  timezone: z.string().min(1).max(100).optional(),
  context: Context.optional(),
  model: z.string().trim().min(1).max(128).nullable().optional(),
  effort: Effort.nullable().optional(),
  announce: z.boolean().optional(),
  misfire: Misfire.optional(),
  overlap: Overlap.optional(),
  retries: z.int().min(0).max(10).optional(),
  atMostOnce: z.boolean().optional(),
  until: z.string().trim().min(1).max(100).nullable().optional().describe("No time after this one; as `at`."),
  maxRuns: z.int().min(1).max(1_000_000).nullable().optional(),
  jitter: z
    .union([z.string().trim().min(1).max(50), z.int().min(0)])
    .optional()
    .describe("A duration; each time is put off by chance, by less than this."),
  timeout: z
    .union([z.string().trim().min(1).max(50), z.int().positive()])
    .nullable()
    .optional()
    .describe("A duration: how long one attempt may take."),
  maxTokens: Budget.maxTokens.optional(),
  maxUsd: Budget.maxUsd.optional(),
};

/** What whoever makes a task says. Exactly one of `cron`, `every`, `at`; a `prompt` or a `script`. */
export const NewTask = z.strictObject({ group: GroupFolder.optional(), ...fields });
export type NewTask = z.infer<typeof NewTask>;

/** What is not named stays as it is; null takes away. */
export const TaskChange = z.strictObject(fields);
export type TaskChange = z.infer<typeof TaskChange>;

/** `waiting`: for its turn. The last five are final, and every occurrence ends in one of them. */
export const OccurrenceState = z.enum([
  "waiting",
  "running",
  "succeeded",
  "failed",
  "skipped",
  "missed",
  "cancelled",
]);
export type OccurrenceState = z.infer<typeof OccurrenceState>;

export const Occurrence = z.object({
  id: OccurrenceId,
  task: TaskId,
  scheduledFor: Instant,
  manual: z.boolean().describe("Somebody ran it by hand; it is no time of the schedule."),
  state: OccurrenceState,
  reason: z.string().nullable().describe("Why it ended so, in plain words."),
  missed: z.int().describe("How many times of the schedule were missed, and are counted with this one."),
  createdAt: Instant,
  startedAt: Instant.nullable().describe("When its first attempt was claimed."),
  endedAt: Instant.nullable(),
  durationMs: z.number().nullable(),
  attempts: z.int(),
  result: z.string().nullable().describe("What it answered, at most the first 10,000 characters."),
  tokens: z.int().describe("Of all its model calls."),
  costMicros: z.number().describe("Millionths of a dollar."),
  turn: TurnId.nullable(),
});
export type Occurrence = z.infer<typeof Occurrence>;

/** A task with what people want to know of it. */
export const OpenedTask = Task.extend({
  next: z.array(Instant).describe("The next times, three at most."),
  explained: z.array(z.string()).describe("When it runs next, and if it did not run, why; a sentence each."),
  recent: z.array(Occurrence).describe("Newest first."),
});
export type OpenedTask = z.infer<typeof OpenedTask>;

/** The first line of what it is to do: how a task is called in front of people. */
export function titleOf({ prompt, script }: Pick<Task, "prompt" | "script">): string {
  const line = (script ?? prompt).trim().split("\n", 1)[0] ?? "";
  return line.length <= 80 ? line : `${line.slice(0, 79).toWellFormed()}…`;
}
