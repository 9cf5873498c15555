/**
 * The ambiguity rule (G14): whether what may have arrived is sent again, by what its channel promises
 * about a second message under the same key. Pure.
 */
import type { ChannelAbilities } from "@bellhop/sdk";

export interface Doubtful {
  /** Attempts of which nobody knows whether they arrived. */
  readonly uncertain: number;
  /** When it was first handed to its channel. */
  readonly firstSentAt: number;
  readonly now: number;
}

/** Where nothing better is known, a person sees a message twice at most. */
const MOST_DOUBTS = 2;

export function maySendAgain(
  resend: ChannelAbilities["resend"],
  { uncertain, firstSentAt, now }: Doubtful,
): boolean {
  if (uncertain < MOST_DOUBTS) return true;
  switch (resend.how) {
    case "once":
      return resend.forMs === undefined || now - firstSentAt < resend.forMs;
    case "lookup":
      return true; // whether it arrived is looked up before each time
    case "twice":
      return false;
    default:
      return resend satisfies never;
  }
}
