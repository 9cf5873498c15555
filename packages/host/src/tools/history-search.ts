/**
 * `history_search`: full-text search over what was said in the turn's own group; from `main` also over another
 * one, or all. What strangers said taints whoever finds it, wherever it was said.
 */
import { RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { GroupFolder, MAIN } from "../core/ids.ts";
import { localTimes } from "../core/prompt.ts";
import type { ToolContext, ToolDefinition } from "./tool.ts";

const Input = z.object({
  query: z.string().min(1).max(500).describe("Plain words; all must occur. The last may be a beginning."),
  limit: z.int().min(1).max(50).default(10),
});
const InputAnywhere = Input.extend({
  group: z
    .union([z.literal("all"), GroupFolder])
    .optional()
    .describe("Another group, or all of them. Without it: this group."),
});

/** So that fifty long messages do not fill the context of whoever asked. */
const SHOWN_LENGTH = 600;

export const historySearch: ToolDefinition<typeof Input> = {
  name: "history_search",
  description:
    "Searches everything that was said in the chats of this group, by people and by you, newest first.",
  effect: "read",
  input: Input,
  run: (input, context) => search(input, context.claim.chat.group_id, context),
};

/** That of `main`. */
export const historySearchAnywhere: ToolDefinition<typeof InputAnywhere> = {
  ...historySearch,
  description:
    "Searches everything that was said in the chats of this group, of another one, or of all, by people and by the assistant, newest first.",
  input: InputAnywhere,
  async run({ group, ...input }, context) {
    const { folder, group_id: own } = context.claim.chat;
    if (group === undefined || group === folder) return await search(input, own, context);
    if (folder !== MAIN)
      throw new RejectedError(
        `Only ${MAIN} may look into what was said in other groups; yours is ${folder}.`,
      );
    const groupId = group === "all" ? undefined : await context.parts.chats.numberOf(group);
    return await search(input, groupId, context);
  },
};

async function search(
  { query, limit }: z.output<typeof Input>,
  groupId: number | undefined,
  { claim, parts }: ToolContext,
): Promise<string> {
  const hits = await parts.search({ groupId, words: query, limit });
  if (hits.length === 0) return `Nothing was found for ${JSON.stringify(query)}.`;
  if (hits.some(({ tainted }) => tainted))
    await parts.trust.taint.mark(claim.session.id, "what others said, found in the history");
  const time = localTimes(parts.timezoneOf(claim));
  return hits
    .map(({ chat, at, sender, text }) => {
      const shown = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH).toWellFormed()}…` : text;
      return `${time(at)}, ${chat}, ${JSON.stringify(sender || "you")}: ${JSON.stringify(shown)}`;
    })
    .join("\n");
}
