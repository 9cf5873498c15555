/**
 * Reads usage out of an answer of the Messages API while it passes: server-sent events or JSON, in
 * chunks split anywhere. It sees copies after the fact and can neither delay nor change a byte; what it
 * cannot read, it leaves out. An answer that was cut off counts as far as it came.
 */
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import type { EngineFailure } from "../turns/engine.ts";
import { brokenOff, parseJson, refusedByModel, streamFailure } from "./failure.ts";
import { NO_TOKENS, type Tokens } from "./prices.ts";

const count = z.number().nonnegative().nullish();
const UsageFigures = z.looseObject({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  cache_creation: z.looseObject({ ephemeral_1h_input_tokens: count }).nullish(),
  server_tool_use: z.looseObject({ web_search_requests: count }).nullish(),
});
type UsageFigures = z.infer<typeof UsageFigures>;
const MessageFigures = z.looseObject({
  model: z.string().optional(),
  stop_reason: z.string().nullish(),
  usage: UsageFigures.optional(),
});
/** The events that matter here; all others are passed over unread. */
const StreamEvent = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("message_start"), message: MessageFigures }),
  z.looseObject({
    type: z.literal("message_delta"),
    delta: z.looseObject({ stop_reason: z.string().nullish() }).optional(),
    usage: UsageFigures.optional(),
  }),
  z.looseObject({ type: z.literal("message_stop") }),
  z.looseObject({
    type: z.literal("error"),
    error: z.looseObject({ type: z.string(), message: z.string().default("") }),
  }),
]);
const MATTERS = /"type"\s*:\s*"(?:message_start|message_delta|message_stop|error)"/;

export interface Metered {
  readonly tokens: Tokens;
  /** Model that served; undefined where the answer did not say. */
  readonly model: string | undefined;
  readonly failure: EngineFailure | undefined;
}

export interface Meter {
  push(chunk: Buffer): void;
  /** What is known now. `whole` tells whether the answer came to its end. */
  result(whole: boolean): Metered;
}

/** Past this a single event or body is not read; no usage figure is near it. */
const MAX_UNIT = 8 * 1024 * 1024;

export function createMeter(streamed: boolean): Meter {
  const figures: { -readonly [K in keyof Tokens]: Tokens[K] } = { ...NO_TOKENS };
  let model: string | undefined;
  let stopReason: string | undefined;
  let failure: EngineFailure | undefined;
  let finished = false;

  /** Later figures replace earlier ones: the API's are running totals. */
  function take(usage: UsageFigures | undefined): void {
    if (!usage) return;
    figures.input = usage.input_tokens ?? figures.input;
    figures.output = usage.output_tokens ?? figures.output;
    figures.cacheRead = usage.cache_read_input_tokens ?? figures.cacheRead;
    figures.cacheWriteHour = usage.cache_creation?.ephemeral_1h_input_tokens ?? figures.cacheWriteHour;
    figures.webSearches = usage.server_tool_use?.web_search_requests ?? figures.webSearches;
    const written = usage.cache_creation_input_tokens;
    if (written !== undefined && written !== null) {
      figures.cacheWrite = Math.max(0, written - figures.cacheWriteHour);
    }
  }

  function takeEvent(data: string): void {
    if (!MATTERS.test(data)) return;
    const parsed = StreamEvent.safeParse(parseJson(data));
    if (!parsed.success) return;
    const event = parsed.data;
    switch (event.type) {
      case "message_start":
        model = event.message.model ?? model;
        take(event.message.usage);
        break;
      case "message_delta":
        stopReason = event.delta?.stop_reason ?? stopReason;
        take(event.usage);
        break;
      case "message_stop":
        finished = true;
        break;
      case "error":
        failure = streamFailure(event.error.type, event.error.message);
        break;
      default:
        event satisfies never;
    }
  }

  function takeBody(text: string): void {
    const parsed = MessageFigures.safeParse(parseJson(text));
    if (!parsed.success) return;
    model = parsed.data.model ?? model;
    stopReason = parsed.data.stop_reason ?? stopReason;
    take(parsed.data.usage);
    finished = true;
  }

  const body = streamed ? undefined : createBody();
  const events = streamed ? createEvents(takeEvent) : undefined;
  return {
    push(chunk) {
      body?.push(chunk);
      events?.push(chunk);
    },
    result(whole) {
      if (body && !finished) takeBody(body.text());
      const cut = whole && (finished || !streamed) ? undefined : brokenOff;
      const refused = stopReason === "refusal" ? refusedByModel : undefined;
      return { tokens: { ...figures }, model, failure: failure ?? cut ?? refused };
    },
  };
}

function createBody() {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    push(chunk: Buffer) {
      size += chunk.length;
      if (size <= MAX_UNIT) chunks.push(chunk);
    },
    text: () => (size <= MAX_UNIT ? Buffer.concat(chunks).toString("utf8") : ""),
  };
}

/** Gives the data of each server-sent event, as https://html.spec.whatwg.org/ defines the lines. */
function createEvents(take: (data: string) => void) {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let data: string[] = [];
  let skipping = false;

  function line(text: string): void {
    if (text === "") {
      if (data.length > 0) take(data.join("\n"));
      data = [];
    } else if (text.startsWith("data:")) {
      data.push(text.slice(text.startsWith("data: ") ? 6 : 5));
    }
  }

  return {
    push(chunk: Buffer) {
      // Only what is new is searched, or one long line in small chunks would cost its length squared.
      const [head = "", ...tail] = decoder.write(chunk).split("\n");
      rest += head;
      const lines = tail.length > 0 ? [rest, ...tail.slice(0, -1)] : [];
      rest = tail.at(-1) ?? rest;
      for (const text of lines) {
        if (skipping) skipping = false;
        else line(text.endsWith("\r") ? text.slice(0, -1) : text);
      }
      if (rest.length > MAX_UNIT) {
        rest = "";
        data = [];
        skipping = true;
      }
    },
  };
}
