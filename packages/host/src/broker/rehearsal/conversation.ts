/**
 * Reads a request of the Messages API as a conversation between people and the model. Pure.
 *
 * The engine's program mixes much into the `user` role that no person wrote: reminders, memory files,
 * results of tools, notes about commands. Here they are told apart:
 * - A person's message is a text block that is none of those. In a prompt of Bellhop's the first block
 *   (`<bellhop …`) is the host's; each text block after it is one message, the newest last. Prompts that
 *   came to no answer stand joined with the next one in a single message of the user role.
 * - A message sent in the middle of a turn comes as a note of the system role, all blocks of the prompt
 *   joined into one text; it counts as a person's message, without its host block.
 * - A summary request, a side request (a title, a probe of the quota) is nobody's message.
 */
import { z } from "zod";

const Part = z.looseObject({ type: z.string() });
const TextPart = z.looseObject({ type: z.literal("text"), text: z.string() });
/** An image or a document, given as base64. */
const FilePart = z.looseObject({
  type: z.enum(["image", "document"]),
  source: z.looseObject({ type: z.literal("base64"), media_type: z.string(), data: z.string() }),
});
const ToolUsePart = z.looseObject({ type: z.literal("tool_use"), id: z.string(), name: z.string() });
const ToolResultPart = z.looseObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(Part)]).optional(),
  is_error: z.boolean().optional(),
});

/** What the rehearsal model reads of a request; the rest of the API's fields pass unread. */
export const MessagesRequest = z.looseObject({
  model: z.string(),
  max_tokens: z.number().optional(),
  stream: z.boolean().optional(),
  system: z.union([z.string(), z.array(Part)]).optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(Part)]) })),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
  output_config: z
    .looseObject({ format: z.looseObject({ schema: z.unknown().optional() }).optional() })
    .optional(),
});
export type MessagesRequest = z.infer<typeof MessagesRequest>;

/** A call of a tool that was answered. */
export interface ToolStep {
  readonly name: string;
  readonly result: string;
  readonly isError: boolean;
}

export interface Conversation {
  /** What is wanted: an answer, a summary, a filled-in JSON form (titles), or one token (a probe). */
  readonly purpose: "turn" | "summary" | "form" | "probe";
  /** The JSON schema of the form. */
  readonly schema: unknown;
  /** The newest person's message and the notes that joined since; empty when no person asks. */
  readonly asks: readonly string[];
  /** Tools that were called for these asks, with their results, in order. */
  readonly steps: readonly ToolStep[];
  /** Images and documents that came with these asks. */
  readonly seen: readonly { readonly type: string; readonly bytes: number }[];
  /** Every message of a person that the model was shown. */
  readonly people: readonly string[];
  /** Names of the tools offered. */
  readonly tools: readonly string[];
  /** Names of those that are to be looked up first. */
  readonly deferred: readonly string[];
  /** What was appended to the engine's own system prompt. */
  readonly instructions: string;
  /** Memory files as the engine showed them, newest state last. */
  readonly memory: readonly string[];
  /** Of what was said before the engine's program compacted the conversation. */
  readonly summary: string | undefined;
  /** What the newest note says about background work that ended, if one came after all else. */
  readonly background: string | undefined;
  /** Working directory of the agent. */
  readonly directory: string;
  /** The chat that the newest host block names; `""` where there is none. Stays the same over retries. */
  readonly chat: string;
}

/** Begins each note of a message that came in mid-turn; several notes may stand in one text. */
const NOTE = "The user sent a new message while you were working:\n";
const NOTE_END =
  /\n\n(?:This is how Claude Code surfaces|IMPORTANT: After completing your current task)[^]*$/;
const SUMMARY_REQUEST = /^(?:CRITICAL: Respond with TEXT ONLY|Your task is to create a detailed summary)/;
/** Begins what the program puts in place of what it has summed up. */
const SUMMARY =
  /^This session is being continued from a previous conversation[^]*?^Summary:\n([^]*?)(?:\n\n(?:If you need specific|Continue the conversation)[^]*)?$(?![^])/m;
