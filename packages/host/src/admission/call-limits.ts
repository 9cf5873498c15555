/**
 * How often people may call the assistant: each of them, and all together in one chat. Owners are not counted.
 * What is over the limit is refused with its reason, and the chat is told once an hour.
 */
import type { ChatId, SenderId } from "../core/ids.ts";
import type { Calls } from "../store/around.ts";

export interface CallLimits {
  readonly perMinute: number;
  readonly perHour: number;
  readonly chatPerMinute: number;
}

const HOUR_MS = 60 * 60_000;

/** Undefined where there is room for one more. */
export function overLimit(
  { minute, hour, chatMinute }: Calls,
  { perMinute, perHour, chatPerMinute }: CallLimits,
  { chat, sender, name, now }: { chat: ChatId; sender: SenderId; name: string; now: number },
): { readonly reason: string; readonly notice: string; readonly noticeKey: string } | undefined {
  const window = Math.floor(now / HOUR_MS);
  const byOne = minute >= perMinute ? `${perMinute} times a minute` : `${perHour} times an hour`;
  if (minute >= perMinute || hour >= perHour)
    return {
      reason: `this sender may call the assistant ${byOne}, and has`,
      notice: `${name}, that was too much at once: I answer you ${byOne} at most. What comes beyond that I leave unanswered.`,
      noticeKey: `limit:${chat}:${sender}:${window}`,
    };
  if (chatMinute < chatPerMinute) return undefined;
  return {
    reason: `the assistant may be called ${chatPerMinute} times a minute in this chat, and was`,
    notice: `That was too much at once: I answer ${chatPerMinute} messages a minute here. What comes beyond that I leave unanswered.`,
    noticeKey: `limit:${chat}:${window}`,
  };
}
