/** `get_group`: what holds for a group, or which groups there are. Of `main` alone. */
import { z } from "zod";
import { GroupFolder } from "../core/ids.ts";
import type { GroupView } from "../groups/views.ts";
import { groupsOf } from "./group-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ name: GroupFolder.optional().describe("Without it: all groups, a line each.") });

/** So that a list does not fill the context of whoever asked. */
const MOST_SHOWN = 100;

export const getGroup: ToolDefinition<typeof Input> = {
  name: "get_group",
  rare: true,
  description: "Tells the settings, chats and tasks of a group; without a name, which groups there are.",
  effect: "read",
  input: Input,
  async run({ name }, context) {
    const groups = groupsOf(context);
    if (name !== undefined) return whole(await groups.show(name));
    const all = await groups.list();
    const more = all.length - MOST_SHOWN;
    return [...all.slice(0, MOST_SHOWN).map(line), ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
  },
};

const chatsOf = ({ chats }: GroupView) => chats.map(({ id }) => id).join(", ") || "no chats";

function line(group: GroupView): string {
  return `${group.name} (${group.origin}): ${chatsOf(group)}`;
}

/** Without titles, which others have written. */
function whole(group: GroupView): string {
  const chosen = Object.keys(group.chosen);
  return [
    line(group),
    `tasks: ${group.tasks.active} active, ${group.tasks.paused} paused`,
    `settings: ${JSON.stringify(group.settings)}`,
    chosen.length === 0 ? "all as configured" : `of these were chosen, not configured: ${chosen.join(", ")}`,
  ].join("\n");
}
