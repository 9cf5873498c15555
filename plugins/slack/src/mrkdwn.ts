/**
 * What Slack hands out of a text in its own markup, as a person reads it: `<@U7>` is `@Ann`, `<#C7>` is `#kitchen`,
 * `<url|words>` is `words (url)`, `&amp;` is `&`, `:wave:` is 👋. Stars, underscores and ticks stay: they may be
 * markup and they may be what was typed, and an agent reads both.
 */
import { withCharacters } from "./emoji.ts";

/** Names of what a text only has the ids of. */
export interface Names {
  user(id: string): Promise<string>;
  channel(id: string): Promise<string | undefined>;
}

const TAG = /<([^<>\n]+)>/g;

export async function readable(text: string, names: Names): Promise<string> {
  const parts = await Promise.all(
    text.split(TAG).map((part, index) => (index % 2 === 0 ? withCharacters(part) : tagged(part, names))),
  );
  return unescaped(parts.join(""));
}

async function tagged(tag: string, names: Names): Promise<string> {
  const bar = tag.indexOf("|");
  const target = bar < 0 ? tag : tag.slice(0, bar);
  const words = bar < 0 ? "" : tag.slice(bar + 1);
  const id = target.slice(1);
  if (target.startsWith("@")) return `@${words || (await names.user(id))}`;
  if (target.startsWith("#")) return `#${words || ((await names.channel(id)) ?? id)}`;
  if (target.startsWith("!")) return words || `@${id.split("^")[0] ?? ""}`;
  return words === "" || says(words, target) ? words || target : `${words} (${target})`;
}

/** The words are the address, as Slack makes links of addresses by itself. */
function says(words: string, target: string): boolean {
  return [words, `http://${words}`, `https://${words}`, `mailto:${words}`, `tel:${words}`].includes(target);
}

export function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** So that Slack shows these as they are. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Whether a text of Slack's names that user. */
export function mentions(text: string, user: string): boolean {
  return text.includes(`<@${user}>`) || text.includes(`<@${user}|`);
}

/** `@bellhop /stop` is the command alone: Slack keeps `/stop` to itself where it stands first. */
export function withoutCall(text: string, user: string): string {
  const rest = new RegExp(`^\\s*<@${user}(?:\\|[^>]*)?>[\\s:,]*(/[^]*)$`).exec(text)?.[1];
  return rest ?? text;
}
