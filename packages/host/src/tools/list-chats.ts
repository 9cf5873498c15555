/**
 * `list_chats`: the chats that groups have, and those in which somebody wrote and that no group has. Of `main`
 * alone. Titles and names are others' words, so whoever is shown them is tainted.
 */
import { z } from "zod";
import { localTimes } from "../core/prompt.ts";
import { isAtTheDesk } from "../store/moves.ts";
import { groupsOf } from "./group-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  seen: z.boolean().default(false).describe("Only those that no group has."),
});

const MOST_SHOWN = 100;

export const listChats: ToolDefinition<typeof Input> = {
  name: "list_chats",
  rare: true,
  description:
    "Lists chats: which group has each, and in which somebody wrote though no group has them, with who wrote last.",
  effect: "read",
  input: Input,
  async run({ seen: onlySeen }, context) {
    const { claim, parts } = context;
    const seen = groupsOf(context).seen().slice(0, MOST_SHOWN);
    const bound = onlySeen ? [] : (await parts.chats.list()).slice(0, MOST_SHOWN);
    if (seen.length + bound.length === 0) return "There are no such chats.";
    if (seen.length > 0 || bound.some(({ id, title }) => title !== null && !isAtTheDesk(id)))
      await parts.trust.taint.mark(
        claim.session.id,
        "titles of chats and names of people, as they wrote them",
      );
    const time = localTimes(parts.timezoneOf(claim));
    const titled = (title: string | null) => (title === null ? "" : ` ${JSON.stringify(title)}`);
    return [
      ...bound.map(({ id, title, group }) => `${id}${titled(title)}: of the group ${group}`),
      ...seen.map(
        ({ chat, title, sender, senderName, lastAt }) =>
          `${chat}${titled(title)}: of no group; ${JSON.stringify(senderName)} (${sender}) wrote last, ${time(lastAt)}`,
      ),
    ].join("\n");
  },
};
