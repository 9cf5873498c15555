/**
 * From CommonMark to the markup of a platform that shows bold and italic words, code, links and quotes, and what
 * people then read.
 *
 * - Nothing that was written is lost: HTML is shown as it stands, link definitions too; an address that the
 *   platform makes no link of stands behind its words.
 * - Headings are bold, bullets are dots, a table is set in columns as a block of code. Quotes do not nest.
 * - What is read may be longer than what was written (columns are padded): whoever sends compares.
 */
import markdownIt, { type Token } from "markdown-it";
import { createPieces, type Pieces } from "./markup-pieces.ts";
import { tableText } from "./table-text.ts";

/** What stands before a part of a text and what behind it. */
export type Mark = readonly [open: string, close: string];

export type Style = "bold" | "italic" | "strikethrough";

/** A platform's own markup. */
export interface Dialect {
  /** Words as they are to be written, so that nothing in them is taken for markup. */
  escape(words: string): string;
  /**
   * Undefined where the platform would not see it there: the words stand without then.
   * `before` and `after` are the signs next to `inside`, as people read them; empty at the ends of the text.
   */
  style(
    style: Style,
    around: { readonly before: string; readonly inside: string; readonly after: string },
  ): Mark | undefined;
  /** Of a word or two in a line. */
  code(words: string): Mark | undefined;
  codeBlock(language: string | undefined): Mark;
  /** The same as `escape` where it is absent. */
  escapeCode?(code: string): string;
  /** Undefined where the platform makes no link of such an address. */
  link(href: string): Mark | undefined;
  /** There may be code in the words of a link. */
  readonly codeInLinks: boolean;
  /** Around the whole of it, or at the beginning of each of its lines. */
  readonly quote: Mark | string;
  /**
   * Where in a line something that nobody sees has to stand, so that words are not taken for markup: for platforms
   * that have no other way to say so. `isWords`: this sign was written, and is no markup; `marks`: the signs of
   * the line's own markup.
   */
  guard?(line: string, isWords: (at: number) => boolean, marks: string): readonly number[];
}

export interface Rendered {
  readonly markup: string;
  /** What people read. */
  readonly text: string;
}

