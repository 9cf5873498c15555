/** Slack's names and the characters they stand for, from the data that Slack's own names come from (emoji-datasource). */
import given from "emojibase-data/en/shortcodes/iamcal.json" with { type: "json" };

const all = Object.entries(given).map(([codes, names]) => ({
  character: String.fromCodePoint(...codes.split("-").map((code) => Number.parseInt(code, 16))),
  names: typeof names === "string" ? [names] : names,
}));

export const characters: ReadonlyMap<string, string> = new Map(
  all.flatMap(({ character, names }) => names.map((name) => [name, pictured(character)] as const)),
);

/** By characters without the sign that asks for a picture. */
export const names: ReadonlyMap<string, string> = new Map(
  all.flatMap(({ character, names: [first] }) =>
    first === undefined ? [] : [[character.replaceAll("\u{fe0f}", ""), first] as const],
  ),
);

/** What is a letter by itself and a picture by a sign behind it, with that sign. */
function pictured(character: string): string {
  const single = Array.from(character).length === 1;
  return single && !/\p{Emoji_Presentation}/u.test(character) ? `${character}\u{fe0f}` : character;
}
