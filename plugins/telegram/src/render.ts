/**
 * From CommonMark to the HTML that Telegram takes, and what people then read.
 *
 * - Nothing that was written is lost: HTML is shown as it stands, link definitions too, an address that Telegram
 *   makes no link of stands behind its words.
 * - Headings are bold, bullets are dots, a table is set in columns as preformatted text. Quotes do not nest.
 * - What is read may be longer than what was written (columns are padded): whoever sends compares.
 */
import { tableText } from "@bellhop/sdk";
import markdownIt, { type Token } from "markdown-it";

export interface Rendered {
  readonly html: string;
  /** What people read, as Telegram counts it. */
  readonly text: string;
}

/** Addresses that Telegram makes links of. */
const LINKED = /^(?:https?|tg|ton):\/\//i;
const LANGUAGE = /^[\w+#.-]{1,32}$/;

const markdown = createParser();

export function render(source: string): Rendered {
  const page = createPage();
  const lines = source.split("\n");
  renderBlocks(markdown.parse(source, {}), { page, lines });
  return page.rendered();
}

function createParser() {
  const parser = markdownIt({ html: false, linkify: true, breaks: true, typographer: false });
  parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  parser.normalizeLinkText = (url) => url; // an address is read as it was written
  parser.disable("reference"); // a definition would vanish, and its links are in other messages as often
  return parser;
}

function createPage() {
  let html = "";
  let text = "";
  let indent = "";
  return {
    tag(markup: string): void {
      html += markup;
    },
    say(words: string): void {
      html += escaped(words);
      text += words;
    },
    line(count = 1): void {
      this.say("\n".repeat(count) + indent);
    },
    within(more: string, write: () => void): void {
      const outer = indent;
      indent += more;
      write();
      indent = outer;
    },
    rendered: (): Rendered => ({ html, text }),
  };
}

interface Frame {
  readonly page: ReturnType<typeof createPage>;
  readonly lines: readonly string[];
  readonly quoted?: boolean;
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

function renderBlocks(tokens: readonly Token[], frame: Frame): void {
  const { page, lines } = frame;
  for (const [index, block] of blocksOf(tokens).entries()) {
    // As in the source: a blank line where one stands there, quote marks aside.
    const start = block.open.map?.[0] ?? 0;
    if (index > 0) page.line(/^[\s>]*$/.test(lines[start - 1] ?? "") ? 2 : 1);
    renderBlock(block, frame);
  }
}

function renderBlock({ open, inside }: Block, frame: Frame): void {
  const { page } = frame;
  switch (open.type) {
    case "heading_open":
      page.tag("<b>");
      renderBlocks(inside, frame);
      page.tag("</b>");
      break;
    case "inline":
      renderInline(open.children ?? [], page);
      break;
    case "fence":
    case "code_block":
      renderCode(open, page);
      break;
    case "hr":
      page.say("———");
      break;
    case "bullet_list_open":
      renderItems(inside, () => "• ", frame);
      break;
    case "ordered_list_open":
      renderItems(inside, (item) => `${item.info}. `, frame);
      break;
    case "blockquote_open":
      if (frame.quoted !== true) page.tag("<blockquote>");
      renderBlocks(inside, { ...frame, quoted: true });
      if (frame.quoted !== true) page.tag("</blockquote>");
      break;
    case "table_open":
      page.tag("<pre>");
      page.say(tableText(inside, plainInline));
      page.tag("</pre>");
      break;
    default: // a paragraph, or what an extension would bring
      renderBlocks(inside, frame);
  }
}

function renderItems(items: readonly Token[], markOf: (item: Token) => string, frame: Frame): void {
  const { page, lines } = frame;
  for (const [index, { open, inside }] of blocksOf(items).entries()) {
    const start = open.map?.[0] ?? 0;
    if (index > 0) page.line(/^[\s>]*$/.test(lines[start - 1] ?? "") ? 2 : 1);
    const mark = markOf(open);
    page.say(mark);
    page.within(" ".repeat(mark.length), () => renderBlocks(inside, frame));
  }
}

function renderCode({ content, info }: Token, page: Frame["page"]): void {
  const code = content.replace(/\n$/, "");
  const [language = ""] = info.trim().split(/\s/);
  const named = LANGUAGE.test(language);
  page.tag(named ? `<pre><code class="language-${escaped(language)}">` : "<pre>");
  page.say(code);
  page.tag(named ? "</code></pre>" : "</pre>");
}

const TAGS: Readonly<Record<string, string>> = { strong: "b", em: "i", s: "s" };

function renderInline(tokens: readonly Token[], page: Frame["page"]): void {
  let link: { href: string; words: string; tag: boolean } | undefined;
  const say = (words: string) => {
    if (link) link.words += words;
    page.say(words);
  };
  for (const token of tokens) {
    const [, kind = "", side = ""] = /^(strong|em|s)_(open|close)$/.exec(token.type) ?? [];
    const tag = TAGS[kind];
    if (tag !== undefined) page.tag(side === "open" ? `<${tag}>` : `</${tag}>`);
    else if (token.type === "softbreak" || token.type === "hardbreak") page.line();
    else if (token.type === "code_inline") {
      // Telegram has no code in a link, and of the two the link is worth more.
      if (link?.tag !== true) page.tag("<code>");
      say(token.content);
      if (link?.tag !== true) page.tag("</code>");
    } else if (token.type === "link_open") {
      const href = String(token.attrGet("href") ?? "");
      link = { href, words: "", tag: LINKED.test(href) };
      if (link.tag) page.tag(`<a href="${escaped(href)}">`);
    } else if (token.type === "link_close") {
      if (link?.tag === true) page.tag("</a>");
      else if (link && link.words !== link.href) page.say(` (${link.href})`);
      link = undefined;
    } else if (token.type === "image") renderImage(token, page, link?.tag === true);
    else say(token.content);
  }
}

function renderImage(token: Token, page: Frame["page"], linked: boolean): void {
  const source = String(token.attrGet("src") ?? "");
  const words = plainInline(token.children ?? []) || "image";
  if (linked || !LINKED.test(source)) return page.say(`${words} (${source})`);
  page.tag(`<a href="${escaped(source)}">`);
  page.say(words);
  page.tag("</a>");
}

/** Without markup; the address of a link stands behind its words. */
function plainInline(tokens: readonly Token[]): string {
  let text = "";
  let href = "";
  let from = 0;
  for (const token of tokens) {
    if (token.type === "link_open") {
      href = String(token.attrGet("href") ?? "");
      from = text.length;
    } else if (token.type === "link_close") {
      if (text.slice(from) !== href) text += ` (${href})`;
    } else if (token.type === "image") {
      text += `${plainInline(token.children ?? []) || "image"} (${String(token.attrGet("src") ?? "")})`;
    } else if (token.type === "softbreak" || token.type === "hardbreak") text += " ";
    else text += token.content;
  }
  return text;
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** With the name of who says it on a line before. */
export function named(name: string, { html, text }: Rendered): Rendered {
  return { html: `<b>${escaped(name)}</b>\n${html}`, text: `${name}\n${text}` };
}
