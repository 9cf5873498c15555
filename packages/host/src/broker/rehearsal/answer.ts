/**
 * Decides what the rehearsal model answers. Pure: everything it needs stands in the conversation, so a
 * restart changes nothing. The one thing that does not, how often an `error:` has struck, is asked of
 * the caller.
 *
 * Directives are walked in order. One that needs a tool takes the next tool result of the conversation,
 * or, if there is none yet, becomes the tool call that the answer consists of. What the others say is
 * gathered and makes up the last message, a line each.
 */
import { isAbsolute, join } from "node:path";
import type { Conversation, ToolStep } from "./conversation.ts";
import { parseDirectives, USAGE_LINE, type Directive, type ErrorKind } from "./directives.ts";
import { sample } from "./sample.ts";

/** A piece of text, its words `everyMs` apart, after a wait. */
export interface Piece {
  readonly afterMs: number;
  readonly text: string;
  readonly everyMs: number;
}

export type Answer = Message | Failure;

/** A message of the model's. `passed` are the `error:` counters that let it through: they start anew. */
export type Message = { readonly passed: readonly string[] } & (
  | {
      readonly kind: "text";
      readonly pieces: readonly Piece[];
      readonly stop: "end_turn" | "max_tokens";
    }
  | { readonly kind: "tool"; readonly afterMs: number; readonly name: string; readonly input: ToolInput }
);

/** `counter` is the `error:` that struck. */
interface Failure {
  readonly kind: "error";
  readonly afterMs: number;
  readonly error: ErrorKind;
  readonly counter: string;
}

type ToolInput = Readonly<Record<string, unknown>>;

/** How often the `error:` of that name has struck since it last let a call pass. */
export type Struck = (counter: string) => number;

export function answer(conversation: Conversation, struck: Struck): Answer {
  switch (conversation.purpose) {
    case "summary":
      return saying(summary(conversation));
    case "form":
      return saying(JSON.stringify(sample(conversation.schema)));
    case "probe":
      return { ...saying("ok"), stop: "max_tokens" };
    case "turn":
      return turnAnswer(conversation, struck);
    default:
      return conversation.purpose satisfies never;
  }
}

const saying = (text: string) =>
  ({ kind: "text", pieces: [{ afterMs: 0, text, everyMs: 0 }], stop: "end_turn", passed: [] }) as const;

/** What one directive comes to, given the results of the tools it has called so far. */
type Step = { readonly say: string } | { readonly use: string; readonly input: ToolInput };

function turnAnswer(conversation: Conversation, struck: Struck): Answer {
  const { asks, steps } = conversation;
  if (asks.length === 0) return saying(conversation.background ?? "There is nothing new for me to answer.");
  const pieces: Piece[] = [];
  const passed: string[] = [];
  let waitMs = 0;
  let taken = 0;

  function say(text: string, everyMs = 0) {
    pieces.push({ afterMs: waitMs, text: pieces.length === 0 ? text : `\n${text}`, everyMs });
    waitMs = 0;
  }

  for (const [ask, index] of asks.map((ask, index) => [ask, index] as const)) {
    const directives = parseDirectives(ask);
    if (directives.length === 0) say(index === 0 ? greeting : alsoHeard(ask));
    for (const [place, directive] of directives.entries()) {
      // Tool results still to be taken belong to later directives: this one has had its effect.
      const past = taken < steps.length;
      switch (directive.kind) {
        case "think":
          if (!past) waitMs += directive.ms;
          break;
        case "stream":
          say(words(directive.words), directive.everyMs);
          break;
        case "error": {
          // A retry may come from a fresh program, with another session: what stays is chat and text.
          const counter = JSON.stringify([conversation.chat, ask, place]);
          const { error, times } = directive;
          if (!past && (times === undefined || struck(counter) < times)) {
            return { kind: "error", afterMs: waitMs, error, counter };
          }
          passed.push(counter);
          say(`It works now, after ${error} x${times ?? 0}.`);
          break;
        }
        case "say":
        case "run":
        case "write":
        case "read":
        case "remember":
        case "recall":
        case "tool":
        case "count":
        case "see":
        case "unusable": {
          const results: ToolStep[] = [];
          let found: string | undefined;
          for (;;) {
            const step = next(directive, conversation, results);
            if ("say" in step) {
              say(step.say);
              break;
            }
            const hidden = offered(step.use, conversation.deferred);
            const name = offered(step.use, conversation.tools) ?? hidden;
            const result = steps[taken];
            if (result && sameTool(step.use, result.name)) {
              results.push(result);
              taken += 1;
            } else if (result?.name === SEARCH && hidden !== undefined) {
              taken += 1;
              found = hidden;
            } else if (!result && name !== undefined && name === hidden && name !== found) {
              const input = { query: `select:${name}`, max_results: 1 };
              return { kind: "tool", afterMs: waitMs, name: SEARCH, input, passed };
            } else if (result || name === undefined) {
              // A result of some other tool: this one was not offered when its turn came.
              say(notOffered(step.use, conversation.tools));
              break;
            } else {
              const afterMs = pieces.reduce((sum, piece) => sum + piece.afterMs, waitMs);
              return { kind: "tool", afterMs, name, input: step.input, passed };
            }
          }
          break;
        }
        default:
          directive satisfies never;
      }
    }
  }
  // A message without words would make the engine's program ask again.
  if (pieces.length === 0) say("I have thought about it.");
  return { kind: "text", pieces, stop: "end_turn", passed };
}

