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
