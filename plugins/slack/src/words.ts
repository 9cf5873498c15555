/**
 * What an agent wrote, as it is given to Slack: in its markup where that fits, with buttons in blocks below; plain, in
 * a block of rich text, which knows no markup and needs no escaping, where it does not.
 */
import type { Button } from "@bellhop/sdk";
import { starMarkup, type StarDialect } from "@bellhop/sdk/star-markup";
import { escaped } from "./mrkdwn.ts";

/** After escaping; Slack cuts or splits what is longer. */
const MOST_TEXT = 4_000;
/** Of one section. */
const MOST_SECTION = 3_000;
/** Of all blocks together, with room to spare: Slack does not say how it counts. */
const MOST_BLOCKS = 9_000;
/** Of what stands in a notification, where the message itself is in blocks. */
const MOST_NOTICE = 500;

const SLACK: StarDialect = {
  escape: escaped,
  link: (href) =>
    /^(?:https?:\/\/|mailto:)/i.test(href) ? [`<${escaped(href).replaceAll("|", "%7C")}|`, ">"] : undefined,
};

export interface Words {
  /** In Slack's markup. Beside blocks it is only what a notification says. */
  readonly text: string;
  readonly blocks?: readonly object[];
}

/** @param sender who says it, where that is to stand in its first line */
export function wordsOf(source: string, sender?: string, buttons: readonly Button[] = []): Words {
  const { markup, text: read } = starMarkup(source, SLACK, sender);
  const actions = buttons.length > 0 ? [actionsOf(buttons)] : [];
  const fits = markup.length <= (buttons.length > 0 ? MOST_SECTION : MOST_TEXT);
  if (!fits || read.trim() === "") {
    // What is nothing but markup is shown as it was written, and so is what columns would make too long.
    const asWritten = read.trim() === "" || read.length > MOST_BLOCKS;
    const plain = asWritten ? [sender, source].filter((part) => part !== undefined).join("\n") : read;
    return { text: escaped(plain.slice(0, MOST_NOTICE)), blocks: [richText(plain), ...actions] };
  }
  return actions.length === 0 ? { text: markup } : { text: markup, blocks: [section(markup), ...actions] };
}

/** Above a file there are no blocks: what does not fit as markup is shown as it was written. */
export function captionOf(source: string): string {
  const { text, blocks } = wordsOf(source);
  return blocks ? escaped(source) : text;
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
