/**
 * The way of prompts into the SDK's streaming input.
 *
 * Each prompt gets a name of its own each time it is given. The id of its inbox row will not do: the
 * program silently drops a prompt whose uuid its transcript holds already, and a second attempt would
 * wait for an answer for ever.
 */
import type { UUID } from "node:crypto";
import type { SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";

export type WireId = UUID;

export interface PromptFeed extends AsyncIterable<SDKUserMessage> {
  push(id: WireId, blocks: readonly string[]): void;
  end(): void;
}

export function createPromptFeed(): PromptFeed {
  const waiting: SDKUserMessage[] = [];
  let ended = false;
  let wake = (): void => undefined;

  return {
    push(id, blocks) {
      waiting.push(toMessage(id, blocks));
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let next = waiting.shift(); next; next = waiting.shift()) yield next;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

function toMessage(uuid: WireId, blocks: readonly string[]): SDKUserMessage {
  return {
    type: "user",
    uuid,
    parent_tool_use_id: null,
    message: {
      role: "user",
      // The API refuses blank text; a blank message has nothing to say that its host block does not.
      content: blocks.filter((text) => text.trim() !== "").map((text) => ({ type: "text", text })),
    },
  };
}
