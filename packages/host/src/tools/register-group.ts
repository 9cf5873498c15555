/** `register_group`: a group of its own for some chats, with a folder, a memory and settings. Of `main` alone. */
import { z } from "zod";
import { GroupChoices } from "../config/sections.ts";
import { ChatId, GroupFolder } from "../core/ids.ts";
import { groupsOf } from "./group-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  name: GroupFolder.describe("Also that of its folder. A removed group of this name is taken up again."),
  chats: z.array(ChatId).max(50).default([]).describe("Its chats, as list_chats shows them."),
  from: GroupFolder.optional().describe("A group whose settings it begins with."),
  settings: GroupChoices.default({}).describe("What is to differ from the usual settings."),
});

export const registerGroup: ToolDefinition<typeof Input> = {
  name: "register_group",
  rare: true,
  description:
    "Makes a group: chats that share a conversation, a folder and settings, apart from other groups. What is written in its chats reaches the assistant from then on, as its trigger says.",
  effect: "administer",
  input: Input,
  async run({ name, chats, from, settings }, context) {
    const which = chats.length === 0 ? "It has no chat yet." : `It has ${chats.join(", ")}.`;
    const told = `The group ${name} is there now. ${which}`;
    await groupsOf(context, told).add({ name, chats, from, settings });
    return told;
  },
};
