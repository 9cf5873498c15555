/**
 * A terminal with one changing line at its end (the prompt, or what Bellhop waits for) and text that
 * grows above it. Everything that is printed while the line is there passes through here.
 *
 * - The line steps aside while text is in the middle of a line, and comes back after it.
 * - While somebody types, text comes in whole lines only, above what is being typed; nothing is lost.
 */

/** The changing line. */
export interface LastLine {
  draw(): void;
  erase(): void;
  /** Somebody is typing in it: it must not step aside. */
  busy(): boolean;
}

export interface Screen {
  /** Prints text; it may end anywhere. */
  write(text: string): void;
  /** Ends the line that text has left open, if any. */
  endLine(): void;
  /** Replaces the last line. */
  setLast(line: LastLine | undefined): void;
  /** Brings the last line back, below an open line of text if need be. */
  showLast(): void;
  /** The last line has gone by itself (somebody pressed Enter in it). */
  lastIsGone(): void;
}

export function createScreen(out: { write(text: string): unknown }): Screen {
  let last: LastLine | undefined;
  let drawn = false;
  let open = false;
  /** Text that waits for the end of its line, because somebody types. */
  let waiting = "";

  function erase() {
    if (drawn) last?.erase();
    drawn = false;
  }

  function draw() {
    if (drawn || open || !last) return;
    last.draw();
    drawn = true;
  }

  function print(text: string) {
    if (text === "") return;
    erase();
    out.write(text);
    open = !text.endsWith("\n");
    draw();
  }

  return {
    write(text) {
      const all = waiting + text;
      const ready = drawn && last?.busy() ? all.lastIndexOf("\n") + 1 : all.length;
      waiting = all.slice(ready);
      print(all.slice(0, ready));
    },
    endLine() {
      if (waiting !== "") print(`${waiting}\n`);
      else if (open) print("\n");
      waiting = "";
    },
    setLast(line) {
      erase();
      last = line;
      if (!line && waiting !== "") {
        print(waiting);
        waiting = "";
      }
      draw();
    },
    showLast() {
      if (open) {
        out.write("\n");
        open = false;
      }
      draw();
    },
    lastIsGone() {
      drawn = false;
      const text = waiting;
      waiting = "";
      if (text === "") draw();
      else print(text);
    },
  };
}
