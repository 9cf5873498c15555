/**
 * What an agent wrote, as it is given to Slack: its markup where that fits, with buttons in blocks below; plain in a
 * block of rich text, which knows no markup and needs no escaping, where it does not.
 */
import type { Button } from "@bellhop/sdk";
import { plainText } from "@bellhop/sdk/plain-text";
import { escaped } from "./mrkdwn.ts";

/** After escaping; Slack cuts or splits what is longer. */
export const MOST_TEXT = 4_000;
/** Of one section. */
const MOST_SECTION = 3_000;
/** Of what stands in a notification, where the message itself is in blocks. */
const MOST_NOTICE = 500;

export interface Words {
  /** In Slack's markup. Beside blocks it is only what a notification says. */
  readonly text: string;
  readonly blocks?: readonly object[];
}

/** @param heading a line before it, in bold */
export function wordsOf(source: string, heading?: string, buttons: readonly Button[] = []): Words {
  const read = plainText(source) || source;
  const plain = heading === undefined ? read : `${heading}\n${read}`;
  const text = escaped(plain);
  const actions = buttons.length > 0 ? [actionsOf(buttons)] : [];
  const most = actions.length > 0 ? MOST_SECTION : MOST_TEXT;
  if (text.length > most)
    return { text: escaped(plain.slice(0, MOST_NOTICE)), blocks: [richText(plain), ...actions] };
  if (actions.length === 0) return { text };
  return { text, blocks: [section(text), ...actions] };
}

function section(text: string): object {
  return { type: "section", text: { type: "mrkdwn", text }, expand: true };
}

function richText(text: string): object {
  return { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] };
}

function actionsOf(buttons: readonly Button[]): object {
  return {
    type: "actions",
    elements: buttons.map(({ id, label }) => ({
      type: "button",
      action_id: id,
      text: { type: "plain_text", text: label, emoji: true },
    })),
  };
}
