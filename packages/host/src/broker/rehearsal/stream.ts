/**
 * Writes a message as server-sent events, at the pace the person asked for: `message_start` at once,
 * then blocks and deltas, pings while nothing else happens.
 */
import type { ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.ts";
import type { Message, Piece } from "./answer.ts";
import { countTokens, message, sse, type MessageFrame, type StopReason } from "./messages.ts";

/** Waits so many ms. @throws Error when the caller goes away meanwhile */
export type Wait = (ms: number) => Promise<void>;

/** As the API does while a model thinks. */
const PING_MS = 10_000;

export function patience(clock: Clock, response: ServerResponse): Wait {
  return async (ms) => {
    for (let left = ms; left > 0; left -= PING_MS) {
      await pause(clock, Math.min(left, PING_MS), response);
      if (left > PING_MS && response.headersSent) response.write(sse("ping", {}));
    }
  };
}

function pause(clock: Clock, ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      cancel();
      reject(new Error("the caller went away"));
    };
    const cancel = clock.after(ms, () => {
      response.off("close", gone);
      resolve();
    });
    if (response.destroyed) gone();
    else response.once("close", gone);
  });
}

/** How long the pieces of a message take together, ms. */
export function duration(answer: Message): number {
  if (answer.kind === "tool") return answer.afterMs;
  return answer.pieces.reduce((sum, piece) => {
    return sum + piece.afterMs + piece.everyMs * (wordsOf(piece).length - 1);
  }, 0);
}

export async function streamMessage(
  answer: Message,
  frame: MessageFrame,
  toolUseId: string,
  response: ServerResponse,
  wait: Wait,
): Promise<void> {
  const event = writer(response);
  open(frame, response);
  if (answer.kind === "tool") {
    await wait(answer.afterMs);
    const partial_json = JSON.stringify(answer.input);
    const content_block = { type: "tool_use", id: toolUseId, name: answer.name, input: {} };
    event("content_block_start", { index: 0, content_block });
    event("content_block_delta", { index: 0, delta: { type: "input_json_delta", partial_json } });
    event("content_block_stop", { index: 0 });
    return finish(response, "tool_use", countTokens(partial_json));
  }
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  for (const piece of answer.pieces) {
    await wait(piece.afterMs);
    for (const [index, text] of wordsOf(piece).entries()) {
      if (index > 0) await wait(piece.everyMs);
      event("content_block_delta", { index: 0, delta: { type: "text_delta", text } });
    }
  }
  event("content_block_stop", { index: 0 });
  finish(response, answer.stop, countTokens(answer.pieces.map(({ text }) => text).join("")));
}

/** A refusal as the API streams it: a message without content and a stop reason of its own. */
export function streamRefusal(frame: MessageFrame, response: ServerResponse): void {
  open(frame, response);
  finish(response, "refusal", 1);
}

/** What goes out in one event each: words with the blank before them, or the whole where nothing is paced. */
function wordsOf({ text, everyMs }: Piece): readonly string[] {
  return everyMs > 0 ? (text.match(/\s*\S+/g) ?? []) : [text];
}

function open(frame: MessageFrame, response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  });
  const event = writer(response);
  event("message_start", { message: message(frame, [], null) });
  event("ping", {});
}

function finish(response: ServerResponse, stop_reason: StopReason, output_tokens: number): void {
  const event = writer(response);
  event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens } });
  event("message_stop", {});
  response.end();
}

const writer = (response: ServerResponse) => (type: string, data: object) => {
  response.write(sse(type, data));
};
