/**
 * What the broker reads of a model call before it passes it on, byte for byte. The sandbox wrote it, so
 * nothing but bookkeeping hangs on it: a lie spoils the agent's own usage rows.
 */
import { z } from "zod";
import type { Usage } from "../store/usage.ts";
import { parseJson } from "./failure.ts";

const Text = z.looseObject({ type: z.literal("text"), text: z.string() });
const CallBody = z.object({
  model: z.string().min(1).max(256),
  stream: z.boolean().optional(),
  max_tokens: z.number().optional(),
  output_config: z.looseObject({ format: z.unknown().optional() }).optional(),
  // Not looked into one by one: there may be very many.
  tools: z.unknown().optional(),
  messages: z.unknown().optional(),
});
const UserMessage = z.looseObject({
  role: z.literal("user"),
  content: z.union([z.string(), z.array(z.unknown())]),
});

export interface Call {
  readonly model: string;
  readonly kind: Usage["kind"];
  /** How many tokens the answer may have; absent where the call does not say it. */
  readonly maxTokens?: number | undefined;
}

/** The header with which the engine's program marks the calls of a subagent. */
export const AGENT_HEADER = "x-claude-code-agent-id";
/** How the engine's program asks for a summary, at the beginning of its text. */
const SUMMARY = /^(?:CRITICAL: Respond with TEXT ONLY|Your task is to create a detailed summary)/;

/** The newest message of the user role is among so many: after it come notes of the system role at most. */
const NEWEST = 8;

export type ParsedCall =
  | { readonly ok: true; readonly call: Call }
  | { readonly ok: false; readonly reason: string };

export function parseCall(
  body: Buffer,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): ParsedCall {
  const value = parseJson(body.toString("utf8"));
  if (value === undefined) return { ok: false, reason: "the request's body is not JSON." };
  const parsed = CallBody.safeParse(value);
  if (!parsed.success) return { ok: false, reason: z.prettifyError(parsed.error) };
  const { model, max_tokens: maxTokens } = parsed.data;
  return { ok: true, call: { model, kind: kindOf(parsed.data, headers), maxTokens } };
}

/**
 * - `subagent`: the program says so by a header
 * - `compaction`: the newest message asks for a summary
 * - `background`: no tools are offered, and a form (a title) or a single token is asked for
 * - `turn`: all else
 */
function kindOf(
  { messages, tools, max_tokens: maxTokens, output_config: output }: z.infer<typeof CallBody>,
  headers: Readonly<Record<string, unknown>>,
): Usage["kind"] {
  if (headers[AGENT_HEADER] !== undefined) return "subagent";
  const newest = listOf(messages)
    .slice(-NEWEST)
    .flatMap((message) => UserMessage.safeParse(message).data ?? [])
    .at(-1);
  if (newest && textsOf(newest.content).some((text) => SUMMARY.test(text))) return "compaction";
  const bare = listOf(tools).length === 0;
  return bare && (maxTokens === 1 || output?.format !== undefined) ? "background" : "turn";
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function textsOf(content: string | readonly unknown[]): string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((part) => {
    const text = Text.safeParse(part);
    return text.success ? [text.data.text] : [];
  });
}
