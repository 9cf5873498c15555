/**
 * What an ACP agent says while it answers (`session/update`), parsed once. What does not fit is proof
 * of life and nothing more.
 */
import { z } from "zod";

export type Update =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool"; readonly title: string }
  | { readonly type: "alive" };

const short = z.string().transform((text) => text.slice(0, 200));
const Notification = z.object({
  sessionId: z.string(),
  update: z.discriminatedUnion("sessionUpdate", [
    z.object({
      sessionUpdate: z.literal("agent_message_chunk"),
      content: z.object({ type: z.literal("text"), text: z.string() }),
    }),
    z.object({ sessionUpdate: z.literal("tool_call"), title: short }),
    z.object({ sessionUpdate: z.literal("tool_call_update"), title: short.nullish() }),
  ]),
});

/** Never throws: the SDK would print the error. */
export function readUpdate(params: unknown): {
  readonly session: string | undefined;
  readonly update: Update;
} {
  const { data } = Notification.safeParse(params);
  if (!data) return { session: undefined, update: { type: "alive" } };
  return { session: data.sessionId, update: updateOf(data.update) };
}

function updateOf(update: z.infer<typeof Notification>["update"]): Update {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      return { type: "text", text: update.content.text };
    case "tool_call":
      return { type: "tool", title: update.title };
    case "tool_call_update":
      return update.title ? { type: "tool", title: update.title } : { type: "alive" };
    default:
      return update satisfies never;
  }
}
