/**
 * `send_message`: says something now, while the turn goes on. To the turn's own chat; to another one
 * only from the group `main`. The call's id is in the key of what is owed, so the same call never
 * sends twice.
 */
import { RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { ChatId } from "../core/ids.ts";
import { filterOutbound } from "../core/outbound-filter.ts";
import { sizeOf, splitText } from "../core/split.ts";
import { leaveToSay, targetOf } from "./target.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  text: z.string().min(1).max(100_000).describe("What to say. Markdown."),
  sender: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .optional()
    .describe("A name other than your own, where you speak for a subagent."),
  reply_to: z.int().positive().optional().describe("Number (#) of the message of this chat that it answers."),
  chat: ChatId.optional().describe("Address of another chat. Only in the group main."),
});

export const sendMessage: ToolDefinition<typeof Input> = {
  name: "send_message",
  description:
    "Sends a message now, before your answer is complete: for news on the way, or to another chat. Your final text is sent by itself; do not send it with this too.",
  effect: "speak-elsewhere",
  input: Input,
  async run({ text, sender, reply_to, chat }, context) {
    const { claim, toolUseId, parts, act } = context;
    const target = await targetOf(context, chat);
    const visible = filterOutbound(text, parts.secrets).trim();
    if (visible === "") throw new RejectedError("Nothing of the text may be shown, so nothing was sent.");
    const answered = reply_to === undefined ? undefined : await parts.turns.numbered(target.id, reply_to);
    if (reply_to !== undefined && !answered)
      throw new RejectedError(`There is no message #${reply_to} in ${target.id}.`);
    const abilities = parts.channelOf(target.id)?.abilities;
    if (!abilities) throw new RejectedError(`The channel of ${target.id} is not there just now.`);
    const name = sender === undefined ? undefined : filterOutbound(sender, parts.secrets).trim() || undefined;
    const leave = await leaveToSay(context, target, {
      words: `${name === undefined ? "" : `as ${JSON.stringify(name)}, `}${JSON.stringify(visible)}`,
      detail: { text: visible, sender: name ?? null, replyTo: answered ?? null },
    });
    const result = `Handed over for delivery to ${target.id}.`;
    await parts.turns.say(
      claim,
      target,
      splitText(visible, sizeOf(abilities)).map((part, index) => ({
        key: `${claim.turn}:tool:${toolUseId}:${index}`,
        kind: "text",
        text: part,
        sender: name,
        replyTo: index === 0 ? answered : undefined,
      })),
      act(result),
      leave,
    );
    parts.deliver(target.id);
    return result;
  },
};
