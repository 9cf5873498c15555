/** What stands in a message that has no text of its own: in its blocks, or in the attachments of older programs. */
import { z } from "zod";
import { File } from "./event.ts";

/** Where words stand in blocks and attachments of any kind. */
const WORDS = ["pretext", "title", "text", "value", "fallback", "alt_text"] as const;
/** Where blocks hold others. */
const INSIDE = ["fields", "elements", "blocks"] as const;
/** A message of somebody's that is handed on comes as an attachment with this mark. */
const Share = z.looseObject({
  is_share: z.literal(true),
  author_name: z.string().optional(),
  files: z.array(File).catch([]),
});
/** What Slack or an app adds where a link stands; the message is what it was. */
const Unfolded = z.union([z.object({ from_url: z.string() }), z.object({ original_url: z.string() })]);
/** Slack makes it of any text by itself. */
const RichText = z.object({ type: z.literal("rich_text") });
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

/** What people see of a program's message that has a text: in place of that its blocks, and what is attached. */
export function shownOf(text: string, blocks: unknown[] = [], attachments: unknown[] = []): string {
  const made = blocks.some((block) => !RichText.safeParse(block).success) ? wordsOf({ blocks }) : "";
  const added = attachments.filter(
    (one) => !Unfolded.safeParse(one).success && !Share.safeParse(one).success,
  );
  return [made || text, wordsOf({ attachments: added })].filter((words) => words !== "").join("\n");
}

export interface Shared {
  /** In Slack's markup. */
  readonly words: string;
  readonly by: string;
  readonly files: readonly File[];
}

/** What is handed on, and whose it is; undefined where nothing is. */
export function sharedIn(attachments: readonly unknown[] = []): Shared | undefined {
  const shares = attachments.flatMap((one) => Share.safeParse(one).data ?? []);
  if (shares.length === 0) return undefined;
  const by = new Set(shares.map(({ author_name = "" }) => author_name));
  const files = shares.flatMap((share) => share.files);
  return { words: wordsOf({ attachments: shares }), by: [...by].join(", "), files };
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
