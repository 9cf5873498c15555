/** Which chat a tool acts in: the turn's own, and another one only from the group `main`. */
import { RejectedError } from "@bellhop/sdk";
import { type ChatId, MAIN } from "../core/ids.ts";
import type { Chat, Chats } from "../store/chats.ts";
import type { Claim } from "../store/claims.ts";

/** @throws RejectedError */
export async function targetOf(
  claim: Claim,
  chat: ChatId | undefined,
  { chats }: { readonly chats: Pick<Chats, "find"> },
): Promise<Chat> {
  if (chat === undefined || chat === claim.chat.id) return claim.chat;
  if (claim.chat.folder !== MAIN) {
    throw new RejectedError(`Only the group main may write to other chats; yours is ${claim.chat.folder}.`);
  }
  const target = await chats.find(chat);
  if (!target) throw new RejectedError(`There is no chat ${chat}.`);
  return target;
}
