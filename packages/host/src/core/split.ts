/**
 * Cuts a text into parts that a channel takes, measured in the platform's own unit.
 *
 * - A cut is made at a paragraph, a line, a sentence, a word, in this order, and else between two
 *   characters as people see them (grapheme clusters).
 * - Links are not cut, nor the lines that open and close a code fence. A fence that is open at a cut is
 *   closed there and opened again, with its info string, in the next part: each part stands for itself.
 * - What alone is larger than a whole part is cut all the same: a link, a line, at last a grapheme
 *   cluster. Only a code point is never cut; one that is longer than the limit makes a part of its own.
 *   Where the limit leaves a fence no room, it is text like any other.
 *
 * The parts joined are the text, less white space at the cuts, plus the fences put there.
 */
import type { ChannelAbilities, LengthUnit } from "@bellhop/sdk";

export interface Size {
  readonly limit: number;
  readonly unit: LengthUnit;
}

/** What a name may measure that stands before each message, on an account that is its owner's own. */
export const NAME_LENGTH = 64;

/** Of one message of a channel; without the name, where one stands before it. */
export function sizeOf({ maxTextLength, lengthUnit, personal }: ChannelAbilities): Size {
  const name = personal ? NAME_LENGTH * (lengthUnit === "bytes" ? 3 : 1) + ": ".length : 0;
  return { limit: maxTextLength - name, unit: lengthUnit };
}

/** Of a caption, as `sizeOf` counts. */
export function captionSizeOf(abilities: ChannelAbilities): Size {
  const { limit, unit } = sizeOf(abilities);
  const { maxCaptionLength: most = abilities.maxTextLength, maxTextLength } = abilities;
  return { limit: Math.max(0, limit - (maxTextLength - most)), unit };
}

/** Whether a text fits into one message. */
export function fits(text: string, { limit, unit }: Size): boolean {
  return measure(text, unit) <= limit;
}

export function splitText(text: string, size: Size): readonly string[] {
  const whole = text.toWellFormed().trim();
  const fences = fencesOf(whole);
  const parts: string[] = [];
  for (let from = 0; from < whole.length;) {
    const { part, next } = takePart(whole, from, fences, size);
    if (part.trim() !== "") parts.push(part);
    from = next;
  }
  return parts;
}

/** The length of a text as a platform counts it. */
function measure(text: string, unit: LengthUnit): number {
  if (unit === "utf16") return text.length;
  let sum = 0;
  for (const character of text) sum += weight(character, unit);
  return sum;
}

function weight(character: string, unit: "codepoints" | "bytes"): number {
  if (unit === "codepoints") return 1;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** A block of code, by places in the text: its first line, what it holds, its last line. */
interface Fence {
  readonly start: number;
  readonly inside: number;
  /** Where its last line begins; the end of the text if it has none. */
  readonly end: number;
  readonly after: number;
  readonly opening: string;
  /** Its marks alone, indented as they are. */
  readonly marks: string;
}

const FENCE_LINE = /^([ \t]*)(`{3,}|~{3,})([^\n]*)$/gm;

function fencesOf(text: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open: Omit<Fence, "end" | "after"> | undefined;
  for (const { 0: line, 1: indent = "", 2: marks = "", 3: info = "", index } of text.matchAll(FENCE_LINE)) {
    const after = Math.min(text.length, index + line.length + 1);
    if (open) {
      if (info.trim() !== "" || !marks.startsWith(open.marks.trim())) continue;
      fences.push({ ...open, end: index, after });
      open = undefined;
    } else if (marks.startsWith("~") || !info.includes("`")) {
      open = { start: index, inside: after, opening: line.trimEnd(), marks: indent + marks };
    }
  }
  return open ? [...fences, { ...open, end: text.length, after: text.length }] : fences;
}

