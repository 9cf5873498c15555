/**
 * The form in which messages reach the model (docs/architecture.md, "The prompt").
 *
 * A prompt is content blocks: one host block, then one block per message with its exact text: first what
 * was said around the call, then what is to be answered.
 * What is the host's word and what is a person's is told apart by block, never by something inside
 * a text, so nothing has to be escaped and nothing a person writes can pass for the host. Inside the
 * host block, whatever came from people (names, titles, quotes) stands as a JSON string.
 */
import type { ChatId } from "./ids.ts";
import { memo } from "./memo.ts";

export interface PromptMessage {
  /** Number of the message in its chat: what `reply_to` and `react` take. */
  readonly seq: number;
  readonly sender: {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly bot?: boolean;
  };
  readonly at: number;
  readonly text: string;
  /** In one or two words, what it is where it is no text. */
  readonly nonText?: string | undefined;
  readonly replyTo?: { readonly seq?: number | undefined; readonly quote: string } | undefined;
  /** Whose words they are, where the sender has only handed them on; empty: nobody knows. */
  readonly forwarded?: string | undefined;
  /** It is a sign on the message in `replyTo`: the emoji, or empty where it was taken away. */
  readonly reaction?: string | undefined;
  /** What came with it, each in words of the host's. */
  readonly files?: readonly string[];
  /** What plugins have to say of it. */
  readonly notes?: readonly { readonly plugin: string; readonly text: string }[];
  /** It is no message of its own: it tells what became of an earlier one, number `seq`. */
  readonly change?:
    | { readonly what: "edited" | "deleted"; readonly seq: number; readonly byAuthor: boolean }
    | undefined;
}

export interface PromptContext {
  readonly now: number;
  /** IANA name. */
  readonly timezone: string;
  readonly chat: ChatId;
  readonly chatTitle?: string | undefined;
  /** What it can show and do, where that differs from what is usual (core/abilities.ts). */
  readonly place?: string | undefined;
  /** What was said in the chat without calling the assistant, oldest first, and how much more there was. */
  readonly around?: { readonly messages: readonly PromptMessage[]; readonly leftOut: number } | undefined;
  /** Work that the agent had left running has ended: what is known of it. */
  readonly cause?: string | undefined;
  /** It is a run of a scheduled task, whose own block comes last. */
  readonly task?: PromptTask | undefined;
  /** Whether the messages join an answer that is under way. */
  readonly steering?: boolean;
  /** For a session that starts without memory of what came before it. */
  readonly recap?: Recap | undefined;
  /** What an earlier attempt at these messages has already sent to the chat, and done beside (G11). */
  readonly alreadySent?: readonly string[];
  readonly alreadyDone?: readonly {
    readonly tool: string;
    readonly input: string;
    readonly result: string;
  }[];
}

export interface PromptTask {
  readonly id: string;
  readonly prompt: string;
  /** Who scheduled it, and when. */
  readonly by: string;
  readonly scheduledOn: number;
  readonly dueAt: number;
  /** Somebody has started it by hand. */
  readonly manual: boolean;
  /** Earlier times of it that were missed, for which this run stands too. */
  readonly missed: number;
  /** Whether its answer is sent to the chat. */
  readonly announce: boolean;
  /** What its gate said. */
  readonly gate?: string | undefined;
}

export interface Recap {
  /** What was said lately, oldest first. */
  readonly said: readonly { readonly who: string; readonly text: string }[];
  /** Names of the group's memory files. */
  readonly files: readonly string[];
}

/** Few homes know more than two; each is some 50 KB. */
const MOST_ZONES = 20;
const QUOTE_LENGTH = 200;
const KIND_LENGTH = 40;
/** Enough to go on from. Whole texts of up to 1 MiB would leave no room for the message itself. */
const REMEMBERED_LENGTH = 2_000;

export function promptBlocks(messages: readonly PromptMessage[], context: PromptContext): readonly string[] {
  const shown = [...(context.around?.messages ?? []), ...messages].filter(hasBlock);
  return [
    hostBlock(messages, context),
    ...shown.map(({ text }) => text || "(no text)"),
    ...(context.task ? [context.task.prompt] : []),
  ];
}

/** Of what was deleted there is nothing to show, and a sign stands in the host's word. */
function hasBlock({ change, reaction }: PromptMessage): boolean {
  return change?.what !== "deleted" && reaction === undefined;
}

function hostBlock(messages: readonly PromptMessage[], context: PromptContext): string {
  const { timezone, chat, chatTitle, recap, alreadySent, alreadyDone = [] } = context;
  const time = localTimes(timezone);
  const title = chatTitle === undefined ? "" : ` title=${JSON.stringify(chatTitle)}`;
  const lines = [
    `<bellhop chat=${JSON.stringify(chat)}${title} now=${JSON.stringify(time(context.now))} timezone=${JSON.stringify(timezone)}>`,
  ];
  if (context.place !== undefined) lines.push(context.place);
  if (recap) lines.push(...recapLines(recap));
  if (alreadySent !== undefined && alreadySent.length > 0) {
    lines.push("An earlier attempt to answer broke off. It has already sent this; do not send it again:");
    lines.push(...alreadySent.map((text) => `- ${JSON.stringify(remembered(text))}`));
  }
  // What it has said stands above; the rest of what it did is told by call.
  const acts = alreadyDone.filter(({ tool }) => tool !== "send_message");
  if (acts.length > 0) {
    lines.push("An earlier attempt has already done this; do not do it again:");
    lines.push(...acts.map(({ tool, input, result }) => `- ${tool} ${input}: ${JSON.stringify(result)}`));
  }
  if (context.cause !== undefined)
    lines.push(
      "Work that you had left running has ended, and nobody waits at the keyboard. What is known of it:",
      JSON.stringify(context.cause),
    );
  if (context.task) lines.push(...taskLines(context.task, time));
  if (context.steering) lines.push("This arrived while you were answering.");
  const { messages: said = [], leftOut = 0 } = context.around ?? {};
  const blocks = said.filter(hasBlock);
  if (leftOut > 0)
    lines.push(leftOut === 1 ? "1 older message is left out." : `${leftOut} older messages are left out.`);
  if (blocks.length > 0)
    lines.push(`${contextHeading(blocks.length)} said in this chat without calling you:`);
  lines.push(...blocks.map((message) => describe(message, time)));
  lines.push(
    ...[...said, ...messages].flatMap(({ change }) => (change?.what === "deleted" ? deleted(change) : [])),
    ...said.flatMap((message) => (message.reaction === undefined ? [] : reacted(message))),
  );
  if (messages.length > 0) lines.push(messageHeading(messages.length, blocks.length));
  lines.push(...messages.map((message) => describe(message, time)), "</bellhop>");
  return lines.join("\n");
}

