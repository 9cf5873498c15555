/**
 * What the Claude Agent SDK passes on from its program, parsed once. The program is the agent's, so a
 * message that does not fit its schema is no news, never an error; past this file a frame is a typed
 * value. Only the main conversation makes text: what subagents say is proof of life.
 */
import { z } from "zod";
import type { WireId } from "./prompt-feed.ts";

export type Frame =
  /** The program took this prompt in: as its turn's first, or into the turn under way. */
  | { readonly type: "started"; readonly prompt: WireId }
  /** The program will not run this prompt. */
  | { readonly type: "dropped"; readonly prompt: WireId }
  /** A model call begins: no tool runs, so a prompt given now would not join. */
  | { readonly type: "asking" }
  /** The model calls a tool of this name; what is given until it ends joins the turn. `forMs` is its own timeout. */
  | { readonly type: "calling"; readonly tool: string; readonly forMs?: number | undefined }
  | { readonly type: "running"; readonly tool: string }
  | { readonly type: "delta"; readonly text: string }
  | { readonly type: "text"; readonly text: string }
  /** An entry of the main conversation at which a later session may resume. */
  | { readonly type: "entry"; readonly uuid: string }
  | { readonly type: "api-error"; readonly error: string; readonly status: number | undefined }
  | ({ readonly type: "result" } & Result)
  /** A turn of the program's begins. `unasked`: not with a prompt of ours. */
  | { readonly type: "turn"; readonly unasked: boolean; readonly commands: readonly string[] }
  /** What was said so far is now a summary. */
  | { readonly type: "compacted" }
  /** How many pieces of work go on beside the conversation. */
  | { readonly type: "background"; readonly running: number }
  /** One of them has ended; `news` is what the program says of it. */
  | { readonly type: "background-ended"; readonly news: string }
  | { readonly type: "alive" };

/** The end of a turn of the program's, as it tells it. Also its last words when it cannot start. */
export interface Result {
  readonly isError: boolean;
  readonly errors: readonly string[];
  readonly text: string;
  readonly stopReason: string | undefined;
  readonly terminalReason: string | undefined;
  readonly startupFailure: string | undefined;
  readonly apiStatus: number | undefined;
  /** Every prompt that this turn took in. */
  readonly prompts: readonly WireId[];
}

export interface Reading {
  /** The program's name of the conversation this belongs to. */
  readonly session: string | undefined;
  readonly frames: readonly Frame[];
}

const Session = z.uuid();
const Wire = z.uuid().transform((id) => id as WireId); // a uuid, which the template type cannot see
const short = z.string().max(1_000);
const status = z.number().nullish();
/** Of what ended: a subagent's whole report may stand there, and the model has it anyway. */
const MAX_NEWS = 2_000;
const Ids = z.array(z.unknown()).max(1_000);

const Message = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("command_lifecycle"),
    command_uuid: Wire,
    state: z.enum(["queued", "started", "completed", "cancelled"]),
  }),
  z.looseObject({ type: z.literal("system"), subtype: short }),
  z.object({
    type: z.literal("stream_event"),
    parent_tool_use_id: z.string().nullish(),
    event: z.object({
      type: short,
      content_block: z.object({ type: short, name: short.optional() }).optional().catch(undefined),
      delta: z.object({ type: short, text: z.string().optional() }).optional().catch(undefined),
    }),
  }),
  z.object({
    type: z.literal("assistant"),
    parent_tool_use_id: z.string().nullish(),
    uuid: z.uuid(),
    error: short.optional(),
    api_error_status: status,
    message: z.object({
      model: short.optional(),
      content: z
        .array(
          z.object({
            type: short,
            text: z.string().optional(),
            name: short.optional(),
            input: z.object({ timeout: z.number().positive() }).optional().catch(undefined),
          }),
        )
        .max(1_000),
    }),
  }),
  z.object({ type: z.literal("tool_progress"), tool_name: short }),
  z.object({
    type: z.literal("result"),
    is_error: z.boolean(),
    errors: z.array(z.string()).max(100).default([]),
    result: z.string().default(""),
    stop_reason: short.nullish(),
    terminal_reason: short.nullish(),
    startup_failure_reason: short.nullish(),
    api_error_status: status,
    user_message_uuids: Ids.default([]),
  }),
  z.object({
    type: z.literal("user"),
    parent_tool_use_id: z.string().nullish(),
    uuid: z.uuid().optional().catch(undefined),
  }),
]);
type Message = z.infer<typeof Message>;

