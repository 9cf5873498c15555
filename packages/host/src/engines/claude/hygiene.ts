/**
 * A second line inside the sandbox: an agent that is about to read the environment of programs, or a file in which
 * programs keep credentials, is told to leave it.
 *
 * - It decides nothing about security (design 5.1). No secret is in a sandbox, and whoever wants to get around
 *   this can: it looks at the text of a command before a shell has made anything of it. What it prevents is
 *   that an agent that was talked into looking for keys shows in its answer what people have left lying about.
 * - Its input is what the sandbox printed, so anything may be in it: it is parsed, a bounded part is looked at
 *   in linear time, no path is opened, and what it does not understand goes on as if it were not here.
 */
import type { HookCallback, HookCallbackMatcher } from "@anthropic-ai/claude-agent-sdk";
import { z } from "zod";
import { isHarmless, secretIn } from "../../core/secret-names.ts";

/** More of a command than this was not written to be read. */
const MOST_LOOKED_AT = 64 * 1024;
const LONGEST_SHOWN = 100;

const Call = z.object({ tool_name: z.string(), tool_input: z.record(z.string(), z.unknown()) });

/** The tools that read, and where in their input stands what. */
const READERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Read", ["file_path"]],
  ["Grep", ["path", "glob"]],
  ["NotebookRead", ["notebook_path"]],
]);
const TOOLS = ["Bash", ...READERS.keys()];

/** What ends a word in a shell, as far as paths go; quotes and backslashes fall away before. */
const BETWEEN_WORDS = /[\s;|&()<>{}=,:`@]+/;
/** A word that is written to, and not read: `> .env`, `>>.env`. */
const WRITTEN = />>?\s*[^\s;|&()<>]+/g;
/** Of one of `/proc`'s programs, also by what a shell makes a name of; `/proc/1/env*` means it too. */
const ENVIRON_PATH = /\/proc\/\S{0,200}?\/e[n?*[]/;

/** Why the call is refused, or undefined. Pure. */
export function credentialRead(call: unknown): string | undefined {
  const parsed = Call.safeParse(call);
  if (!parsed.success) return undefined;
  const { tool_name: tool, tool_input: input } = parsed.data;
  const text = (name: string) => {
    const value = input[name];
    return typeof value === "string" ? value.slice(0, MOST_LOOKED_AT) : "";
  };
  const found =
    tool === "Bash"
      ? inCommand(text("command"))
      : READERS.get(tool)
          ?.map((name) => inPath(text(name)))
          .find((one) => one !== undefined);
  return found === undefined ? undefined : reason(found);
}

function inCommand(command: string): string | undefined {
  const plain = command.replaceAll(/["'\\]/g, "");
  const environ =
    ENVIRON_PATH.exec(plain)?.[0] ??
    (plain.includes("/proc") && /\benviron\b/.test(plain) ? "environ in /proc" : undefined);
  if (environ !== undefined) return environ;
  return plain
    .replaceAll(WRITTEN, " ")
    .split(BETWEEN_WORDS)
    .find((word) => namesAFile(word) && inPath(word) !== undefined);
}

/** `credentials` alone is a word of English; with a folder before it or an ending behind, it is a file. */
function namesAFile(word: string): boolean {
  return /[./_]/.test(word);
}

function inPath(path: string): string | undefined {
  if (ENVIRON_PATH.test(path)) return path;
  const last = path.split("/").at(-1) ?? "";
  return isHarmless(last) || secretIn(path) === undefined ? undefined : path;
}

function reason(found: string): string {
  const shown = found.slice(0, LONGEST_SHOWN).replaceAll(/\p{Cc}/gu, " ");
  return (
    `Refused: this would read ${JSON.stringify(shown)}, a place where programs keep secrets. There is none here that ` +
    "you need: Bellhop holds the keys outside of this sandbox and adds them on the way out. Go on without it; if " +
    "something is really missing, say to your people what it is."
  );
}

const look: HookCallback = async (input) => {
  const refused = credentialRead(input);
  if (refused === undefined) return {};
  return {
    hookSpecificOutput: {
      hookEventName: "PreToolUse",
      permissionDecision: "deny",
      permissionDecisionReason: refused,
    },
  };
};

/** For the SDK: asked before each call of a tool that can read. */
export const HYGIENE: HookCallbackMatcher = { matcher: TOOLS.join("|"), hooks: [look] };