function taskLines(
  { id, by, scheduledOn, dueAt, manual, missed, announce, gate }: PromptTask,
  time: (at: number) => string,
): string[] {
  return [
    `This is a run of the scheduled task ${id}, ${manual ? "started by hand at" : "due"} ${JSON.stringify(time(dueAt))}. ${JSON.stringify(by)} scheduled it on ${JSON.stringify(time(scheduledOn))}. Nobody waits at the keyboard: ask nothing, and do what can be done.`,
    ...(missed > 0
      ? [
          `${missed === 1 ? "1 earlier time" : `${missed} earlier times`} of it could not be kept; this run stands for them too.`,
        ]
      : []),
    ...(gate === undefined ? [] : ["What its gate said:", JSON.stringify(gate)]),
    announce
      ? "Your answer is sent to this chat. If there is nothing worth saying, answer with <internal> text only."
      : "Your answer is kept and sent to nobody; use send_message if somebody should hear of it.",
    "The last block is the task.",
  ];
}

function contextHeading(count: number): string {
  return count === 1 ? "The next block is context," : `The next ${count} blocks are context,`;
}

function messageHeading(count: number, after: number): string {
  if (after === 0)
    return count === 1 ? "The next block is a message:" : `The next ${count} blocks are messages:`;
  const them = after === 1 ? "it" : "them";
  return count === 1
    ? `The block after ${them} is a message:`
    : `The ${count} blocks after ${them} are messages:`;
}

function deleted({ seq, byAuthor }: NonNullable<PromptMessage["change"]>): string {
  return `#${seq} was deleted${byAuthor ? " by its author" : ""}.`;
}

function reacted({ sender, reaction = "", replyTo }: PromptMessage): string {
  const on = replyTo ? ` ${about(replyTo)}` : " a message that is gone";
  return reaction === ""
    ? `${who(sender)} took their reaction off${on}.`
    : `${who(sender)} reacted ${JSON.stringify(reaction)} to${on}.`;
}

function who({ name, id, role, bot }: PromptMessage["sender"]): string {
  return `${JSON.stringify(name)} (${JSON.stringify(id)}, ${bot ? `${role}, bot` : role})`;
}

/** A message by its number, if it has one here, and how it begins. */
function about({ seq, quote }: NonNullable<PromptMessage["replyTo"]>): string {
  const which = seq === undefined ? "" : `#${seq} `;
  return `${which}${JSON.stringify(shorten(quote, QUOTE_LENGTH))}`;
}

function describe(message: PromptMessage, time: (at: number) => string): string {
  const { seq, sender, at, nonText, forwarded, replyTo, change, files = [], notes = [] } = message;
  const parts = [`#${seq}`, `from ${who(sender)}`];
  parts.push(`at ${JSON.stringify(time(at))}`);
  if (nonText !== undefined) parts.push(`[${kindOf(nonText)}]`);
  if (forwarded !== undefined)
    parts.push(
      `forwarded, in the words of ${forwarded === "" ? "somebody else" : JSON.stringify(forwarded)}`,
    );
  if (change) parts.push(`an edit of #${change.seq}, which now reads so`);
  if (replyTo) parts.push(`answering ${about(replyTo)}`);
  return [
    `- ${parts.join(" ")}`,
    ...files.map((file) => `  with the file ${file}`),
    ...notes.map(({ plugin, text }) => `  with a note of the plugin ${plugin}: ${JSON.stringify(text)}`),
  ].join("\n");
}

/** A platform names it; whatever else it holds must not leave its brackets. */
function kindOf(nonText: string): string {
  return (
    nonText
      .replaceAll(/[^\p{L}\p{N} -]/gu, "")
      .slice(0, KIND_LENGTH)
      .trim() || "no text"
  );
}

/** Says times as `Sunday, 22 November 2026 at 23:19` in the given zone. Making one is slow, using it is not. */
export const localTimes = memo<string, (at: number) => string>(MOST_ZONES, (timezone) => {
  const format = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "full",
    timeStyle: "short",
    timeZone: timezone,
  });
  return (at) => format.format(at);
});

function recapLines({ said, files }: Recap): string[] {
  const lines = ["This conversation was lost and starts anew."];
  if (said.length > 0) lines.push("What was said lately, oldest first:");
  lines.push(...said.map(({ who, text }) => `- ${JSON.stringify(who)}: ${JSON.stringify(remembered(text))}`));
  if (files.length > 0)
    lines.push(`Files in /workspace/group: ${files.map((name) => JSON.stringify(name)).join(", ")}`);
  return lines;
}

/** As much of a text as a recap repeats. */
export function remembered(text: string): string {
  return shorten(text, REMEMBERED_LENGTH);
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length).toWellFormed()}…`;
}
