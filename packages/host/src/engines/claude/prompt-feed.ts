/** The way of prompts into the SDK's streaming input. */
import type { UUID } from "node:crypto";
import type { SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";
import type { Prompt } from "../../turns/engine.ts";

export interface PromptFeed extends AsyncIterable<SDKUserMessage> {
  push(prompt: Prompt): void;
  end(): void;
}

export function createPromptFeed(): PromptFeed {
  const waiting: Prompt[] = [];
  let ended = false;
  let wake = (): void => undefined;

  return {
    push(prompt) {
      waiting.push(prompt);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let next = waiting.shift(); next; next = waiting.shift()) yield toMessage(next);
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

function toMessage({ id, blocks }: Prompt): SDKUserMessage {
  return {
    type: "user",
    uuid: id as string as UUID, // an InboxId is a uuid, which its brand hides from the template type
    parent_tool_use_id: null,
    message: {
      role: "user",
      // The API refuses blank text; a blank message has nothing to say that its host block does not.
      content: blocks.filter((text) => text.trim() !== "").map((text) => ({ type: "text", text })),
    },
  };
}
