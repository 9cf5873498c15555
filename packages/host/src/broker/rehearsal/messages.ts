/**
 * The Messages API's own shapes: messages, their events, usage figures, errors. Pure.
 * After https://docs.anthropic.com/en/api/messages-streaming and /en/api/errors.
 */
import type { Message } from "./answer.ts";
import type { MessagesRequest } from "./conversation.ts";
import type { ErrorKind } from "./directives.ts";

export interface ApiError {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As the API really answers. A refusal is none of these: it is a message with its own stop reason. */
export function apiError(kind: Exclude<ErrorKind, "refusal">): ApiError {
  switch (kind) {
    case "rate_limit":
      return {
        status: 429,
        type: "rate_limit_error",
        message: "This request would exceed your account's rate limit. Please try again later.",
        headers: { "retry-after": "1" },
      };
    case "overloaded":
      return { status: 529, type: "overloaded_error", message: "Overloaded" };
    case "auth":
      return { status: 401, type: "authentication_error", message: "invalid x-api-key" };
    case "server":
      return { status: 500, type: "api_error", message: "Internal server error" };
    case "context":
      return {
        status: 400,
        type: "invalid_request_error",
        message: "prompt is too long: 204867 tokens > 200000 maximum",
      };
    default:
      return kind satisfies never;
  }
}

export const errorBody = ({ type, message }: ApiError, requestId: string) => ({
  type: "error",
  error: { type, message },
  request_id: requestId,
});

/** About four characters a token: the same text always counts the same. */
export const countTokens = (text: string) => Math.max(1, Math.ceil(text.length / 4));

export const inputTokens = ({ system, messages, tools }: MessagesRequest) =>
  countTokens(JSON.stringify([system ?? "", messages, tools ?? []], withoutFiles));

/** A picture costs by its size on the screen, not by its bytes: here it is free. */
const withoutFiles = (key: string, value: unknown) =>
  key === "data" && typeof value === "string" ? "" : value;

export interface MessageFrame {
  readonly id: string;
  readonly model: string;
  readonly inputTokens: number;
}

export type StopReason = "end_turn" | "tool_use" | "max_tokens" | "refusal";

export type ContentBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: object };

export function message(
  { id, model, inputTokens }: MessageFrame,
  content: readonly ContentBlock[],
  stop: StopReason | null,
) {
  const written = content.reduce(
    (sum, block) => sum + countTokens(block.type === "text" ? block.text : JSON.stringify(block.input)),
    0,
  );
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage: {
      input_tokens: inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: Math.max(1, written),
    },
  };
}

/** The whole content of an answer, for those who do not stream. */
export function contentOf(answer: Message, toolUseId: string): ContentBlock[] {
  if (answer.kind === "tool") {
    return [{ type: "tool_use", id: toolUseId, name: answer.name, input: answer.input }];
  }
  return [{ type: "text", text: answer.pieces.map(({ text }) => text).join("") }];
}

/** One server-sent event. */
export const sse = (type: string, data: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
