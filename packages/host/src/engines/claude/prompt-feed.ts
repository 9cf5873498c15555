/**
 * The way of prompts into the SDK's streaming input.
 *
 * Each prompt gets a name of its own each time it is given. The id of its inbox row will not do: the
 * program silently drops a prompt whose uuid its transcript holds already, and a second attempt would
 * wait for an answer for ever.
 */
import type { UUID } from "node:crypto";
import type { SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";
import type { FileBlock, Prompt } from "../../turns/engine.ts";

export type WireId = UUID;

export interface PromptFeed extends AsyncIterable<SDKUserMessage> {
  push(id: WireId, prompt: Prompt): void;
  end(): void;
}

export function createPromptFeed(): PromptFeed {
  const waiting: SDKUserMessage[] = [];
  let ended = false;
  let wake = (): void => undefined;

  return {
    push(id, prompt) {
      waiting.push(toMessage(id, prompt));
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

function toMessage(uuid: WireId, { blocks, command = false }: Prompt): SDKUserMessage {
  return {
    type: "user",
    uuid,
    // People's text is text: no `/clear` of a stranger's is a command, no `@path` reads a file.
    ...(!command && { client_composed: true }),
    parent_tool_use_id: null,
    message: {
      role: "user",
      // The API refuses blank text; a blank message has nothing to say that its host block does not.
      content: blocks.filter((block) => typeof block !== "string" || block.trim() !== "").map(toContent),
    },
  };
}

/** Types of files that the model takes in itself. */
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;
const PDF = "application/pdf";
export const TAKES: readonly string[] = [...IMAGES, PDF];

type Content = Exclude<SDKUserMessage["message"]["content"], string>[number];

/** @throws Error for a file of a type that is not in `TAKES` */
function toContent(block: string | FileBlock): Content {
  if (typeof block === "string") return { type: "text", text: block };
  const data = block.data.toString("base64");
  if (block.type === PDF) {
    return { type: "document", source: { type: "base64", media_type: PDF, data } };
  }
  const type = IMAGES.find((one) => one === block.type);
  if (type === undefined) throw new Error(`the model takes no ${block.type}`);
  return { type: "image", source: { type: "base64", media_type: type, data } };
}
