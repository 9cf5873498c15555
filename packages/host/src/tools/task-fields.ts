/** What `schedule_task` and `update_task` take, and how it is said to the desk. */
import { z } from "zod";
import { given } from "../core/given.ts";
import { ChatId } from "../core/ids.ts";
import { Context, Effort, GateFailure, Misfire, Overlap, type TaskChange } from "../core/task.ts";

const duration = z.union([z.string(), z.int()]);

export const taskFields = {
  prompt: z.string().optional().describe("What to do then, complete: whoever does it sees nothing else."),
  cron: z.string().optional().describe('Five or six fields, or @daily: "0 7 * * 1-5".'),
  every: duration.optional().describe("90m, 1h30m, …, or milliseconds."),
  at: z
    .string()
    .optional()
    .describe("Once: 2026-12-24T18:00 (local), 17:00, tomorrow 9:00, in 10 minutes, +90s."),
  timezone: z.string().optional().describe("IANA name, if not the group's."),
  context: Context.optional().describe(
    "isolated (default): a fresh conversation each time. group: the conversation of the chat.",
  ),
  chat: ChatId.optional().describe("Where it answers, if not here."),
  script: z.string().optional().describe("Instead of a prompt: a command whose output is the message."),
  gate: z
    .string()
    .nullable()
    .optional()
    .describe(
      'A command run before you are woken; its last line {"wake": true|false, "context": …} decides.',
    ),
  gate_failure: GateFailure.optional().describe("Default notify."),
  announce: z.boolean().optional().describe("false: the answer is not sent. Default true."),
  model: z.string().nullable().optional(),
  effort: Effort.nullable().optional(),
  misfire: Misfire.optional().describe("After an outage. Default: fire_once, for `every` skip."),
  overlap: Overlap.optional().describe("While an earlier run goes on. Default skip."),
  until: z.string().nullable().optional().describe("No run after this time."),
  max_runs: z.int().nullable().optional(),
  jitter: duration.optional(),
  timeout: duration.nullable().optional(),
  retries: z.int().optional().describe("After a failure. Default 2."),
  at_most_once: z.boolean().optional().describe("Not tried again after a crash of the host."),
  max_tokens: z.int().nullable().optional(),
  max_usd: z.number().nullable().optional(),
};

type Fields = z.output<z.ZodObject<typeof taskFields>>;

/** The same in the words of the desk, which judges it. */
export function toChange(fields: Fields): TaskChange {
  const { gate_failure, at_most_once, max_runs, max_tokens, max_usd, ...rest } = fields;
  return given({
    ...rest,
    gateFailure: gate_failure,
    atMostOnce: at_most_once,
    maxRuns: max_runs,
    maxTokens: max_tokens,
    maxUsd: max_usd,
  });
}