const REMINDER = /^\s*<system-reminder>/;
/** Texts of the user role that the engine's program writes by itself. */
const NOT_A_PERSON =
  /^\s*(?:<(?:system-reminder|session|task-notification|local-command-|command-|bash-)|\[Request interrupted|\[Image: source: |Tool loaded\.\s*$|Caveat: The messages below|This session is being continued from a previous conversation|\[System notification|\[earlier conversation truncated|\[Your previous response had no visible output|Your response above was stopped by a safety classifier)/;
/** The lines that the engine's own system prompt ends with, by model; what Bellhop appended follows. */
const OWN_PROMPT_END = /^(?:When you have enough information to act, act\.|<total_tokens>).*$/gm;

/** How the engine's program names the tools that it keeps back: a line each. */
const DEFERRED = /^The following deferred tools are now available via ToolSearch\..*\n((?:[\w-]+\n?)+)/m;

type Event =
  | { type: "person"; text: string; note: boolean }
  | { type: "final" }
  | { type: "step"; id: string; name: string; result?: { text: string; isError: boolean } };

export function readConversation(request: MessagesRequest): Conversation {
  const events = request.messages.flatMap((message) =>
    message.role === "assistant"
      ? modelEvents(message.content)
      : incomingEvents(message.content, message.role),
  );
  pairResults(events, request);
  // Everything up to the model's last finished answer is over; of the rest, the newest person counts.
  const open = events.slice(events.findLastIndex(({ type }) => type === "final") + 1);
  const asked = open.findLastIndex((event) => event.type === "person" && !event.note);
  const current = open.slice(Math.max(asked, 0));
  const texts = request.messages.flatMap(({ content }) => textsOf(content));
  return {
    purpose: purposeOf(request),
    schema: request.output_config?.format?.schema,
    asks: current.flatMap((event) => (event.type === "person" ? [event.text] : [])),
    steps: current.flatMap((event) =>
      event.type === "step" && event.result
        ? [{ name: event.name, result: event.result.text, isError: event.result.isError }]
        : [],
    ),
    seen: seenIn(request.messages),
    people: events.flatMap((event) => (event.type === "person" ? [event.text] : [])),
    tools: (request.tools ?? []).map(({ name }) => name),
    deferred: texts.flatMap((text) => DEFERRED.exec(text)?.[1]?.split("\n") ?? []),
    instructions: instructionsOf(textsOf(request.system ?? [])),
    memory: texts.filter((text) => REMINDER.test(text)).flatMap(memoryOf),
    summary: firstMatch(texts.toReversed(), SUMMARY),
    background: backgroundOf(
      textsOf(request.messages.findLast(({ role }) => role === "user")?.content ?? []),
    ),
    directory: firstMatch(texts, /Primary working directory: (.+)/) ?? "/workspace/group",
    chat: firstMatch(texts.filter(isHostBlock).toReversed(), /^<bellhop chat=("(?:[^"\\]|\\.)*")/) ?? "",
  };
}

/** The texts of a message or a system prompt, block by block. */
function textsOf(content: string | readonly unknown[]): string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((part) => {
    const text = TextPart.safeParse(part);
    return text.success ? [text.data.text] : [];
  });
}

/** Since the model's last finished answer. */
function seenIn(messages: MessagesRequest["messages"]): Conversation["seen"] {
  const answered = messages.findLastIndex(
    ({ role, content }) => role === "assistant" && modelEvents(content).some(({ type }) => type === "final"),
  );
  return messages
    .slice(answered + 1)
    .flatMap(({ content }) => (typeof content === "string" ? [] : content))
    .flatMap((part) => {
      const file = FilePart.safeParse(part);
      if (!file.success) return [];
      const { media_type: type, data } = file.data.source;
      return [{ type, bytes: Buffer.byteLength(data, "base64") }];
    });
}

function modelEvents(content: MessagesRequest["messages"][number]["content"]): Event[] {
  if (typeof content === "string") return [{ type: "final" }];
  const steps = content.flatMap((part): Event[] => {
    const use = ToolUsePart.safeParse(part);
    return use.success ? [{ type: "step", id: use.data.id, name: use.data.name }] : [];
  });
  return steps.length > 0 ? steps : [{ type: "final" }];
}

function incomingEvents(content: string | readonly unknown[], role: string): Event[] {
  const texts = textsOf(content);
  const notes = texts
    .filter((text) => role !== "user" || REMINDER.test(text))
    .flatMap(notesOf)
    .map((text): Event => ({ type: "person", text, note: true }));
  if (role !== "user") return notes;
  const people = texts.filter((text) => !NOT_A_PERSON.test(text) && !SUMMARY_REQUEST.test(text));
  return [
    ...people.slice(isHostBlock(people[0]) ? 1 : 0).flatMap((text, index, all): Event[] => {
      // Joined prompts bring a host block each, and a line feed at their ends.
      if (isHostBlock(text) && index < all.length - 1) return [];
      return [{ type: "person", text: text.trimEnd(), note: false }];
    }),
    ...notes,
  ];
}

const isHostBlock = (text: string | undefined) => text !== undefined && /^<bellhop[\s>]/.test(text);

/** The persons' words in the mid-turn notes of a text of the program's; none where it holds no note. */
function notesOf(text: string): string[] {
  const body = text.replace(/^\s*<system-reminder>\n?/, "").replace(/\n?<\/system-reminder>\s*$/, "");
  // A note begins a paragraph: a file that quotes one in the middle of a line is not taken for it.
  const [, ...notes] = `\n\n${body}`.split(`\n\n${NOTE}`);
  return notes.map((note) =>
    note.replace(NOTE_END, "").replace(/^<bellhop[\s>][^]*?\n<\/bellhop>(?:\n|$)/, ""),
  );
}

function pairResults(events: Event[], request: MessagesRequest): void {
  const results = new Map<string, { text: string; isError: boolean }>();
  for (const { content } of request.messages) {
    for (const part of typeof content === "string" ? [] : content) {
      const result = ToolResultPart.safeParse(part);
      if (!result.success) continue;
      const { tool_use_id: id, content: body = "", is_error: isError = false } = result.data;
      results.set(id, { text: textsOf(body).join("\n"), isError });
    }
  }
  for (const event of events) {
    const result = event.type === "step" ? results.get(event.id) : undefined;
    if (event.type === "step" && result) event.result = result;
  }
}

function purposeOf(request: MessagesRequest): Conversation["purpose"] {
  const last = request.messages.findLast(({ role }) => role === "user");
  if (textsOf(last?.content ?? []).some((text) => SUMMARY_REQUEST.test(text))) return "summary";
  if (request.max_tokens === 1) return "probe";
  if (request.output_config?.format !== undefined) return "form";
  return "turn";
}

function instructionsOf(system: readonly string[]): string {
  const text = system.filter((block) => !block.startsWith("x-anthropic-")).join("\n\n");
  const end = [...text.matchAll(OWN_PROMPT_END)].at(-1);
  return (end ? text.slice(end.index + end[0].length) : text).trim();
}

/** `Contents of FILE (…):` and what follows, without the engine's preamble. */
function memoryOf(reminder: string): string[] {
  const start = reminder.search(/^Contents of /m);
  if (start === -1) return [];
  return [reminder.slice(start).replace(/\s*<\/system-reminder>\s*$/, "")];
}

function backgroundOf(texts: readonly string[]): string | undefined {
  const note = texts.findLast((text) => text.includes("<task-notification>")) ?? "";
  const parts = [/<summary>([^]*?)<\/summary>/, /<result>([^]*?)<\/result>/].flatMap((part) => {
    const found = part.exec(note)?.[1];
    return found === undefined ? [] : [found];
  });
  return parts.length === 0 ? undefined : parts.join("\n");
}

function firstMatch(texts: readonly string[], pattern: RegExp): string | undefined {
  for (const text of texts) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return found.trim();
  }
  return undefined;
}
