/**
 * Listening: from an engine's events during one turn to what people see of it.
 *
 * - Every visible text passes the outbound filter, deltas as they come and the answer as a whole.
 * - What the agent says before it uses a tool is progress: shown live, not part of the answer. The
 *   answer is what it says after its last tool; if it said nothing then, the last thing it did say.
 * - What is remembered is bounded: past `MAX_ANSWER` the rest is not heard, and `overflowed` says so.
 */
import type { KnownSecrets } from "../core/known-secrets.ts";
import { createOutboundFilter, filterOutbound } from "../core/outbound-filter.ts";

/** In UTF-16 units, of one stretch without a tool in it; what a message in may hold (G5). */
const MAX_ANSWER = 1024 * 1024;

export interface Listening {
  /** The piece to show, if any, and whether it begins a new stretch of text. */
  delta(text: string): { readonly text: string; readonly reset: boolean } | undefined;
  /** A whole block has been said. Returns what of it was not shown yet. */
  reply(text: string): { readonly text: string; readonly reset: boolean } | undefined;
  /** It shows life, in that tool if it is in one. Returns whether people see that: the tool is another one. */
  activity(inTool: string | undefined): boolean;
  /** What is on the screen of whoever watches live, and the tool beside it. */
  readonly shown: string;
  readonly tool: string | undefined;
  readonly answer: string;
  /** It talks without an end: no answer is that long. */
  readonly overflowed: boolean;
}

export function createListening(secrets: KnownSecrets): Listening {
  const filter = createOutboundFilter(secrets);
  let stretch: string[] = [];
  let last: string[] = [];
  let shown = "";
  let tool: string | undefined;
  let fresh = true;
  let streamed = false;
  let gap = "";
  /** Heard in this stretch, by pieces and by whole blocks. */
  let pieces = 0;
  let blocks = 0;

  function show(text: string) {
    if (text === "") return undefined;
    const reset = fresh;
    const piece = reset ? text : gap + text;
    fresh = false;
    gap = "";
    shown = reset ? piece : shown + piece;
    return { text: piece, reset };
  }

  return {
    delta(text) {
      tool = undefined;
      pieces += text.length;
      if (pieces > MAX_ANSWER) return undefined;
      streamed = true;
      return show(filter.push(text));
    },
    reply(text) {
      tool = undefined;
      blocks += text.length;
      if (blocks > MAX_ANSWER) return undefined;
      const rest = streamed ? filter.end() : filterOutbound(text, secrets);
      streamed = false;
      const visible = filterOutbound(text, secrets).trim();
      if (visible !== "") stretch.push(visible);
      const piece = show(rest);
      gap = "\n\n"; // the next block is a paragraph of its own on the screen, as it is in the answer
      return piece;
    },
    activity(inTool) {
      if (inTool === tool) return false;
      tool = inTool;
      if (tool === undefined) return true;
      if (stretch.length > 0) last = stretch;
      stretch = [];
      fresh = true;
      pieces = 0;
      blocks = 0;
      return true;
    },
    get tool() {
      return tool;
    },
    get shown() {
      return shown;
    },
    get overflowed() {
      return pieces > MAX_ANSWER || blocks > MAX_ANSWER;
    },
    get answer() {
      return (stretch.length > 0 ? stretch : last).join("\n\n");
    },
  };
}
