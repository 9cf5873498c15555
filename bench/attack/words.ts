/** What the suite and its host say to each other, a line of JSON each, over the host's stdin and stdout. */
import { z } from "zod";

/** To the host: somebody writes on the suite's own platform. */
export const Written = z.object({
  id: z.int(),
  room: z.string(),
  sender: z.string(),
  text: z.string(),
});
export type Written = z.infer<typeof Written>;

/** From the host, once it is ready. */
export const Said = z.discriminatedUnion("what", [
  /** Something left it, for people to see. `file` is the beginning of one, in base64. */
  z.object({
    what: z.literal("shown"),
    room: z.string(),
    text: z.string(),
    sender: z.string().optional(),
    name: z.string().optional(),
    file: z.string().optional(),
  }),
  /** How long its event loop was held up since the last time it said so, p99, ms. */
  z.object({ what: z.literal("lag"), ms: z.number() }),
]);
export type Said = z.infer<typeof Said>;

/** The host's one argument. */
export const AttackHost = z.object({
  home: z.string(),
  /** Outside the home, where operators keep their policies. */
  policies: z.string(),
  /** What the client of a container engine finds it by. */
  env: z.record(z.string(), z.string()),
});
export type AttackHost = z.infer<typeof AttackHost>;
