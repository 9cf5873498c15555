/** What is said to the fake platform, and what it notes: shared by its process, its channel and the checker. */
import { z } from "zod";

/** Named after what becomes of a message that is sent again (G14). */
export const Account = z.enum(["once", "lookup", "twice"]);
export type Account = z.infer<typeof Account>;

const account = Account;
const room = z.string();
const key = z.string();
const text = z.string();

export const PlatformCall = z.discriminatedUnion("call", [
  z.object({ call: z.literal("write"), account, room, text }),
  z.object({
    call: z.literal("fault"),
    account,
    of: z.enum(["send", "updates"]),
    /**
     * `drop`: applied, the answer is lost. `lose`: not applied, no answer either. `down`: 503, not
     * applied. `slow`: 429, for a second. `refuse`: 400. `again`: updates that were confirmed come again.
     */
    how: z.enum(["drop", "lose", "down", "slow", "refuse", "again"]),
    times: z.int(),
    /** Calls that pass before it strikes. */
    skip: z.int().default(0),
    /** Only calls with this in their text. */
    match: z.string().optional(),
  }),
  z.object({ call: z.literal("updates"), account, after: z.int() }),
  z.object({ call: z.literal("find"), account, room, key }),
  z.object({ call: z.literal("send"), account, room, key, text }),
]);
export type PlatformCall = z.input<typeof PlatformCall>;

export const PlatformLine = z.discriminatedUnion("what", [
  z.object({ what: z.literal("wrote"), id: z.int(), account, room, text, at: z.number() }),
  /** Its updates up to here are on the host's disk, says the host. */
  z.object({ what: z.literal("acked"), account, upto: z.int() }),
  z.object({ what: z.literal("shown"), account, room, key, text, id: z.string(), at: z.number() }),
  /** Sent again under a key that it had shown, and not shown again. */
  z.object({ what: z.literal("same"), account, key }),
  z.object({ what: z.literal("early"), account, key }),
]);
export type PlatformLine = z.infer<typeof PlatformLine>;
export type Shown = Extract<PlatformLine, { what: "shown" }>;
