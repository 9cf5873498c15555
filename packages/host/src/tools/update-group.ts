/** `update_group`: the settings of a group, or its chats. Of `main` alone. */
import { RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { GroupChange } from "../config/sections.ts";
import { ChatId, GroupFolder } from "../core/ids.ts";
import { groupsOf } from "./group-caller.ts";
import type { ToolDefinition } from "./tool.ts";

const Input = z.object({
  name: GroupFolder,
  settings: GroupChange.optional().describe("What is not named stays; null goes back to what is configured."),
  bind: z.array(ChatId).min(1).max(50).optional().describe("Chats that it is to have, whoever has them now."),
  unbind: ChatId.optional().describe("A chat that it is not to have any more."),
});

export const updateGroup: ToolDefinition<typeof Input> = {
  name: "update_group",
  rare: true,
  description: "Changes a group: one of settings, bind and unbind at a time.",
  effect: "administer",
  input: Input,
  async run({ name, settings, bind, unbind }, context) {
    if ([settings, bind, unbind].filter((one) => one !== undefined).length !== 1)
      throw new RejectedError("Say one of settings, bind and unbind; call again for another one.");
    if (settings !== undefined) {
      const told = `The group ${name} is changed. It holds from its next answer on.`;
      await groupsOf(context, told).edit(name, settings);
      return told;
    }
    if (bind !== undefined) {
      const told = `The group ${name} has ${bind.join(", ")} now.`;
      await groupsOf(context, told).bind(bind, name);
      return told;
    }
    if (unbind === undefined) throw new RejectedError("Say what is to be changed.");
    const known = await groupsOf(context).show(name);
    if (!known.chats.some(({ id }) => id === unbind))
      throw new RejectedError(`The group ${name} does not have the chat ${unbind}.`);
    const told = `The group ${name} does not have ${unbind} any more.`;
    await groupsOf(context, told).unbind(unbind);
    return told;
  },
};
