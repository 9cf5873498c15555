/**
 * From CommonMark to what Discord makes of Markdown, and nothing of what it makes of it by itself.
 *
 * - Nothing that was written is lost: HTML is shown as it stands, an address that Discord makes no link of stands
 *   behind its words.
 * - What only looks like markup, a mention or a list is escaped; Discord hides the backslashes.
 * - Headings below the third are bold, quotes do not nest, a table is set in columns as a block of code.
 * - What comes out may be longer than what was written: whoever sends compares.
 */
import { tableText } from "@bellhop/sdk";
import markdownIt, { type Token } from "markdown-it";

const LANGUAGE = /^[\w+#.-]{1,32}$/;
const DEEPEST_HEADING = 3;

const markdown = createParser();

export function render(source: string): string {
  return blocksText(markdown.parse(source, {}), source.split("\n")).join("\n");
}

function createParser() {
  const parser = markdownIt({ html: false, linkify: true, breaks: true, typographer: false });
  parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  parser.normalizeLinkText = (url) => url; // an address is read as it was written
  parser.disable("reference"); // a definition would vanish, and its links are in other messages as often
  return parser;
}

/** A block and what is in it. */
interface Block {
  readonly open: Token;
  readonly inside: readonly Token[];
}

/** The blocks of one level. */
function blocksOf(tokens: readonly Token[]): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const open = tokens[at];
    if (!open) break;
    if (open.nesting !== 1) {
      blocks.push({ open, inside: [] });
      continue;
    }
    const close = tokens.findIndex(
      (one, index) => index > at && one.level === open.level && one.nesting === -1,
    );
    blocks.push({ open, inside: tokens.slice(at + 1, close) });
    at = close;
  }
  return blocks;
}

/** Line by line. */
function blocksText(tokens: readonly Token[], source: readonly string[]): string[] {
  return blocksOf(tokens).flatMap((block, index) => {
    // As in the source: a blank line where one stands there, quote marks aside.
    const before = source[(block.open.map?.[0] ?? 0) - 1] ?? "";
    const blank = index > 0 && /^[\s>]*$/.test(before) ? [""] : [];
    return [...blank, ...blockText(block, source)];
  });
}

function blockText({ open, inside }: Block, source: readonly string[]): string[] {
  switch (open.type) {
    case "heading_open": {
      const depth = open.markup.startsWith("#") ? open.markup.length : open.markup.startsWith("=") ? 1 : 2;
      const lines = blocksText(inside, source);
      if (depth <= DEEPEST_HEADING) return [`${"#".repeat(depth)} ${lines.join(" ")}`];
      return [`**${lines.join(" ")}**`];
    }
    case "inline":
      return inlineText(open.children ?? []).split("\n");
    case "fence":
    case "code_block": {
      const [language = ""] = open.info.trim().split(/\s/);
      return codeBlock(open.content.replace(/\n$/, ""), LANGUAGE.test(language) ? language : "");
    }
    case "hr":
      return ["———"];
    case "bullet_list_open":
      return itemsText(inside, () => "- ", source);
    case "ordered_list_open":
      return itemsText(inside, (item) => `${item.info}. `, source);
    case "blockquote_open":
      return blocksText(inside, source).map((line) => (line.startsWith("> ") ? line : `> ${line}`));
    case "table_open":
      return codeBlock(tableText(inside, plainText), "");
    default: // a paragraph, or what an extension would bring
      return blocksText(inside, source);
  }
}

function itemsText(
  items: readonly Token[],
  markOf: (item: Token) => string,
  source: readonly string[],
): string[] {
  return blocksOf(items).flatMap(({ open, inside }) => {
    const mark = markOf(open);
    return blocksText(inside, source).map(
      (line, index) => (index === 0 ? mark : " ".repeat(mark.length)) + line,
    );
  });
}

/** Discord knows no longer fence: one inside is kept apart by a character that nobody sees. */
function codeBlock(code: string, language: string): string[] {
  return [`\`\`\`${language}`, ...code.replaceAll("```", "``\u200b`").split("\n"), "```"];
}

const MARKS: Readonly<Record<string, string>> = { strong: "**", em: "*", s: "~~" };

function inlineText(tokens: readonly Token[]): string {
  let text = "";
  let link: { readonly href: string; readonly from: number } | undefined;
  for (const token of tokens) {
    const [, kind = ""] = /^(strong|em|s)_(?:open|close)$/.exec(token.type) ?? [];
    const mark = MARKS[kind];
    if (mark !== undefined) text += mark;
    else if (token.type === "softbreak" || token.type === "hardbreak") text += "\n";
    else if (token.type === "code_inline") text += inlineCode(token.content);
    else if (token.type === "link_open")
      link = { href: String(token.attrGet("href") ?? ""), from: text.length };
    else if (token.type === "link_close") {
      if (link) text = text.slice(0, link.from) + linkText(text.slice(link.from), link.href, token.markup);
      link = undefined;
    } else if (token.type === "image") text += imageText(token, link !== undefined);
    else text += link && isAddress(token.content) ? token.content : escaped(token.content, text);
  }
  return text;
}

const isAddress = (text: string): boolean => /^https?:\/\//i.test(text);

/** @param words as they are shown, markup included */
function linkText(words: string, href: string, markup: string): string {
  // An address that was written as such is one: as it was written, and without what would preview it.
  if (markup === "linkify" || words === href) return words;
  if (markup === "autolink") return isAddress(href) ? href : words;
  // Discord makes no link of words that look like an address, nor of one that leads elsewhere than to the web.
  if (!isAddress(href) || /https?:\/\//i.test(words)) return `${words} (${href})`;
  return `[${words}](${href.replaceAll("(", "%28").replaceAll(")", "%29")})`;
}

function imageText(token: Token, linked: boolean): string {
  const source = String(token.attrGet("src") ?? "");
  const words = escaped(plainText(token.children ?? []) || "image", "");
  return linked ? `${words} (${source})` : linkText(words, source, "");
}

/** In more backticks than stand in it. */
function inlineCode(code: string): string {
  const longest = Math.max(0, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${code}${fence}` : `${fence} ${code} ${fence}`;
}

/** Without markup; the address of a link stands behind its words. */
function plainText(tokens: readonly Token[]): string {
  let text = "";
  let link: { readonly href: string; readonly from: number } | undefined;
  for (const token of tokens) {
    if (token.type === "link_open") link = { href: String(token.attrGet("href") ?? ""), from: text.length };
    else if (token.type === "link_close") {
      if (link && text.slice(link.from) !== link.href) text += ` (${link.href})`;
      link = undefined;
    } else if (token.type === "image")
      text += `${plainText(token.children ?? []) || "image"} (${String(token.attrGet("src") ?? "")})`;
    else if (token.type === "softbreak" || token.type === "hardbreak") text += " ";
    else text += token.content;
  }
  return text;
}

/**
 * As Discord shows it unchanged.
 * @param before what stands before it: some marks count at the beginning of a line only
 */
export function escaped(text: string, before: string): string {
  const inline = text.replace(/[\\*_~`|[\]]/g, "\\$&").replace(/<(?=[@#:/at]|id:|sound:|https?:)/g, "\\<");
  if (before !== "" && !before.endsWith("\n")) return inline;
  return inline
    .replace(/^(\s*)(#{1,3}\s|-#?\s|>{1,3}\s|\+\s)/, "$1\\$2")
    .replace(/^(\s*\d+)\.(?=\s)/, "$1\\.");
}

/** With the name of who says it on a line before. */
export function named(name: string, text: string): string {
  return `**${escaped(name, "")}**\n${text}`;
}
