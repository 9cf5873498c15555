/**
 * Slack's names of emoji and the characters that they stand for: `:+1::skin-tone-3:` and 👍🏼. It writes names where
 * people wrote characters, and takes reactions by name alone. What a workspace has added itself has a name only.
 *
 * The table is loaded with the first of them that is met.
 */
const TONES = ["🏻", "🏼", "🏽", "🏾", "🏿"];
const TONE = /[\u{1f3fb}-\u{1f3ff}]/u;
/** Asks for a coloured picture of what is a letter too. */
const PICTURE = "\u{fe0f}";

const table = () => import("./emoji-table.ts");

/** A name without colons. @returns undefined for one that is the workspace's own */
export async function characterOf(name: string): Promise<string | undefined> {
  const [, base = name, tone] = /^(.+?)::skin-tone-([2-6])$/.exec(name) ?? [];
  const { characters } = await table();
  const character = characters.get(base);
  return character === undefined || tone === undefined ? character : toned(character, Number(tone) - 2);
}

/** @returns undefined where Slack has no name for it */
export async function nameOf(character: string): Promise<string | undefined> {
  const { names } = await table();
  const tone = TONE.exec(character)?.[0];
  const base = names.get(character.replace(TONE, "").replaceAll(PICTURE, ""));
  if (base === undefined || tone === undefined) return base;
  return `${base}::skin-tone-${TONES.indexOf(tone) + 2}`;
}

const NAME = /(?<!\w):([a-z0-9_'+-]+)(?:::skin-tone-([2-6]))?:(?!\w)/g;
const CODE = /(```[\s\S]*?```|`[^`\n]+`)/;

/** With characters for the names that are known; code stays as it is. */
export async function withCharacters(text: string): Promise<string> {
  if (text.search(NAME) < 0) return text;
  const { characters } = await table();
  const replaced = (part: string) =>
    part.replace(NAME, (whole, name: string, tone?: string) => {
      const character = characters.get(name);
      if (character === undefined) return whole;
      return tone === undefined ? character : toned(character, Number(tone) - 2);
    });
  return text
    .split(CODE)
    .map((part, index) => (index % 2 === 0 ? replaced(part) : part))
    .join("");
}

function toned(character: string, tone: number): string {
  const [first = "", ...rest] = Array.from(character);
  return [first, TONES[tone] ?? "", ...rest.filter((sign, index) => index > 0 || sign !== PICTURE)].join("");
}