/** The ones of the type `system` that say more than that the program lives. */
const System = z.discriminatedUnion("subtype", [
  z.object({ subtype: z.literal("status"), status: z.literal("requesting") }),
  z.object({
    subtype: z.literal("init"),
    slash_commands: z.array(short).max(1_000).catch([]),
    user_message_uuids: Ids.default([]),
  }),
  z.object({ subtype: z.literal("compact_boundary") }),
  z.object({
    subtype: z.literal("background_tasks_changed"),
    tasks: z.array(z.object({ ambient: z.boolean().optional() })).max(1_000),
  }),
  z.object({
    subtype: z.literal("task_notification"),
    summary: z.string().transform((text) => text.slice(0, MAX_NEWS)),
    ambient: z.boolean().optional(),
  }),
]);

/** Text that the program itself wrote into the conversation: error texts and answers to its own commands. */
const SYNTHETIC = "<synthetic>";

export function readMessage(value: unknown): Reading {
  const session = z.object({ session_id: Session }).safeParse(value);
  const message = Message.safeParse(value);
  // A hook of the group's own speaks before the program is up, and may keep it from ever being so.
  const early = message.data?.type === "system" && message.data.subtype.startsWith("hook_");
  return {
    session: session.success && !early ? session.data.session_id : undefined,
    // Whatever else it prints, it lives.
    frames: message.success ? framesOf(message.data) : [{ type: "alive" }],
  };
}

function framesOf(message: Message): Frame[] {
  switch (message.type) {
    case "command_lifecycle":
      if (message.state === "started") return [{ type: "started", prompt: message.command_uuid }];
      if (message.state === "cancelled") return [{ type: "dropped", prompt: message.command_uuid }];
      return [];
    case "system":
      return [systemFrame(message)];
    case "stream_event":
      return message.parent_tool_use_id ? [{ type: "alive" }] : streamed(message.event);
    case "assistant":
      return message.parent_tool_use_id ? [{ type: "alive" }] : said(message);
    case "tool_progress":
      return [{ type: "running", tool: message.tool_name }];
    case "user":
      // Tool results, and the note that an interrupt leaves behind.
      return message.parent_tool_use_id || !message.uuid
        ? [{ type: "alive" }]
        : [{ type: "entry", uuid: message.uuid }];
    case "result":
      return [
        {
          type: "result",
          isError: message.is_error,
          errors: message.errors,
          text: message.result,
          stopReason: message.stop_reason ?? undefined,
          terminalReason: message.terminal_reason ?? undefined,
          startupFailure: message.startup_failure_reason ?? undefined,
          apiStatus: message.api_error_status ?? undefined,
          prompts: message.user_message_uuids.flatMap((id) => Wire.safeParse(id).data ?? []),
        },
      ];
    default:
      return message satisfies never;
  }
}

function systemFrame(message: unknown): Frame {
  const { data } = System.safeParse(message);
  switch (data?.subtype) {
    case "status":
      return { type: "asking" };
    case "init":
      return { type: "turn", unasked: data.user_message_uuids.length === 0, commands: data.slash_commands };
    case "compact_boundary":
      return { type: "compacted" };
    case "background_tasks_changed":
      return { type: "background", running: data.tasks.filter(({ ambient }) => ambient !== true).length };
    case "task_notification":
      return data.ambient === true ? { type: "alive" } : { type: "background-ended", news: data.summary };
    case undefined:
      return { type: "alive" };
    default:
      return data satisfies never;
  }
}

function streamed({
  type,
  content_block: block,
  delta,
}: Extract<Message, { type: "stream_event" }>["event"]): Frame[] {
  if (type === "message_start") return [{ type: "asking" }];
  // Server-side tools (web search) are part of the model's own answer: nothing joins there.
  if (type === "content_block_start" && block?.type === "tool_use") {
    return [{ type: "calling", tool: block.name ?? "tool" }];
  }
  if (type === "content_block_delta" && delta?.type === "text_delta" && delta.text) {
    return [{ type: "delta", text: delta.text }];
  }
  return [{ type: "alive" }];
}

function said({ message, uuid, error, api_error_status }: Extract<Message, { type: "assistant" }>): Frame[] {
  if (error !== undefined) return [{ type: "api-error", error, status: api_error_status ?? undefined }];
  if (message.model === SYNTHETIC) return [{ type: "alive" }];
  const frames: Frame[] = [{ type: "entry", uuid }];
  for (const { type, text, name, input } of message.content) {
    if (type === "text" && text) frames.push({ type: "text", text });
    if (type === "tool_use") frames.push({ type: "calling", tool: name ?? "tool", forMs: input?.timeout });
  }
  return frames;
}
