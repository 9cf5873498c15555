/**
 * The markup of platforms where `*` is bold, `_` italic, `~` strikes through and a line that begins with `>` is a quote:
 * Slack's and WhatsApp's. Neither has a sign that takes another's meaning away, so something invisible stands in
 * words that would be taken for markup, and nowhere else: what people copy has to be what was written. A pair of
 * backticks that was not meant as code cannot be told from it.
 */
import { type Dialect, type Mark, render, type Rendered, type Style } from "./markup.ts";

export interface StarDialect {
  /** Signs that the platform wants written in another way. Default: none. */
  escape?(words: string): string;
  /** Around the words of a link; absent where there are none. */
  link?(href: string): Mark | undefined;
}

const SIGNS: Readonly<Record<Style, string>> = { bold: "*", italic: "_", strikethrough: "~" };
const LETTER = /[\p{L}\p{N}]/u;
const WORD = /[\p{L}\p{N}_*~`]/u;

/** @param sender who says it, where that is somebody else than the account */
export function starMarkup(source: string, platform: StarDialect = {}, sender?: string): Rendered {
  const escape = platform.escape ?? ((words) => words);
  const dialect: Dialect = {
    escape,
    style(style, { before, inside, after }) {
      const seen = /^\S(?:.*\S)?$/u.test(inside) && !WORD.test(before) && !WORD.test(after);
      return seen ? [SIGNS[style], SIGNS[style]] : undefined;
    },
    code: (words) => (/`|^\s|\s$/.test(words) ? undefined : ["`", "`"]),
    codeBlock: () => ["```\n", "\n```"],
    escapeCode: (code) => escape(code.replaceAll("```", "``\u200b`")),
    link: (href) => platform.link?.(href),
    codeInLinks: false,
    quote: "> ",
    guard,
  };
  return render(source, dialect, sender);
}

/** Signs that could open or close a style, where another of their kind is there to make a pair with. */
function guard(line: string, isWords: (at: number) => boolean, marks: string): number[] {
  const found = Object.values(SIGNS).flatMap((sign) => {
    const edges = placesOf(line, sign).flatMap((at) => (isWords(at) ? (edgeAt(line, at) ?? []) : []));
    return edges.length > 1 || marks.includes(sign) ? edges : [];
  });
  return line.startsWith(">") && isWords(0) ? [0, ...found] : found;
}

function placesOf(line: string, sign: string): number[] {
  return Array.from(line.matchAll(new RegExp(`\\${sign}`, "g")), ({ index }) => index);
}

/** Between a sign and the word that it stands at; undefined where it is not at the beginning or the end of one. */
function edgeAt(line: string, at: number): number | undefined {
  const before = line.slice(0, at).slice(-1);
  const after = line.charAt(at + 1);
  if (!LETTER.test(before) && /\S/.test(after)) return at + 1;
  return /\S/.test(before) && !LETTER.test(after) ? at : undefined;
}
