/**
 * How far Slack was heard, as the cursor says it: until when, and the chats in which people wrote last. Socket Mode
 * has no position to go on from; when we were away for longer than Slack tries again, those chats are read instead.
 *
 * A cursor is `SECONDS CHAT CHAT …`, the last chat first; the seconds are 0 where only commands were heard, of which
 * Slack says no time.
 */
export interface Heard {
  /** Seconds since 1970, by Slack's clock. Undefined: nothing was heard yet. */
  readonly at: number | undefined;
  readonly chats: readonly string[];
}

const MOST_CHATS = 20;
/** Slack has given up bringing an event again after so long. */
const GAP_S = 5 * 60;

export function heardUntil(cursor: string | undefined): Heard {
  const [at = "", ...chats] = (cursor ?? "").split(" ");
  return { at: /^[1-9]\d*$/.test(at) ? Number(at) : undefined, chats };
}

export function cursorOf({ at = 0, chats }: Heard): string {
  return [at, ...chats].join(" ");
}

/** @param at when it happened, where Slack says it */
export function hearing(heard: Heard, chat: string, at: number | undefined): Heard {
  return {
    at: Math.max(heard.at ?? 0, at ?? 0),
    chats: [chat, ...heard.chats.filter((one) => one !== chat)].slice(0, MOST_CHATS),
  };
}

/** Whether something may have been written that Slack brings no more. @param now ms */
export function mayHaveMissed({ at }: Heard, now: number): boolean {
  return at !== undefined && now / 1_000 - at >= GAP_S;
}
