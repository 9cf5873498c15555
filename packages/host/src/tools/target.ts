/** Which chat a tool acts in: the turn's own, and another one only from the group `main`, with leave. */
import { RejectedError } from "@bellhop/sdk";
import { type ChatId, MAIN } from "../core/ids.ts";
import type { Chat } from "../store/chats.ts";
import type { Leave } from "../store/turns.ts";
import type { Action } from "../policy/policy.ts";
import { leaveFor } from "./leave.ts";
import type { ToolContext } from "./tool.ts";

/** @throws RejectedError */
export async function targetOf(
  { claim, parts: { chats } }: Pick<ToolContext, "claim" | "parts">,
  chat: ChatId | undefined,
): Promise<Chat> {
  if (chat === undefined || chat === claim.chat.id) return claim.chat;
  if (claim.chat.folder !== MAIN) {
    throw new RejectedError(`Only the group main may write to other chats; yours is ${claim.chat.folder}.`);
  }
  const target = await chats.find(chat);
  if (!target) throw new RejectedError(`There is no chat ${chat}.`);
  return target;
}

/**
 * Leave to say this there; none is needed in the turn's own chat.
 * @throws RejectedError
 */
export async function leaveToSay(
  context: ToolContext,
  target: Chat,
  { words, detail }: Pick<Action, "words" | "detail">,
): Promise<Leave | undefined> {
  if (target.id === context.claim.chat.id) return undefined;
  const title = target.title === null ? "" : ` (${JSON.stringify(target.title)})`;
  return await leaveFor(context, {
    effect: "speak-elsewhere",
    target: `chat:${target.id}`,
    words: `send to ${target.id}${title}, of the group ${target.folder}: ${words}`,
    detail: { ...detail, group: target.folder },
  });
}
