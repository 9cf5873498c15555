/**
 * Buttons below a message. Each stands for a chat command, which whoever presses it gives in their own name: a
 * button is no power of its own. Pure.
 */
import type { Button, ChannelAbilities } from "@bellhop/sdk";
import { randomBytes } from "node:crypto";
import { z } from "zod";

/** What a platform is given, and gives back. It says nothing to anybody. */
export const ButtonId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,32}$/, "a button's id is up to 32 letters, digits, dashes and underscores")
  .brand<"ButtonId">();
export type ButtonId = z.infer<typeof ButtonId>;

export function newButtonId(): ButtonId {
  return ButtonId.parse(randomBytes(16).toString("base64url"));
}

/** What is offered by buttons with a message whose text names the same commands. */
export interface Offer {
  /** The text without the commands, for where all of the buttons are shown. */
  readonly instead: string;
  /** With what they stand for they lose their meaning. */
  readonly until: number;
  /** The most important first: a platform may show but some. At most 20 characters a label. */
  readonly buttons: readonly { readonly label: string; readonly command: string }[];
}

/** What may be done next. */
export type Step = Offer["buttons"][number];

/** By then it has been done, or nobody will do it. */
const STEPS_MS = 7 * 24 * 60 * 60_000;

/** A text, and what may be done next: at the press of a button, and by its command where there are none. */
export function withSteps(
  text: string,
  steps: readonly Step[],
  now: number,
): { readonly text: string; readonly offer?: Offer } {
  if (steps.length === 0) return { text };
  const named = steps.map(({ label, command }) => `${command} – ${label.toLowerCase()}`);
  const offer = { instead: text, until: now + STEPS_MS, buttons: steps };
  return { text: [text, ...named].join("\n"), offer };
}

/** The steps at the press of a button alone, for a text that stands as it is everywhere. */
export function onlyButtons(text: string, steps: readonly Step[], now: number): Offer | undefined {
  return withSteps(text, steps, now).offer;
}

/** What a channel is given of a text with buttons: those that it shows, and the commands where it does not show all. */
export function shownWith(
  text: string,
  offered: { readonly instead: string; readonly buttons: readonly Button[] } | undefined,
  { buttons: shows }: Pick<ChannelAbilities, "buttons">,
): { readonly text: string; readonly buttons?: readonly Button[] } {
  if (!offered || !shows || offered.buttons.length === 0) return { text };
  const all = offered.buttons.length <= shows.most;
  return { text: all ? offered.instead : text, buttons: offered.buttons.slice(0, shows.most) };
}
