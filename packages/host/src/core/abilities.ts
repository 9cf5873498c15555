/**
 * What the agent is told of the chat that it answers in: only where that differs from what it would expect, in
 * a few words, since they stand in every prompt. Pure.
 */
import type { ChannelAbilities, Formatting, LengthUnit } from "@bellhop/sdk";
import { estimateTokens } from "./tokens.ts";

/** Whoever writes less than that at a time notices no limit. */
const ROOMY = 4_000;
/** More are named when one is refused. */
const MOST_NAMED = 6;
const SOME_REACTIONS = "Only some reactions.";
const MOST_TOKENS = 40;
/** Of what a channel says in words of its own. */
const NOTE_LENGTH = 120;

const PARTS: Readonly<Record<Formatting, string>> = {
  bold: "bold",
  italic: "italics",
  strikethrough: "strikethrough",
  code: "code",
  "code-block": "code blocks",
  link: "links",
  quote: "quotes",
  list: "lists",
  heading: "headings",
  table: "tables",
};

const UNITS: Readonly<Record<LengthUnit, string>> = {
  utf16: "characters",
  codepoints: "characters",
  bytes: "bytes",
};

/** One line; undefined where there is nothing to say. At most 40 tokens, and 40 for the channel's own note. */
export function abilityWords(abilities: ChannelAbilities, thread: boolean): string | undefined {
  const whole = line(abilities, thread, reactionWords);
  const lacks =
    whole !== undefined && estimateTokens(whole) > MOST_TOKENS
      ? line(abilities, thread, () => SOME_REACTIONS)
      : whole;
  const note = noteWords(abilities.note);
  if (note === undefined) return lacks;
  return `${lacks ?? "This chat:"} ${note}`;
}

/** On one line, and cut where it is longer than it may be: a platform's words stand in every prompt. */
function noteWords(note = ""): string | undefined {
  const all = Array.from(note.replaceAll(/[\s\p{Cc}]+/gu, " ").trim()).slice(0, NOTE_LENGTH);
  while (estimateTokens(all.join("")) > MOST_TOKENS) all.pop();
  return all.length === 0 ? undefined : all.join("");
}

function line(
  { formatting, maxTextLength, lengthUnit, maxFileBytes, reactions, reactionsOf }: ChannelAbilities,
  thread: boolean,
  named: (some: readonly string[]) => string,
): string | undefined {
  const words = [
    ...(thread ? ["a thread."] : []),
    ...(formatting ? formattingWords(formatting) : []),
    ...(maxTextLength < ROOMY ? [`${maxTextLength} ${UNITS[lengthUnit]} a message.`] : []),
    ...(maxFileBytes === undefined ? ["No files."] : []),
    ...(reactions ? (reactionsOf ? [named(reactionsOf)] : []) : ["No reactions."]),
  ];
  return words.length === 0 ? undefined : `This chat: ${words.join(" ")}`;
}

function formattingWords(shown: readonly Formatting[]): string[] {
  if (shown.length === 0) return ["Plain text only."];
  const all = Object.entries(PARTS).map(([part, word]) => ({
    word,
    shown: shown.some((one) => one === part),
  }));
  const named = (is: boolean) => all.flatMap((part) => (part.shown === is ? part.word : []));
  const missing = named(false);
  if (missing.length === 0) return [];
  const present = named(true);
  return missing.length <= present.length
    ? [`Not shown: ${missing.join(", ")}.`]
    : [`Shown: ${present.join(", ")}; else plain text.`];
}

function reactionWords(some: readonly string[]): string {
  return some.length <= MOST_NAMED ? `Reactions: ${some.join(" ")}` : SOME_REACTIONS;
}

/** The reaction as the platform has it, the first of these that it takes; undefined where it takes none of them. */
export function reactionTaken(
  { reactions, reactionsOf }: Pick<ChannelAbilities, "reactions" | "reactionsOf">,
  ...wanted: readonly string[]
): string | undefined {
  if (!reactions) return undefined;
  if (!reactionsOf) return wanted[0];
  for (const one of wanted) {
    const taken = reactionsOf.find((other) => bare(other) === bare(one));
    if (taken !== undefined) return taken;
  }
  return undefined;
}

/** Platforms differ in whether they say that a sign is to be shown in colour. */
function bare(emoji: string): string {
  return emoji.replaceAll("\u{fe0f}", "");
}
