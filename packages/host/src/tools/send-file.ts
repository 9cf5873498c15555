/**
 * `send_file`: sends a file to the chat. The sandbox pushes the file up through its door, bound to the
 * live turn (docs/decisions/files-out.md); the host stores it first and owes it then, under the turn's
 * fence. The answer is the real result, or the exact reason.
 */
import { RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { ChatId } from "../core/ids.ts";
import { filterOutbound } from "../core/outbound-filter.ts";
import { sizeInWords } from "../core/size.ts";
import { captionSizeOf, fits, sizeOf, splitText } from "../core/split.ts";
import { hideInText } from "../media/hide-in-text.ts";
import { leaveToSay, targetOf } from "./target.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  path: z.string().min(1).max(4_096).describe("Where the file is; relative to /workspace/group."),
  caption: z.string().max(1_000).optional().describe("A word with it."),
  filename: z.string().min(1).max(255).optional().describe("What it is called there, if not as here."),
  reply_to: z.int().positive().optional().describe("Number (#) of the message of this chat that it answers."),
  chat: ChatId.optional().describe("Address of another chat. Only in the group main."),
});

export const sendFile: ToolDefinition<typeof Input> = {
  name: "send_file",
  description: "Sends a file (a picture, a document, anything) to the chat. The file may be anywhere here.",
  effect: "speak-elsewhere",
  input: Input,
  async run({ path, caption = "", filename, reply_to, chat }, context) {
    const { claim, toolUseId, parts, act } = context;
    const target = await targetOf(context, chat);
    const answered = reply_to === undefined ? undefined : await parts.turns.numbered(target.id, reply_to);
    if (reply_to !== undefined && !answered)
      throw new RejectedError(`There is no message #${reply_to} in ${target.id}.`);
    const channel = parts.channelOf(target.id);
    if (!channel) throw new RejectedError(`The channel of ${target.id} is not there just now.`);
    const maxBytes = channel.abilities.maxFileBytes;
    if (maxBytes === undefined) throw new RejectedError("This channel takes no files.");
    const name = filterOutbound(filename ?? path, parts.secrets);

    const file = await parts.files.pull(claim, path, async (source, bytes = 0) => {
      if (bytes > maxBytes)
        throw new RejectedError(
          `The file is larger than the ${sizeInWords(maxBytes)} allowed in this chat: it has ${bytes} bytes.`,
        );
      return await parts.files.receive(
        { groupId: claim.chat.group_id, turn: claim.turn, name, maxBytes },
        hideInText(source, parts.secrets),
      );
    });
    const result = `${JSON.stringify(file.name)} (${file.type}, ${file.bytes} bytes) is handed over for delivery to ${target.id}.`;
    try {
      const text = filterOutbound(caption, parts.secrets).trim();
      const leave = await leaveToSay(context, target, {
        words: `the file ${JSON.stringify(file.name)} (${file.type}, ${file.bytes} bytes, SHA-256 ${file.sha256}) ${JSON.stringify(text)}`,
        detail: { file: file.sha256, name: file.name, caption: text, replyTo: answered ?? null },
      });
      // What is too long for a caption stands below the file.
      const whole = fits(text, captionSizeOf(channel.abilities));
      const below = whole ? [] : splitText(text, sizeOf(channel.abilities));
      const key = `${claim.turn}:tool:${toolUseId}:file`;
      await parts.turns.say(
        claim,
        target,
        [
          { key, kind: "file", text: whole ? text : "", replyTo: answered, file: file.id },
          ...below.map((part, index) => ({ key: `${key}:${index}`, kind: "text", text: part }) as const),
        ],
        act(result),
        leave,
      );
    } catch (error) {
      await parts.files.drop(file.id);
      throw error;
    }
    parts.deliver(target.id);
    return result;
  },
};
