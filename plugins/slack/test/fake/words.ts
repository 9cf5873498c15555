/** What Slack makes of what people type, and what they read of what it stores. */
import given from "emojibase-data/en/shortcodes/iamcal.json" with { type: "json" };
import type { Block } from "./world.ts";

const NAMES = new Map(
  Object.entries(given).map(([codes, names]) => [
    codes.replaceAll("-FE0F", ""),
    typeof names === "string" ? names : (names[0] ?? ""),
  ]),
);
const KNOWN = new Set(Object.values(given).flat());
const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

export const isEmojiName = (name: string): boolean => KNOWN.has(name.replace(/::skin-tone-[2-6]$/, ""));

export function emojiName(character: string): string | undefined {
  const codes = Array.from(character, (one) => (one.codePointAt(0) ?? 0).toString(16).toUpperCase());
  return NAMES.get(codes.filter((code) => code !== "FE0F").join("-"));
}

/** As it is stored: escaped, addresses in angle brackets, emoji by their names. */
export function asStored(typed: string): string {
  const named = Array.from(GRAPHEMES.segment(typed), ({ segment }) => {
    const name = segment.length > 1 || segment > "\u{2000}" ? emojiName(segment) : undefined;
    return name === undefined ? segment : `:${name}:`;
  });
  const escaped = named.join("").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return escaped.replace(/https?:\/\/\S+/g, "<$&>");
}

/** As it is read: without markup, and without what is invisible. */
export function asRead(stored: string): string {
  return stored
    .split(/```\n?([\s\S]*?)\n?```/)
    .map((part, index) => (index % 2 === 0 ? linesRead(part) : tagsRead(part)))
    .join("")
    .replaceAll("\u200b", "");
}

function linesRead(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/^(?:>|&gt;) ?/, ""))
    .map((line) =>
      line
        .split(/`([^`\n]+)`/)
        .map((part, index) => tagsRead(index % 2 === 0 ? stylesRead(part) : part))
        .join(""),
    )
    .join("\n");
}

/** Signs at the edges of words, in pairs; whatever stands in an address is none. */
function stylesRead(line: string): string {
  return line
    .split(/(<[^<>]*>)/)
    .map((part, index) => {
      if (index % 2 === 1) return part;
      let read = part;
      for (const sign of ["*", "_", "~"]) {
        const pair = new RegExp(
          `(?<![\\p{L}\\p{N}${sign}])[${sign}](?=[^\\s\u200b])([^${sign}]*[^\\s\u200b${sign}])[${sign}](?![\\p{L}\\p{N}${sign}\u200b])`,
          "gu",
        );
        read = read.replace(pair, "$1");
      }
      return read;
    })
    .join("");
}

function tagsRead(text: string): string {
  return text
    .replace(/<([^<>|]+)(?:\|([^<>]*))?>/g, (_, target: string, words?: string) => words ?? target)
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** What people read of blocks, and which buttons they see. */
export function blocksRead(blocks: readonly Block[]) {
  const buttons: { id: string; label: string }[] = [];
  const lines: string[] = [];
  const read = (one: unknown): string => {
    if (Array.isArray(one)) return one.map(read).join("");
    if (one === null || typeof one !== "object") return "";
    const { type, text, elements, action_id } = one as Record<string, unknown>; // JSON that words.ts has checked
    if (type === "button") {
      buttons.push({ id: String(action_id), label: String((text as { text?: unknown } | undefined)?.text) });
      return "";
    }
    if (type === "mrkdwn") return asRead(String(text));
    if (type === "text") return String(text);
    return read(text) + read(elements);
  };
  for (const block of blocks) {
    const line = read(block);
    if (line !== "") lines.push(line);
  }
  return { text: lines.join("\n"), buttons };
}
