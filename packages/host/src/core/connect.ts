/** Connecting an account, as whoever connects it sees it: an `AuthStep` without what is kept. */
import { z } from "zod";

export const ConnectStep = z.discriminatedUnion("step", [
  z.object({
    step: z.literal("ask"),
    name: z.string(),
    text: z.string(),
    secret: z.boolean(),
    /** Nothing may be answered too. */
    optional: z.boolean().optional(),
  }),
  z.object({ step: z.literal("qr"), content: z.string(), text: z.string() }),
  z.object({ step: z.literal("code"), code: z.string(), text: z.string() }),
  z.object({ step: z.literal("wait"), text: z.string() }),
  z.object({
    step: z.literal("done"),
    account: z.string(),
    text: z.string(),
    /** Names of the variables that were written to `.env`. */
    kept: z.array(z.string()),
  }),
  z.object({ step: z.literal("failed"), why: z.string() }),
]);
export type ConnectStep = z.infer<typeof ConnectStep>;

/** Each step has a number, which only grows. */
export const NumberedStep = z.object({ number: z.int().nonnegative(), shown: ConnectStep });
export type NumberedStep = z.infer<typeof NumberedStep>;
