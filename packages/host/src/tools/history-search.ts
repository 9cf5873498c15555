/** `history_search`: full-text search over what was said in the turn's own group, and no other. */
import { z } from "zod";
import { localTimes } from "../core/prompt.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  query: z.string().min(1).max(500).describe("Plain words; all must occur. The last may be a beginning."),
  limit: z.int().min(1).max(50).default(10),
});

/** So that fifty long messages do not fill the context of whoever asked. */
const SHOWN_LENGTH = 600;

export const historySearch: ToolDefinition<typeof Input> = {
  name: "history_search",
  description:
    "Searches everything that was said in the chats of this group, by people and by you, newest first.",
  effect: "read",
  input: Input,
  async run({ query, limit }, { claim, parts }) {
    const hits = await parts.search({ groupId: claim.chat.group_id, words: query, limit });
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
  },
};
