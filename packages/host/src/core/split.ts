/**
 * Cuts a text into parts that a channel takes. A cut is made at a paragraph, a line, a word, in
 * this order, and never through a surrogate pair.
 */

/** `limit` in UTF-16 units. The parts joined are the text, less white space at the cuts. */
export function splitText(text: string, limit: number): readonly string[] {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest.length > limit) {
    const at = cutPlace(rest, limit);
    parts.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  return rest === "" ? parts : [...parts, rest];
}

function cutPlace(text: string, limit: number): number {
  const window = text.slice(0, limit + 1);
  for (const mark of ["\n\n", "\n", " "]) {
    const at = window.lastIndexOf(mark);
    // A mark in the first half would make parts so short that they read worse than a hard cut.
    if (at > limit / 2) return at;
  }
  const code = text.charCodeAt(limit - 1);
  return code >= 0xd800 && code <= 0xdbff && limit > 1 ? limit - 1 : limit;
}
