/** What people see of a message of a program, of which the text is often the least: it has embeds and components too. */
import { z } from "zod";
import type { Embed, Message } from "./events.ts";

/** What people see of a message: beside its text what a program put below it. */
export function shownOf({
  content,
  embeds,
  components,
}: Pick<Message, "content" | "embeds" | "components">): string {
  const below = embeds.filter(({ type }) => type === "rich").map(embedded);
  return [content, ...below, ...components.map((one) => worded(one, 0))].filter(Boolean).join("\n");
}

function embedded({ author, title, description, fields, footer }: Embed): string {
  const rows = fields?.map(({ name, value }) => `${name}: ${value}`) ?? [];
  return [author?.name, title, description, ...rows, footer?.text].filter(Boolean).join("\n");
}

/** Words among components are of their own type; others hold more. */
const Worded = z.object({ type: z.literal(10), content: z.string() });
const Holding = z.object({ components: z.array(z.unknown()) });
/** Deeper than Discord lets anybody build. */
const DEEPEST = 4;

function worded(component: unknown, depth: number): string {
  const words = Worded.safeParse(component);
  if (words.success) return words.data.content;
  const { components = [] } = Holding.safeParse(component).data ?? {};
  if (depth >= DEEPEST) return "";
  return components
    .map((one) => worded(one, depth + 1))
    .filter(Boolean)
    .join("\n");
}
