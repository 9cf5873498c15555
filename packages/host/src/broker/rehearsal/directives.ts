/**
 * The words a person drives the rehearsal model with: one directive a line, `name: argument`.
 * Pure: text in, directives out. docs/rehearsal.md is the page for people.
 *
 * What counts as a directive, so that ordinary text is left alone:
 * - A known name in lower case at the start of a line (after an `@mention`, if there is one), directly
 *   followed by a colon. `Note: buy milk`, `https://…` and `say: this` in the middle are text.
 * - A name nobody knows is reported only in a script: a message that holds a known directive too, or that
 *   consists of nothing but lines of that shape. Elsewhere it is text.
 */

const ERROR_KINDS = ["rate_limit", "overloaded", "auth", "server", "context", "refusal"] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

export type Directive =
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "run"; readonly command: string }
  | { readonly kind: "write"; readonly path: string; readonly text: string }
  | { readonly kind: "read"; readonly path: string }
  | { readonly kind: "remember"; readonly fact: string }
  | { readonly kind: "recall" }
  | { readonly kind: "tool"; readonly name: string; readonly input: Readonly<Record<string, unknown>> }
  | { readonly kind: "count" }
  | { readonly kind: "see" }
  | { readonly kind: "think"; readonly ms: number }
  | { readonly kind: "stream"; readonly words: number; readonly everyMs: number }
  /** `times` undefined: for ever. */
  | { readonly kind: "error"; readonly error: ErrorKind; readonly times: number | undefined }
  /** Known but ill-formed, or unknown: `problem` says it to the person. */
  | { readonly kind: "unusable"; readonly problem: string };

/** How each directive is written; the key is its name, the value its argument. */
export const USAGE = {
  say: "TEXT",
  run: "CMD",
  write: "PATH TEXT",
  read: "PATH",
  remember: "FACT",
  recall: "",
  tool: "NAME JSON",
  count: "",
  see: "",
  think: "SECONDS",
  stream: "N MS",
  error: `KIND [xN]`,
} as const;
type Name = keyof typeof USAGE;

/** Every directive with its argument, for answers and help pages: `say: TEXT, run: CMD, …`. */
export const USAGE_LINE = Object.entries(USAGE)
  .map(([name, argument]) => `${name}: ${argument}`.trim())
  .join(", ");

/** The directives of one message, in order; empty for ordinary text. */
export function parseDirectives(message: string): Directive[] {
  const lines = message.split("\n").map(shape);
  const script = lines.some(isKnown) || lines.every((line) => line.blank || line.directive);
  return lines.flatMap((line) => {
    if (!line.directive) return [];
    if (isName(line.name)) return [parse(line.name, line.argument)];
    return script ? [unknown(line.name)] : [];
  });
}

interface Line {
  readonly blank: boolean;
  readonly directive: boolean;
  readonly name: string;
  readonly argument: string;
}

function shape(raw: string): Line {
  const text = raw.replace(/^@\S+\s+/, "").trimEnd();
  const match = /^([a-z]+):(.*)$/.exec(text);
  const [, name = "", argument = ""] = match ?? [];
  // A word nobody knows needs the blank after its colon, or every address (`http://…`) were one.
  const directive = isName(name) || (match !== null && /^(\s|$)/.test(argument));
  return { blank: text.trim() === "", directive, name, argument: argument.trim() };
}

const isName = (word: string): word is Name => Object.hasOwn(USAGE, word);
const isKnown = ({ directive, name }: Line) => directive && isName(name);

function parse(name: Name, argument: string): Directive {
  switch (name) {
    case "say":
      return argument === "" ? malformed(name) : { kind: "say", text: argument };
    case "run":
      return argument === "" ? malformed(name) : { kind: "run", command: argument };
    case "write": {
      const [, path, text = ""] = /^(\S+)(?:\s(.*))?$/.exec(argument) ?? [];
      return path === undefined ? malformed(name) : { kind: "write", path, text };
    }
    case "read":
      return argument === "" ? malformed(name) : { kind: "read", path: argument };
    case "remember":
      return argument === "" ? malformed(name) : { kind: "remember", fact: argument };
    case "recall":
      return { kind: "recall" };
    case "tool":
      return parseTool(argument);
    case "count":
      return { kind: "count" };
    case "see":
      return { kind: "see" };
    case "think": {
      const seconds = Number(argument);
      const fits = argument !== "" && seconds >= 0 && seconds <= 3600;
      return fits ? { kind: "think", ms: seconds * 1000 } : malformed(name, "from 0 to 3600 seconds");
    }
    case "stream": {
      const [, words, everyMs] = /^(\d{1,5})\s+(\d{1,5})$/.exec(argument) ?? [];
      if (words === undefined || everyMs === undefined) return malformed(name, "two whole numbers");
      return { kind: "stream", words: Number(words), everyMs: Number(everyMs) };
    }
    case "error": {
      const [, word, times] = /^(\S+)(?:\s+x(\d{1,4}))?$/.exec(argument) ?? [];
      const error = ERROR_KINDS.find((kind) => kind === word);
      if (!error) return malformed(name, `KIND is one of ${ERROR_KINDS.join(", ")}`);
      return { kind: "error", error, times: times === undefined ? undefined : Number(times) };
    }
    default:
      return name satisfies never;
  }
}

function parseTool(argument: string): Directive {
  const [, name, json] = /^(\S+)(?:\s+(.*))?$/.exec(argument) ?? [];
  if (name === undefined) return malformed("tool");
  try {
    const input: unknown = JSON.parse(json ?? "{}");
    return isObject(input) ? { kind: "tool", name, input } : malformed("tool", "JSON has to be an object");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return malformed("tool", `this is not JSON: ${reason}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(name: Name, hint?: string): Directive {
  const usage = `${name}: ${USAGE[name]}`.trim();
  return {
    kind: "unusable",
    problem: `I cannot follow this \`${name}:\`. It is written \`${usage}\`${hint ? ` (${hint})` : ""}.`,
  };
}

function unknown(name: string): Directive {
  return { kind: "unusable", problem: `I do not know the directive \`${name}:\`. I know: ${USAGE_LINE}` };
}
