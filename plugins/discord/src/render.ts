/**
 * From CommonMark to what Discord makes of Markdown, and nothing of what it makes of it by itself: what only looks
 * like markup, a mention or a list is escaped, and Discord hides the backslashes.
 */
import { type Dialect, type Mark, render as renderAs, type Rendered, type Style } from "@bellhop/sdk/markup";

/** Addresses that Discord makes links of. */
const LINKED = /^https?:\/\//i;
const MARKS: Readonly<Record<Style, Mark>> = {
  bold: ["**", "**"],
  italic: ["*", "*"],
  strikethrough: ["~~", "~~"],
};

const DISCORD: Dialect = {
  escape: escaped,
  style: (style) => MARKS[style],
  code: inlineCode,
  codeBlock: (language = "") => [`\`\`\`${language}\n`, "\n```"],
  // Discord knows no longer fence: one inside is kept apart by a character that nobody sees.
  escapeCode: (code) => code.replaceAll("```", "``\u200b`"),
  link: (href) =>
    LINKED.test(href) ? ["[", `](${href.replaceAll("(", "%28").replaceAll(")", "%29")})`] : undefined,
  address: (href) => (LINKED.test(href) ? href : escaped(href)),
  codeInLinks: true,
  quote: "> ",
};

/** @param sender who says it, where that is somebody else than the bot */
export function render(source: string, sender?: string): Rendered {
  return renderAs(source, DISCORD, sender);
}

/** In more backticks than stand in it. */
function inlineCode(code: string): Mark {
  const longest = Math.max(0, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? [fence, fence] : [`${fence} `, ` ${fence}`];
}

/** As Discord shows it unchanged. What counts at the beginning of a line is escaped at that of any words. */
export function escaped(words: string): string {
  return words
    .replace(/[\\*_~`|[\]]/g, "\\$&")
    .replace(/<(?=[@#:/at]|id:|sound:|https?:)/g, "\\<")
    .replace(/^(\s*)(#{1,3}\s|-#?\s|>{1,3}\s|\+\s)/, "$1\\$2")
    .replace(/^(\s*\d+)\.(?=\s)/, "$1\\.");
}