function takePart(
  text: string,
  from: number,
  fences: readonly Fence[],
  { limit, unit }: Size,
): { part: string; next: number } {
  const carried = fences.find(({ inside, end }) => inside <= from && from < end);
  // A first line that would take much of each part is opened again without its info string.
  const opening = carried && (measure(carried.opening, unit) > limit / 4 ? carried.marks : carried.opening);
  const before = opening === undefined ? "" : `${opening}\n`;
  const room = limit - measure(before, unit);
  if (room > 0 && fitting(text, from, room, unit) === text.length)
    return { part: before + text.slice(from), next: text.length };

  const most = fitting(text, from, limit, unit);
  const met = fences.filter(({ start, after }) => start < most && from < after);
  // Whichever fence is open where we cut has to be closed in this part.
  const closing = Math.max(0, ...met.map(({ marks }) => measure(marks, unit) + 1));
  if (room - closing < limit / 2) {
    const at = cutPlace(text, from, most, []);
    return { part: text.slice(from, at).trimEnd(), next: behindGap(text, at) };
  }
  const at = cutPlace(text, from, fitting(text, from, room - closing, unit), met);
  const open = met.find(({ inside, end }) => inside <= at && at <= end);
  if (!open) return { part: (before + text.slice(from, at)).trimEnd(), next: behindGap(text, at) };
  const next = text[at] === "\n" ? at + 1 : at;
  return {
    part: `${before}${text.slice(from, at)}\n${open.marks}`,
    next: next < open.end ? next : behindGap(text, open.after), // its own last line would be an empty block
  };
}

/** Behind the white space there, but for the indentation of the line that follows. */
function behindGap(text: string, at: number): number {
  const gap = /\s*/y;
  gap.lastIndex = at;
  gap.test(text);
  const line = text.lastIndexOf("\n", gap.lastIndex - 1) + 1;
  return gap.lastIndex < text.length && line > at ? line : gap.lastIndex;
}

/** The place up to which the text fits; at least one code point further. */
function fitting(text: string, from: number, room: number, unit: LengthUnit): number {
  const one = from + ((text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1);
  if (unit === "utf16") {
    const at = Math.min(text.length, from + room);
    return Math.max(one, isLowSurrogate(text, at) ? at - 1 : at);
  }
  let at = from;
  for (let left = room; at < text.length;) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    left -= weight(character, unit);
    if (left < 0) break;
    at += character.length;
  }
  return Math.max(one, at);
}

function isLowSurrogate(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

/** Where to cut, from best to worst; each is found before or behind white space. */
const MARKS = [/\n\s*\n/g, /\n/g, /(?<=[.!?…。！？]["'”’)\]*_]{0,3})\s/g, /\s/g];
/** Links as Markdown writes them, and bare ones. */
const LINK = /!?\[[^[\]\n]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)|https?:\/\/[^\s<>]+/g;
const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Between `from` and `to`, up to which it fits; the text goes on behind. */
function cutPlace(text: string, from: number, to: number, fences: readonly Fence[]): number {
  const length = to - from;
  // A link that begins in this part and is longer than one is not spared, so no more need be seen.
  const seen = text.slice(from, to + length + 2);
  const links = [...seen.matchAll(LINK)].map(({ index, 0: link }) => [index, index + link.length] as const);
  const lines = fences.flatMap(({ start, inside, end, after }) => [
    [start - from, inside - from] as const,
    [end - from, after - from - 1] as const,
  ]);
  const spared = [...links, ...lines].filter(([a, b]) => a < length && b - a <= length);
  const across = (at: number) => spared.find(([a, b]) => a < at && at < b);
  const allowed = (at: number) => at > 0 && !across(at) && !makesFence(text, from + at);

  const fits = seen.slice(0, length + 1);
  for (const mark of MARKS) {
    const best = [...fits.matchAll(mark)].map(({ index }) => index).findLast(allowed);
    // A mark in the first half would make parts so short that they read worse than a worse cut.
    if (best !== undefined && best > length / 2) return from + best;
  }
  const word = [...fits.matchAll(/\s/g)].map(({ index }) => index).findLast(allowed);
  const whole = across(length);
  if (whole) return from + Math.max(whole[0], word ?? 0) || to;
  const cluster = GRAPHEMES.segment(seen).containing(length)?.index ?? length;
  if (cluster > 0 && allowed(cluster)) return from + cluster;
  return cluster === 0 ? to : from + (word ?? cluster);
}

/** Whether what stands in the middle of a line would become a fence if a part began with it. */
function makesFence(text: string, at: number): boolean {
  const next = behindGap(text, at);
  if (!/^(?:`{3}|~{3})/.test(text.slice(next, next + 3))) return false;
  return text.slice(text.lastIndexOf("\n", next - 1) + 1, next).trim() !== "";
}
