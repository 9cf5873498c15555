/**
 * What people read of a CommonMark text (with tables and strikethrough) where a platform has no markup: every
 * character that is no mark, in order, in the lines and lists that it stood in. Pure.
 */
import MarkdownIt, { type Token } from "markdown-it";

const parser = new MarkdownIt({ html: true, linkify: false });

/** An open list: the number of its next item, or undefined where it has none. */
interface List {
  next: number | undefined;
}

export function plainText(commonmark: string): string {
  const lists: List[] = [];
  const lines: string[] = [];
  let quotes = 0;
  /** What the first line of the item just begun starts with. */
  let bullet: string | undefined;
  let cells: string[] | undefined;

  function put(text: string): void {
    const indent = "  ".repeat(Math.max(0, lists.length - 1));
    const quote = "> ".repeat(quotes);
    for (const line of text.split("\n")) {
      const first = bullet ?? (lists.length > 0 ? "  " : "");
      bullet = undefined;
      lines.push(`${quote}${indent}${first}${line}`.trimEnd());
    }
  }

  for (const token of parser.parse(commonmark, {})) {
    switch (token.type) {
      case "inline":
        if (cells) cells.push(inlineText(token.children ?? []));
        else put(inlineText(token.children ?? []));
        break;
      case "fence":
      case "code_block":
      case "html_block":
        put(token.content.replace(/\n$/, ""));
        break;
      case "hr":
        put("———");
        break;
      case "bullet_list_open":
        lists.push({ next: undefined });
        break;
      case "ordered_list_open":
        lists.push({ next: Number(token.attrGet("start") ?? 1) });
        break;
      case "bullet_list_close":
      case "ordered_list_close":
        lists.pop();
        break;
      case "list_item_open":
        bullet = nextBullet(lists.at(-1));
        break;
      case "blockquote_open":
        quotes += 1;
        break;
      case "blockquote_close":
        quotes -= 1;
        break;
      case "tr_open":
        cells = [];
        break;
      case "tr_close":
        put((cells ?? []).join(" | "));
        cells = undefined;
        break;
    }
    if (endsBlock(token, lists.length > 0)) lines.push("");
  }
  return lines.join("\n").trim();
}

function nextBullet(list: List | undefined): string {
  if (list?.next === undefined) return "• ";
  const bullet = `${list.next}. `;
  list.next += 1;
  return bullet;
}

/** Whether an empty line follows it. */
function endsBlock({ type, hidden, level }: Token, inList: boolean): boolean {
  if (type === "fence" || type === "code_block" || type === "html_block" || type === "hr") return true;
  if (type === "paragraph_close" || type === "heading_close") return !hidden && !inList;
  return /^(?:bullet_list|ordered_list|table)_close$/.test(type) && level === 0;
}

function inlineText(tokens: readonly Token[]): string {
  let text = "";
  /** Where the links that are open began, and where they go. */
  const links: { readonly from: number; readonly href: string }[] = [];
  for (const token of tokens) {
    switch (token.type) {
      case "softbreak":
      case "hardbreak":
        text += "\n";
        break;
      case "link_open":
        links.push({ from: text.length, href: String(token.attrGet("href") ?? "") });
        break;
      case "link_close": {
        const link = links.pop();
        if (link) text += address(text.slice(link.from), link.href);
        break;
      }
      case "image":
        text += `${token.content}${address(token.content, String(token.attrGet("src") ?? ""))}`;
        break;
      default:
        text += token.content;
    }
  }
  return text;
}

/** Behind a link's words, where it goes; nothing where they say so themselves. */
function address(words: string, href: string): string {
  return href === "" || href === words || href === `mailto:${words}` ? "" : ` (${href})`;
}
