/** What people are shown on a fake platform, waited for. */
import type { Changes, PeerChat, PeerMessage } from "@bellhop/sdk/testing";

/** @returns a function that resolves with the first message of ours in a chat that fits, now or as soon as there is one */
export function showsBy({ until }: Pick<Changes, "until">) {
  return (chat: PeerChat, fits: (message: PeerMessage) => boolean): Promise<PeerMessage> =>
    until(() => chat.messages().find((message) => message.from === "us" && fits(message)));
}
