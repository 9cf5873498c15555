/**
 * What a plugin prints, as lines of the log. So much a second and no more: a plugin that prints without end waits
 * for its reader, and neither the log nor the host's processor is flooded.
 */
import type { Readable } from "node:stream";
import type { Clock } from "../core/clock.ts";

const MOST_LINE = 2_000;
const WINDOW_MS = 1_000;
const MOST_BYTES = 64 * 1024;
const MOST_LINES = 100;

/** @param say called with each line */
export function readOutput(stream: Readable, clock: Clock, say: (line: string) => void): void {
  let partial = "";
  let bytes = 0;
  let lines = 0;
  let unsaid = 0;
  let since = clock.monotonic();

  function onData(chunk: string): void {
    const now = clock.monotonic();
    if (now - since >= WINDOW_MS) afresh();
    bytes += chunk.length;
    const pieces = (partial + chunk).split("\n");
    partial = pieces.pop() ?? "";
    if (partial.length > MOST_LINE) {
      pieces.push(partial);
      partial = "";
    }
    for (const line of pieces) {
      lines += 1;
      if (lines <= MOST_LINES) say(line.slice(0, MOST_LINE));
      else unsaid += 1;
    }
    if (bytes < MOST_BYTES) return;
    stream.pause();
    clock.after(Math.max(1, WINDOW_MS - (now - since)), () => {
      afresh();
      stream.resume();
    });
  }

  function afresh(): void {
    if (unsaid > 0) say(`(${unsaid} more lines in a second; they are left out)`);
    [bytes, lines, unsaid] = [0, 0, 0];
    since = clock.monotonic();
  }

  stream.setEncoding("utf8");
  stream.on("data", onData);
  stream.once("end", () => {
    if (partial !== "") say(partial);
  });
}
