/** What was given up and nobody has looked at: turns that failed for good, messages that never went out (G25). */
import { z } from "zod";
import { ChatId, OutboxId, TurnId } from "./ids.ts";

export const DeadLetterId = z.union([TurnId, OutboxId]);
export type DeadLetterId = z.infer<typeof DeadLetterId>;

export const DeadLetter = z.object({
  id: DeadLetterId,
  /** A `turn` was not answered; a `message` was not delivered. */
  kind: z.enum(["turn", "message"]),
  chat: ChatId,
  /** When it was given up, ms since 1970. */
  at: z.number(),
  /** `unknown`: it may have arrived, and nobody can say (G14). */
  state: z.enum(["failed", "dead", "unknown"]),
  why: z.string(),
  /** The beginning of what was asked, or of what was to be said. */
  text: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

export const OpenedDeadLetter = DeadLetter.extend({
  createdAt: z.number(),
  attempts: z.int(),
  /** Whole, in order: what people wrote, or what was to be said. */
  texts: z.array(z.object({ who: z.string(), text: z.string() })),
});
export type OpenedDeadLetter = z.infer<typeof OpenedDeadLetter>;
