/**
 * How a tool's call comes to the desk of groups (groups/desk.ts): in the name of `main`'s agent, with leave of the
 * policy, and with what it does written under the fence of its turn, together with what the agent is told (G7, G11).
 */
import { RejectedError } from "@bellhop/sdk";
import { MAIN } from "../core/ids.ts";
import type { GroupPowers } from "../groups/desk.ts";
import { leaveFor } from "./leave.ts";
import { callerOf } from "./task-caller.ts";
import type { ToolContext } from "./tool.ts";

/** More than any household needs, and few enough that an agent that went wild fills no machine. */
const MOST_GROUPS = 100;

/**
 * @param told what the agent hears of what was done
 * @throws RejectedError in every other group: these tools are not given there
 */
export function groupsOf({ claim, parts, act }: ToolContext, told = ""): GroupPowers {
  if (claim.chat.folder !== MAIN)
    throw new RejectedError(`Only ${MAIN} looks after groups; yours is ${claim.chat.folder}.`);
  return parts.groups({
    who: callerOf(claim),
    chat: claim.chat.id,
    most: MOST_GROUPS,
    leave: (action) => leaveFor({ claim, parts }, action),
    commit: (effect) => parts.turns.perform(claim, effect, () => act(told)),
  });
}
