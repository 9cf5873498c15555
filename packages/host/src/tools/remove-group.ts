/** `remove_group`: takes a group out of the house. Its folder, its messages and its tasks are kept. Of `main` alone. */
import { z } from "zod";
import { GroupFolder } from "../core/ids.ts";
import { groupsOf } from "./group-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({ name: GroupFolder });

export const removeGroup: ToolDefinition<typeof Input> = {
  name: "remove_group",
  rare: true,
  description:
    "Removes a group: its answer under way ends, its tasks are paused, its chats are read no more. Its folder is kept, and register_group with the same name takes it up again.",
  effect: "administer",
  input: Input,
  async run({ name }, context) {
    const told = `The group ${name} is removed: its tasks are paused, its chats belong to no group, its folder is kept.`;
    await groupsOf(context, told).remove(name);
    return told;
  },
};
