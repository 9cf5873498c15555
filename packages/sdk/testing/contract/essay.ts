/**
 * A long answer as agents write them, of more than 20,000 characters, and what of it people have to read: each
 * piece exactly, in this order, once. Markup, white space and the marks of lists and tables between the pieces
 * are the platform's.
 */
import type { LengthUnit } from "../../src/channel.ts";
import { fail } from "./check.ts";

export interface Block {
  /** CommonMark. */
  readonly source: string;
  readonly pieces: readonly string[];
}

const SENTENCES = [
  "The café’s naïve façade — “quoted”, 50 % off… isn’t it?",
  "1 < 2 && 3 > 2; a & b, <not a tag>, &amp;nbsp; and C:\\path\\file.",
  "Zeichen: äöüß, ελληνικά, кириллица, 日本語の文章, 한국어.",
  "snake_case_name and another__one, 2*3*4, ~tilde~ and #hash, @nobody here.",
];
const EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "👍🏽", "❤️", "🧑‍🚀", "😀"];
const RTL = ["שלום עולם, זהו טקסט מימין לשמאל", "مرحبا بالعالم، هذا نص من اليمين إلى اليسار"];

/** One of each kind, none of them twice the same. */
function section(n: number): Block[] {
  const at = <T>(list: readonly T[]): T => list[n % list.length] ?? fail("the list is empty");
  const link = `https://example.com/a_b_${n}__c/d_e?f_g=h_i&j=${n}#k_l`;
  const code = [
    `const value_${n} = { a: "<b>", c: \`d\` };`,
    `  if (value_${n} && 1 < 2) return "*_~";  // 100 %`,
  ];
  const words = Array.from({ length: 30 }, (_, i) => `word${n}x${i}`);
  return [
    { source: `## Heading ${n}`, pieces: [`Heading ${n}`] },
    { source: escaped(`${n}: ${at(SENTENCES)}`), pieces: [`${n}: ${at(SENTENCES)}`] },
    { source: `See ${link} for part ${n}.`, pieces: [`See`, link, `for part ${n}.`] },
    {
      source: `A **bold ${n}** and *slanted ${n}* word.`,
      pieces: [`A`, `bold ${n}`, `and`, `slanted ${n}`, `word.`],
    },
    { source: ["```ts", ...code, "```"].join("\n"), pieces: code.map((line) => line.trim()) },
    {
      source: [`| name ${n} | size ${n} |`, "| --- | --- |", `| left_${n} | 1${n} |`].join("\n"),
      pieces: [`name ${n}`, `size ${n}`, `left_${n}`, `1${n}`],
    },
    {
      source: `- item ${n} a\n- item ${n} b ${at(EMOJI)}`,
      pieces: [`item ${n} a`, `item ${n} b ${at(EMOJI)}`],
    },
    { source: `> quoted ${n}`, pieces: [`quoted ${n}`] },
    { source: `${n} ${at(RTL)}`, pieces: [`${n} ${at(RTL)}`] },
    { source: words.join(" "), pieces: words },
  ];
}

export function essay(length = 20_000): readonly Block[] {
  const blocks: Block[] = [];
  for (let n = 1; blocks.reduce((sum, { source }) => sum + source.length + 2, 0) < length; n += 1) {
    blocks.push(...section(n));
  }
  return blocks;
}

export const sourceOf = (blocks: readonly Block[]): string => blocks.map(({ source }) => source).join("\n\n");

/** As an agent has to write what would be markup otherwise. */
function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>~#|&]/gu, "\\$&");
}

/** Whole blocks, as many to a message as fit. */
export function messagesOf(blocks: readonly Block[], limit: number, unit: LengthUnit): readonly string[] {
  const messages: string[] = [];
  for (const { source } of blocks) {
    const last = messages.at(-1);
    const joined = last === undefined ? source : `${last}\n\n${source}`;
    if (last !== undefined && lengthOf(joined, unit) <= limit) messages[messages.length - 1] = joined;
    else messages.push(source);
  }
  return messages;
}

export function lengthOf(text: string, unit: LengthUnit): number {
  switch (unit) {
    case "utf16":
      return text.length;
    case "codepoints":
      return Array.from(text).length;
    case "bytes":
      return Buffer.byteLength(text);
    default:
      return unit satisfies never;
  }
}

/**
 * Whether people read all of it, in order, and nothing else but marks.
 * @param read what people see, message by message
 * @param raw what they see is the source itself: it was handed to them as a file, or as it is
 */
export function readsAs(read: readonly string[], blocks: readonly Block[]): void {
  const seen = read.join("\n\n");
  const between: string[] = [];
  let at = 0;
  for (const piece of blocks.flatMap(({ pieces }) => pieces)) {
    const found = seen.indexOf(piece, at);
    if (found < 0) {
      fail(
        `after ${at} characters: ${JSON.stringify(piece)} is missing in ${JSON.stringify(seen.slice(at, at + 200))}`,
      );
    }
    between.push(seen.slice(at, found));
    at = found + piece.length;
  }
  between.push(seen.slice(at));
  // The name of a language before its code is a mark as well.
  const strange = between.find((text) => /[\p{L}\p{N}]/u.test(text.replace(/^\W*ts\W*$/u, "")));
  if (strange !== undefined) fail(`nobody wrote this: ${JSON.stringify(strange)}`);
}
