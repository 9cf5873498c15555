/**
 * What plugins may make of a message on its way in or out, and what of it is kept with its row. Pure.
 *
 * What a plugin answers comes from a process of its own and is parsed here, strictly: a field that nobody
 * knows is more likely a mistake than a wish.
 */
import { z } from "zod";

/** A message may be as long for its sender (G5). */
const Text = z.string().max(1024 * 1024);
const Note = z
  .string()
  .min(1)
  .max(16 * 1024);
const Reason = z.string().trim().min(1).max(500);
const LONGEST_HOLD_MS = 60 * 60_000;

export const ReleaseSaid = z.strictObject({ text: Text.optional(), note: Note.optional() });
export type ReleaseSaid = z.infer<typeof ReleaseSaid>;

export const InboundSaid = ReleaseSaid.extend({
  hold: z.strictObject({ forMs: z.number().min(0).max(LONGEST_HOLD_MS), reason: Reason }).optional(),
  drop: z.strictObject({ reason: Reason }).optional(),
}).refine(({ hold, drop }) => !hold || !drop, "both holds the message and drops it");
export type InboundSaid = z.infer<typeof InboundSaid>;

export const OutboundSaid = z.union([
  z.strictObject({ text: Text }),
  z.strictObject({ suppress: z.strictObject({ reason: Reason }) }),
]);
export type OutboundSaid = z.infer<typeof OutboundSaid>;

/** What is kept. `told`: what was done by whom, each in words that stand after "The plugin NAME". */
export const Hooked = z.object({
  notes: z.array(z.object({ plugin: z.string(), text: z.string() })).default([]),
  told: z.array(z.object({ plugin: z.string(), what: z.string() })).default([]),
  /** No plugin is to see it: it only keeps its place behind what they look at. */
  placed: z.literal(true).optional(),
  /** The plugins up to this name have been asked. */
  after: z.string().optional(),
  hold: z.object({ by: z.string(), until: z.number(), reason: z.string() }).optional(),
});
export type Hooked = Readonly<z.infer<typeof Hooked>>;

export function hookedOf(column: string | null): Hooked {
  return Hooked.parse(column === null ? {} : JSON.parse(column));
}
