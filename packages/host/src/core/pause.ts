/**
 * The emergency stop (G27), as those see it who must ask before they act. `stop-switch.ts` keeps it;
 * this is only what the others need of it.
 */
import { z } from "zod";

export const Paused = z.object({
  /** ms since 1970 */
  since: z.number(),
  /** Who asked for it, in words. */
  by: z.string(),
  /** What they gave as the reason; may be empty. */
  reason: z.string(),
});
export type Paused = z.infer<typeof Paused>;

/**
 * Aborted while everything is to stand still: nothing is begun then, and what was begun under this very
 * signal ends. Ask anew before each thing that is done; after the pause it is another signal.
 */
export type Hold = () => AbortSignal;

/** The answer to a chat command is told even then: whoever says `/resume` must hear what came of it. */
export const COMMAND_KEY = "command:";
