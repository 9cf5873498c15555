/** Where a chat is on Slack: a channel, or a thread of one by the message that it hangs on. */
import { RejectedError } from "@bellhop/sdk";

export interface Address {
  readonly channel: string;
  readonly thread: string | undefined;
}

/** @throws RejectedError */
export function addressOf(chat: string): Address {
  const [, channel, thread] = /^(\w+)(?::(\d+\.\d+))?$/.exec(chat) ?? [];
  if (channel === undefined) throw new RejectedError(`"${chat}" is no chat of Slack's`);
  return { channel, thread };
}
