/** What people read of a message on Discord: its Markdown, with the rules of its own clients. */

interface Rule {
  readonly pattern: RegExp;
  /** At the beginning of a line only. */
  readonly line?: boolean;
  readonly read: (match: RegExpExecArray) => string;
}

const inside = (match: RegExpExecArray): string => readMarkdown(match[1] ?? "");

/** In their order; what fits none is a character like any other. */
const RULES: readonly Rule[] = [
  { pattern: /^\\([^0-9A-Za-z\s])/, read: (match) => match[1] ?? "" },
  { pattern: /^```(?:[A-Za-z0-9_+\-.#]+?\n)?\n*([\s\S]*?)\n*```/, read: (match) => match[1] ?? "" },
  {
    pattern: /^(`+)([\s\S]*?[^`])\1(?!`)/,
    read: (match) => (match[2] ?? "").replaceAll(/^ (?= *`)|(?<=` *) $/g, ""),
  },
  { pattern: /^>(?:>>)? /, line: true, read: () => "" },
  { pattern: /^(?:#{1,3}|-#) +/, line: true, read: () => "" },
  { pattern: /^( *)[-*] /, line: true, read: (match) => `${match[1] ?? ""}• ` },
  { pattern: /^https?:\/\/[^\s<]+[^<.,:;"'\]\s]/, read: (match) => match[0] },
  { pattern: /^<(https?:\/\/[^\s>]+)>/, read: (match) => match[1] ?? "" },
  { pattern: /^\[((?:\\.|[^[\]\\])+)\]\(https?:\/\/[^\s)]+\)/, read: inside },
  { pattern: /^<(?:@[!&]?|#)\d+>/, read: () => "@somebody" },
  { pattern: /^<a?:\w+:\d+>/, read: () => "(emoji)" },
  { pattern: /^<t:-?\d+(?::\w)?>/, read: () => "(a time)" },
  { pattern: /^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/, read: inside },
  { pattern: /^__((?:\\[\s\S]|[^\\])+?)__(?!_)/, read: inside },
  { pattern: /^_((?:__|\\[\s\S]|[^\\_])+?)_(?!\w)/, read: inside },
  { pattern: /^\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/, read: inside },
  { pattern: /^~~((?:\\[\s\S]|[^\\])+?)~~/, read: inside },
  { pattern: /^\|\|((?:\\[\s\S]|[^\\])+?)\|\|/, read: inside },
];

export function readMarkdown(source: string): string {
  let text = "";
  for (let rest = source; rest !== "";) {
    const isLine = text === "" || text.endsWith("\n");
    const found = RULES.filter(({ line }) => line !== true || isLine).flatMap(({ pattern, read }) => {
      const match = pattern.exec(rest);
      return match ? [{ match, read }] : [];
    })[0];
    text += found ? found.read(found.match) : rest.slice(0, 1);
    rest = rest.slice(found?.match[0].length ?? 1);
  }
  return text;
}
