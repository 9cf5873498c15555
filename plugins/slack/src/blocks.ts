/** What stands in a message that has no text of its own: in its blocks, or in the attachments of older programs. */
import { z } from "zod";

/** Where words stand in blocks and attachments of any kind. */
const WORDS = ["pretext", "title", "text", "value", "fallback", "alt_text"] as const;
/** Where blocks hold others. */
const INSIDE = ["fields", "elements", "blocks"] as const;
/** A message of somebody's that is handed on comes as an attachment with this mark. */
const Share = z.looseObject({ is_share: z.literal(true), author_name: z.string().optional() });
/** Deeper than Slack lets anybody build. */
const DEEPEST = 8;

const Held = z.record(z.string(), z.unknown());

/** In Slack's markup, a line for each. */
export function wordsOf({
  blocks = [],
  attachments = [],
}: {
  blocks?: unknown[] | undefined;
  attachments?: unknown[] | undefined;
}): string {
  const lines = [...blocks, ...attachments].map((one) => inside(one, 0)).filter((line) => line !== "");
  return lines.join("\n");
}

/** What is handed on, and whose it is; undefined where nothing is. */
export function sharedIn(
  attachments: readonly unknown[] = [],
): { readonly words: string; readonly by: string } | undefined {
  const shares = attachments.flatMap((one) => Share.safeParse(one).data ?? []);
  if (shares.length === 0) return undefined;
  const by = new Set(shares.map(({ author_name = "" }) => author_name));
  return { words: wordsOf({ attachments: shares }), by: [...by].join(", ") };
}

function inside(given: unknown, depth: number): string {
  if (typeof given === "string") return given;
  const held = Held.safeParse(given);
  if (!held.success || depth > DEEPEST) return "";
  const { data } = held;
  const special = element(data);
  if (special !== undefined) return special;
  const words = WORDS.map((name) => inside(data[name], depth + 1)).filter((word) => word !== "");
  const children = INSIDE.flatMap((name) => {
    const list = data[name];
    if (!Array.isArray(list)) return [];
    const between = data["type"] === "rich_text_section" || name === "fields" ? "" : "\n";
    return [list.map((child) => inside(child, depth + 1)).join(between)].filter((word) => word !== "");
  });
  // What a program put there for those who cannot show the rest repeats it.
  const said = words.length > 1 ? words.filter((word) => word !== data["fallback"]) : words;
  return [...said, ...children].join("\n");
}

/** Pieces of rich text that are no text, in Slack's markup. */
function element(data: Record<string, unknown>): string | undefined {
  const { type, user_id: user, channel_id: channel, name, url, text, range } = data;
  if (type === "user" && typeof user === "string") return `<@${user}>`;
  if (type === "channel" && typeof channel === "string") return `<#${channel}>`;
  if (type === "emoji" && typeof name === "string") return `:${name}:`;
  if (type === "broadcast" && typeof range === "string") return `<!${range}>`;
  if (type === "link" && typeof url === "string")
    return typeof text === "string" && text !== "" ? `<${url}|${text}>` : `<${url}>`;
  return type === "button" || type === "actions" ? "" : undefined;
}
