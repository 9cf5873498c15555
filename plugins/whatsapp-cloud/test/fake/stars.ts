/**
 * What people read of a text on WhatsApp: its own markup, by what WhatsApp says of it. A style begins and ends at the
 * edge of a word, and in one line.
 */
const STYLES = [
  /(?<![\p{L}\p{N}])\*(?=[^\s\u200b])([^*\n]*[^\s\u200b*])\*(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])_(?=[^\s\u200b])([^_\n]*[^\s\u200b_])_(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])~(?=[^\s\u200b])([^~\n]*[^\s\u200b~])~(?![\p{L}\p{N}])/gu,
];

export function readStars(text: string): string {
  return text
    .split(/(```[^]*?```)/)
    .map((part, index) => (index % 2 === 1 ? part.slice(3, -3).replace(/^\n|\n$/g, "") : readInline(part)))
    .join("")
    .replaceAll("\u200b", "")
    .trim();
}

function readInline(text: string): string {
  return text
    .split(/(`[^`\n]+`)/)
    .map((part, index) => (index % 2 === 1 ? part.slice(1, -1) : readStyles(part)))
    .join("");
}

function readStyles(text: string): string {
  const words = STYLES.reduce((read, style) => read.replace(style, "$1"), text.replace(/^> ?/gm, ""));
  return words === text ? text : readStyles(words);
}