type Working = Exclude<Directive, { kind: "think" | "stream" | "error" }>;

function next(directive: Working, conversation: Conversation, results: readonly ToolStep[]): Step {
  const last = results.at(-1);
  switch (directive.kind) {
    case "say":
      return { say: directive.text };
    case "unusable":
      return { say: directive.problem };
    case "count":
      return { say: String(conversation.people.length) };
    case "see":
      return { say: see(conversation) };
    case "recall":
      return { say: recall(conversation) };
    case "run":
      if (last) return { say: last.result };
      return { use: "Bash", input: { command: directive.command, description: "Run what the person asked" } };
    case "read":
      if (last) return { say: last.result };
      return { use: "Read", input: { file_path: inGroup(directive.path, conversation) } };
    case "write":
      return write(inGroup(directive.path, conversation), directive.text, results);
    case "remember":
      if (last) return { say: last.isError ? last.result : `I will remember: ${directive.fact}` };
      return {
        use: "Bash",
        input: { command: appendLine(inGroup("CLAUDE.md", conversation), `- ${directive.fact}`) },
      };
    case "tool":
      if (last) return { say: last.result };
      return { use: directive.name, input: directive.input };
    default:
      return directive satisfies never;
  }
}

/** The Write tool refuses a file it has not seen; then it is read first, as a real model would. */
function write(path: string, text: string, results: readonly ToolStep[]): Step {
  const last = results.at(-1);
  const attempt: Step = { use: "Write", input: { file_path: path, content: text } };
  if (!last) return attempt;
  if (last.name === "Read" && !last.isError) return attempt;
  const unread = results.length === 1 && last.isError && /has not been read/i.test(last.result);
  return unread ? { use: "Read", input: { file_path: path } } : { say: last.result };
}

function inGroup(path: string, { directory }: Conversation): string {
  return isAbsolute(path) ? path : join(directory, path);
}

/** A shell command that adds a line to a file, on a line of its own even where the last one is unfinished. */
function appendLine(file: string, line: string): string {
  const quoted = quote(file);
  return `[ -z "$(tail -c1 ${quoted} 2>/dev/null)" ] || echo >> ${quoted}; printf '%s\\n' ${quote(line)} >> ${quoted}`;
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Shows how a tool is used of which only the name is known; a real model looks there first too. */
const SEARCH = "ToolSearch";

/** The offered tool meant by `name`: by its full name, or by the part after `mcp__SERVER__`. */
function offered(name: string, tools: readonly string[]): string | undefined {
  return tools.find((tool) => tool === name) ?? tools.find((tool) => sameTool(name, tool));
}

const sameTool = (name: string, tool: string) => tool === name || tool.replace(/^mcp__.+?__/, "") === name;

function notOffered(name: string, tools: readonly string[]): string {
  const list = tools.length === 0 ? "None is" : `Offered are: ${tools.join(", ")}`;
  return `The tool ${name} is not offered to me. ${list}.`;
}

function words(count: number): string {
  return Array.from({ length: count }, (_, index) => `word${index + 1}`).join(" ");
}

function see({ seen }: Conversation): string {
  if (seen.length === 0) return "I see no file.";
  return seen.map(({ type, bytes }) => `I see a file (${type}, ${bytes} bytes).`).join("\n");
}

function recall({ instructions, memory, summary: earlier = "" }: Conversation): string {
  const known = [instructions, ...memory, earlier].filter((text) => text !== "");
  return known.length === 0 ? "I was given no instructions and no memory." : known.join("\n\n");
}

const greeting =
  "Hello! I am the rehearsal model: a scripted stand-in that lets you try Bellhop without an account. " +
  "I cannot think. Add a model key (ANTHROPIC_API_KEY) to the .env file in Bellhop's home and restart it " +
  `to talk to a real model. Until then I follow directives, one a line: ${USAGE_LINE}`;

const alsoHeard = (ask: string) => `I also received: ${ask}`;

function summary({ people, summary: earlier }: Conversation): string {
  const list = people.map((text, index) => `${index + 1}. ${text}`).join("\n");
  return [
    "<analysis>The rehearsal model lists what people wrote.</analysis>",
    `<summary>\n${earlier === undefined ? "" : `${earlier}\nThen:\n`}A conversation with the rehearsal model. People wrote:\n${list || "(nothing)"}\n</summary>`,
  ].join("\n\n");
}
