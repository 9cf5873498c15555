/**
 * The line a person types in: readline with a history on disk, and messages of several lines, by a
 * backslash at the end of a line or by pasting a block.
 */
import { readFileSync, writeFileSync } from "node:fs";
import {
  type Key,
  clearScreenDown,
  createInterface,
  cursorTo,
  emitKeypressEvents,
  moveCursor,
} from "node:readline";
import type { Screen } from "./screen.ts";
import { hasCode } from "../core/error-code.ts";

export interface PromptOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly screen: Screen;
  /** File with earlier inputs, one a line; made with mode 0600. */
  readonly historyFile: string;
  /** A whole message. */
  readonly onMessage: (text: string) => void;
  /** Ctrl-C. */
  readonly onInterrupt: () => void;
  /** Ctrl-D, or the terminal has gone. Not called after `close`. */
  readonly onEnd: () => void;
}

export interface Prompt {
  /** Takes no more input and gives the terminal back. */
  close(): void;
}

const FIRST = "› ";
const NEXT = "… ";
const HISTORY_LINES = 500;
/** A terminal that is told so marks pasted text with the key names paste-start and paste-end. */
const PASTE_MARKS = { on: "\u001b[?2004h", off: "\u001b[?2004l" };

export function openPrompt(options: PromptOptions): Prompt {
  const { stdin, stdout, screen, historyFile, onMessage, onInterrupt, onEnd } = options;
  let lines: string[] = [];
  let pasting = false;
  let closed = false;

  // Before readline's own listener, so that the line is back before the key shows in it.
  emitKeypressEvents(stdin);
  const onKey = (_text: string | undefined, key: Key) => {
    if (key.name === "paste-start") pasting = true;
    else if (key.name === "paste-end") pasting = false;
    else screen.showLast();
  };
  stdin.prependListener("keypress", onKey);

  const readline = createInterface({
    input: stdin,
    output: stdout,
    prompt: FIRST,
    history: readHistory(historyFile),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
  });
  stdout.write(PASTE_MARKS.on);

  readline.on("history", (history) => {
    // Newest first in readline, last in the file, as in a shell's.
    writeFileSync(historyFile, `${history.toReversed().join("\n")}\n`, { mode: 0o600 });
  });
  readline.on("SIGINT", () => {
    if (readline.line === "" && lines.length === 0) return onInterrupt();
    // As in a shell: what was typed is dropped, and only an empty line is left by it.
    lines = [];
    readline.write(null, { ctrl: true, name: "e" });
    readline.write(null, { ctrl: true, name: "u" });
    readline.setPrompt(FIRST);
    readline.prompt();
  });
  readline.on("line", (line) => {
    const continued = pasting || line.endsWith("\\");
    lines.push(!pasting && line.endsWith("\\") ? line.slice(0, -1) : line);
    readline.setPrompt(continued ? NEXT : FIRST);
    const text = lines.join("\n");
    if (!continued) lines = [];
    screen.lastIsGone();
    if (!continued && text.trim() !== "") onMessage(text);
  });
  readline.on("close", () => {
    if (!closed) onEnd();
  });

  screen.setLast({
    draw: () => readline.prompt(true),
    erase() {
      const { rows } = readline.getCursorPos();
      // Not a number where nobody gave the terminal a size.
      moveCursor(stdout, 0, Number.isFinite(rows) ? -rows : 0);
      cursorTo(stdout, 0);
      clearScreenDown(stdout);
    },
    busy: () => readline.line !== "" || lines.length > 0,
  });

  return {
    close() {
      if (closed) return;
      closed = true;
      stdin.off("keypress", onKey);
      screen.setLast(undefined);
      stdout.write(PASTE_MARKS.off);
      readline.close();
    },
  };
}

/** Newest first, as readline wants it. A history that cannot be read is no reason not to talk. */
function readHistory(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .slice(-HISTORY_LINES)
    .toReversed();
}
