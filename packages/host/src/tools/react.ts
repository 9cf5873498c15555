/** `react`: an emoji on a message of the turn's own chat. */
import { RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { reactionTaken } from "../core/abilities.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  message_id: z.int().positive().describe("Number (#) of the message in this chat."),
  emoji: z
    .string()
    .regex(/^\p{RGI_Emoji}$/v, "must be one emoji")
    .describe("One emoji."),
});

export const react: ToolDefinition<typeof Input> = {
  name: "react",
  description: "Puts an emoji on a message of this chat: a small sign where words would be too much.",
  effect: "write-here",
  input: Input,
  async run({ message_id, emoji }, { claim, toolUseId, parts, act }) {
    const { chat } = claim;
    const abilities = parts.channelOf(chat.id)?.abilities;
    if (!abilities?.reactions) throw new RejectedError("This channel shows no reactions.");
    const taken = reactionTaken(abilities, emoji);
    if (taken === undefined)
      throw new RejectedError(`This chat takes only these: ${abilities.reactionsOf?.join(" ")}`);
    const to = await parts.turns.numbered(chat.id, message_id);
    if (to === undefined) throw new RejectedError(`There is no message #${message_id} in this chat.`);
    const result = `Reacted to #${message_id} with ${emoji}.`;
    await parts.turns.say(
      claim,
      chat,
      [{ key: `${claim.turn}:tool:${toolUseId}`, kind: "reaction", text: taken, replyTo: to }],
      act(result),
    );
    parts.deliver(chat.id);
    return result;
  },
};
