/** What people read of a text, as WhatsApp's apps show it: their signs are gone where they mean something. */

/** Stands in for what is code already, which no sign in it changes. */
const HOLE = "\u0000";
const STYLED = /(?<![\p{L}\p{N}`])([*_~])(?![\s\u200b])((?:(?!\1).)*?[^\s\u200b])\1(?![\p{L}\p{N}])/gu;

export function readable(text: string): string {
  const code: string[] = [];
  const hidden = text
    .replace(/```\n?([\s\S]+?)\n?```/g, (_, inside: string) => `${HOLE}${code.push(inside) - 1}${HOLE}`)
    .replace(/`([^`\n]+)`/g, (_, inside: string) => `${HOLE}${code.push(inside) - 1}${HOLE}`);
  const lines = hidden.split("\n").map((line) => unstyled(line.replace(/^(?:> )+/, "")));
  return lines
    .join("\n")
    .replace(new RegExp(`${HOLE}(\\d+)${HOLE}`, "g"), (_, number: string) => code[Number(number)] ?? "")
    .replaceAll("\u200b", "");
}

/** From the outside to the inside. */
function unstyled(line: string): string {
  const once = line.replace(STYLED, (_, _sign: string, inside: string) => inside);
  return once === line ? line : unstyled(once);
}
