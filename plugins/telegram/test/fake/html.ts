/** Telegram's HTML, as strictly as it reads it itself, by the words of its Bot API. */

export class ParseError extends Error {}

export interface Parsed {
  /** What people read. */
  readonly text: string;
  /** What is marked how, in UTF-16: `b 0 4`. */
  readonly entities: readonly string[];
}

const TAGS = new Set([
  "b",
  "strong",
  "i",
  "em",
  "u",
  "ins",
  "s",
  "strike",
  "del",
  "a",
  "code",
  "pre",
  "blockquote",
  "tg-spoiler",
]);
const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"' };
const START = /<([a-z][a-z0-9-]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*>/y;
const END = /<\/([a-z][a-z0-9-]*)\s*>/y;
const ENTITY = /&(?:#(\d+)|#x([0-9a-f]+)|([a-z]+));/iy;

export function parseHtml(html: string): Parsed {
  const open: { tag: string; at: number; attributes: string }[] = [];
  const entities: string[] = [];
  let text = "";
  for (let at = 0; at < html.length;) {
    const character = html[at];
    if (character === "&") {
      const [whole, decimal, hex, name] = matched(ENTITY, html, at) ?? [];
      const code = decimal === undefined ? hex && Number.parseInt(hex, 16) : Number(decimal);
      const meant = code ? String.fromCodePoint(code) : NAMED[name ?? ""];
      text += meant ?? "&";
      at += meant === undefined ? 1 : (whole?.length ?? 1);
      continue;
    }
    if (character !== "<") {
      text += character;
      at += 1;
      continue;
    }
    const end = matched(END, html, at);
    const start = matched(START, html, at);
    if (end) {
      const last = open.pop();
      if (!last || last.tag !== end[1]) return refuse(`Unmatched end tag at byte offset ${at}`);
      entities.push(`${last.tag}${last.attributes} ${last.at} ${text.length - last.at}`);
      at += end[0].length;
    } else if (start) {
      const [whole, tag = "", attributes = ""] = start;
      check(tag, attributes, at, open.at(-1)?.tag);
      open.push({ tag, at: text.length, attributes });
      at += whole.length;
    } else refuse(`Unsupported start tag "${html.slice(at + 1, at + 10)}" at byte offset ${at}`);
  }
  const [unclosed] = open;
  if (unclosed) refuse(`Can't find end tag corresponding to start tag "${unclosed.tag}"`);
  return { text, entities };
}

function check(tag: string, attributes: string, at: number, outer: string | undefined): void {
  if (!TAGS.has(tag)) refuse(`Unsupported start tag "${tag}" at byte offset ${at}`);
  if (outer === "code" || (outer === "pre" && tag !== "code"))
    refuse(`Entities inside of "${outer}" at byte offset ${at}`);
  const may =
    tag === "a"
      ? /^ href="[^"]+"$/
      : tag === "code" && outer === "pre"
        ? /^(?: class="language-[^" ]+")?$/
        : /^$/;
  if (!may.test(attributes)) refuse(`Unexpected attributes at byte offset ${at}`);
}

function matched(pattern: RegExp, html: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(html) ?? undefined;
}

function refuse(why: string): never {
  throw new ParseError(`Bad Request: can't parse entities: ${why}`);
}
