/**
 * Text that was shown as it was generated, and the messages that it became: what is still to be
 * printed so that a person reads each message once, whole.
 *
 * - A stretch is the text between two resets. Its message equals it as a rule; then only its line ends.
 * - A message may carry just the beginning of a stretch (long answers are split) or more than was
 *   shown of it (the rest is printed). Where the two differ, the message is printed in full: it is
 *   what counts.
 * - A message may come when the next stretch has already begun.
 */

export interface Streamed {
  /** What to print for a live piece. */
  delta(piece: { readonly text: string; readonly reset: boolean }): string;
  /** What to print for a message; ends its line. */
  message(text: string): string;
  /** The turn is over: what to print to end a line that no message ended. */
  end(): string;
}

export function createStreamed(): Streamed {
  /** Shown, and not yet a message; oldest first, the last one is still growing. */
  let stretches: string[] = [];

  return {
    delta({ text, reset }) {
      const last = stretches.at(-1);
      if (last === undefined || last === "") {
        stretches = [...stretches.slice(0, -1), text];
        return text;
      }
      if (!reset) {
        stretches = [...stretches.slice(0, -1), last + text];
        return text;
      }
      if (text.startsWith(last)) {
        // The same stretch once more, as one who has just connected is given it.
        stretches = [...stretches.slice(0, -1), text];
        return text.slice(last.length);
      }
      stretches = [...stretches, text];
      return `${lineEnd(last)}${text}`;
    },

    message(text) {
      const whole = text.trim();
      const [first] = stretches;
      if (first === undefined) return `${text}${lineEnd(text)}`;
      const shown = first.trim();
      const growing = stretches.length === 1;

      if (shown.startsWith(whole)) {
        const left = first.trimStart().slice(whole.length).trimStart();
        stretches = left === "" ? stretches.slice(1) : [left, ...stretches.slice(1)];
        return growing && left === "" ? lineEnd(first) : "";
      }
      stretches = stretches.slice(1);
      if (growing && whole.startsWith(shown)) {
        const rest = whole.slice(first.trimStart().length);
        return `${rest}${lineEnd(rest === "" ? first : rest)}`;
      }
      const current = stretches.at(-1) ?? first;
      stretches = [];
      return `${lineEnd(current)}${text}${lineEnd(text)}`;
    },

    end() {
      const last = stretches.at(-1);
      stretches = [];
      return last === undefined ? "" : lineEnd(last);
    },
  };
}

/** What ends the line that `text` leaves open. */
function lineEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? "" : "\n";
}