const LANGUAGE = /^[\w+#.-]{1,32}$/;
/** A line's own address is a link already. */
const BARE = /^(?:https?|mailto):/i;

const markdown = createParser();

/** @param sender who says it, where that is somebody else than the account: a line of its own before the text */
export function render(source: string, dialect: Dialect, sender?: string): Rendered {
  const pieces = createPieces(dialect);
  if (sender !== undefined) {
    pieces.styled("bold", () => pieces.say(sender));
    pieces.line();
  }
  renderBlocks(markdown.parse(source, {}), { pieces, dialect, lines: source.split("\n") });
  return pieces.rendered();
}

function createParser() {
  const parser = markdownIt({ html: false, linkify: true, breaks: true, typographer: false });
  parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  parser.normalizeLinkText = (url) => url; // an address is read as it was written
  parser.disable("reference"); // a definition would vanish, and its links are in other messages as often
  return parser;
}

interface Frame {
  readonly pieces: Pieces;
  readonly dialect: Dialect;
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
  for (const [index, block] of blocksOf(tokens).entries()) {
    if (index > 0) parted(block, frame);
    renderBlock(block, frame);
  }
}

/** From what is before it, as in the source: a blank line where one stands there, quote marks aside. */
function parted({ open }: Block, { pieces, lines }: Frame): void {
  const start = open.map?.[0] ?? 0;
  pieces.line(/^[\s>]*$/.test(lines[start - 1] ?? "") ? 2 : 1);
}

function renderBlock({ open, inside }: Block, frame: Frame): void {
  const { pieces, dialect } = frame;
  switch (open.type) {
    case "heading_open":
      pieces.styled("bold", () => renderBlocks(inside, frame));
      break;
    case "inline":
      renderInline(open.children ?? [], frame);
      break;
    case "fence":
    case "code_block":
      pieces.code(dialect.codeBlock(languageOf(open)), open.content.replace(/\n$/, ""));
      break;
    case "hr":
      pieces.say("———");
      break;
    case "bullet_list_open":
      renderItems(inside, () => "• ", frame);
      break;
    case "ordered_list_open":
      renderItems(inside, (item) => `${item.info}. `, frame);
      break;
    case "blockquote_open":
      if (frame.quoted === true) renderBlocks(inside, frame);
      else pieces.quoted(dialect.quote, () => renderBlocks(inside, { ...frame, quoted: true }));
      break;
    case "table_open":
      pieces.code(dialect.codeBlock(undefined), tableText(inside, plainInline));
      break;
    default: // a paragraph, or what an extension would bring
      renderBlocks(inside, frame);
  }
}

function renderItems(items: readonly Token[], markOf: (item: Token) => string, frame: Frame): void {
  for (const [index, item] of blocksOf(items).entries()) {
    if (index > 0) parted(item, frame);
    const mark = markOf(item.open);
    frame.pieces.say(mark);
    frame.pieces.indented(" ".repeat(mark.length), () => renderBlocks(item.inside, frame));
  }
}

function languageOf({ info }: Token): string | undefined {
  const [language = ""] = info.trim().split(/\s/);
  return LANGUAGE.test(language) ? language : undefined;
}

const STYLES: Readonly<Record<string, Style>> = { strong: "bold", em: "italic", s: "strikethrough" };

function renderInline(tokens: readonly Token[], { pieces, dialect }: Frame): void {
  let link: { readonly href: string; readonly mark: Mark | undefined; words: string } | undefined;
  for (const { type, content, ...token } of tokens) {
    const [, kind = "", side = ""] = /^(strong|em|s)_(open|close)$/.exec(type) ?? [];
    const style = STYLES[kind];
    if (style !== undefined && side === "open") pieces.open(style);
    else if (style !== undefined) pieces.close(style);
    else if (type === "softbreak" || type === "hardbreak") pieces.line();
    else if (type === "code_inline") {
      if (link) link.words += content;
      // Where code and a link do not go together, the link is worth more.
      const mark = link?.mark && !dialect.codeInLinks ? undefined : dialect.code(content);
      if (mark) pieces.code(mark, content);
      else pieces.say(content);
    } else if (type === "link_open") {
      const href = hrefOf(token);
      link = { href, mark: dialect.link(href), words: "" };
      if (link.mark) pieces.mark(link.mark[0]);
    } else if (type === "link_close") {
      if (link?.mark) pieces.mark(link.mark[1]);
      else if (link && link.words !== link.href) pieces.behind(link.href);
      link = undefined;
    } else if (type === "image") {
      const words = plainInline(token.children ?? []) || "image";
      renderImage(words, attribute(token, "src"), {
        pieces,
        dialect,
        linked: link?.mark !== undefined,
      });
    } else {
      if (link) link.words += content;
      if (link && content === link.href && BARE.test(content)) pieces.address(content);
      else pieces.say(content);
    }
  }
}

function renderImage(
  words: string,
  source: string,
  { pieces, dialect, linked }: { pieces: Pieces; dialect: Dialect; linked: boolean },
): void {
  const mark = linked ? undefined : dialect.link(source);
  if (mark) pieces.mark(mark[0]);
  pieces.say(words);
  if (mark) pieces.mark(mark[1]);
  else pieces.behind(source);
}

type Attributes = Pick<Token, "attrs">;

function attribute({ attrs }: Attributes, name: string): string {
  return String(attrs?.find(([one]) => one === name)?.[1] ?? "");
}

const hrefOf = (token: Attributes) => attribute(token, "href");

/** Without markup; the address of a link stands behind its words. */
function plainInline(tokens: readonly Token[]): string {
  let text = "";
  let href = "";
  let from = 0;
  for (const token of tokens) {
    if (token.type === "link_open") {
      href = hrefOf(token);
      from = text.length;
    } else if (token.type === "link_close") {
      if (text.slice(from) !== href) text += ` (${href})`;
    } else if (token.type === "image") {
      text += `${plainInline(token.children ?? []) || "image"} (${attribute(token, "src")})`;
    } else if (token.type === "softbreak" || token.type === "hardbreak") text += " ";
    else text += token.content;
  }
  return text;
}
