/**
 * A text that is being rendered, piece by piece: words, and markup between them. Which styles a platform shows
 * depends on what stands around them, and what has to be guarded on the whole line; so both are decided at the end.
 */
import type { Dialect, Mark, Rendered, Style } from "./markup.ts";

/** Seen by nobody, and no part of any markup. */
const INVISIBLE = "\u200b";

type Piece =
  /** What was written. */
  | { readonly kind: "words"; readonly text: string }
  /** Code, an address: what is written for it is fixed. */
  | { readonly kind: "fixed"; readonly text: string; readonly markup: string; readonly marks: string }
  | { readonly kind: "mark"; readonly markup: string }
  | { readonly kind: "style"; readonly style: Style; close: number | undefined };

export type Pieces = ReturnType<typeof createPieces>;

export function createPieces(dialect: Dialect) {
  const pieces: Piece[] = [];
  /** Where the styles that are open began; undefined: it was open already. */
  const open: { readonly style: Style; readonly at: number | undefined }[] = [];
  let indent = { text: "", markup: "" };

  function fixed(text: string, markup: string, marks = ""): void {
    pieces.push({ kind: "fixed", text, markup, marks });
  }

  function within(more: typeof indent, write: () => void): void {
    const outer = indent;
    indent = { text: outer.text + more.text, markup: outer.markup + more.markup };
    write();
    indent = outer;
  }

  const all = {
    say(text: string): void {
      pieces.push({ kind: "words", text });
    },
    mark(markup: string): void {
      pieces.push({ kind: "mark", markup });
    },
    /** Where nothing may be put in between. */
    address(text: string): void {
      fixed(text, dialect.escape(text));
    },
    /** The address of what stands before it. */
    behind(href: string): void {
      all.say(" (");
      all.address(href);
      all.say(")");
    },
    code([before, after]: Mark, code: string): void {
      fixed(code, before + (dialect.escapeCode ?? dialect.escape)(code) + after, before + after);
    },
    line(count = 1): void {
      for (let n = 0; n < count; n += 1) fixed(`\n${indent.text}`, `\n${indent.markup}`);
    },
    indented(by: string, write: () => void): void {
      within({ text: by, markup: by }, write);
    },
    quoted(quote: Dialect["quote"], write: () => void): void {
      if (typeof quote === "string") {
        all.mark(quote);
        within({ text: "", markup: quote }, write);
      } else {
        all.mark(quote[0]);
        write();
        all.mark(quote[1]);
      }
    },
    /** Within itself a style changes nothing. */
    open(style: Style): void {
      const already = open.some((one) => one.style === style);
      open.push({ style, at: already ? undefined : pieces.length });
      if (!already) pieces.push({ kind: "style", style, close: undefined });
    },
    close(style: Style): void {
      const last = open.findLastIndex((one) => one.style === style);
      const [{ at } = { at: undefined }] = last < 0 ? [] : open.splice(last, 1);
      const opening = at === undefined ? undefined : pieces[at];
      if (opening?.kind === "style") opening.close = pieces.length;
    },
    styled(style: Style, write: () => void): void {
      all.open(style);
      write();
      all.close(style);
    },
    rendered(): Rendered {
      return written(pieces, dialect);
    },
  };
  return all;
}

function written(pieces: readonly Piece[], dialect: Dialect): Rendered {
  const starts: number[] = [];
  let text = "";
  for (const piece of pieces) {
    starts.push(text.length);
    if ("text" in piece) text += piece.text;
  }
  const { before, behind } = stylesOf(pieces, { starts, text, dialect });
  const invisible = guarded(pieces, { starts, text, dialect, before, behind });

  let markup = "";
  for (const [index, piece] of pieces.entries()) {
    markup += behind.get(index) ?? "";
    if (piece.kind === "words") markup += wordsOf(piece.text, starts[index] ?? 0, invisible, dialect);
    else if (piece.kind === "style") markup += before.get(index) ?? "";
    else markup += piece.markup;
  }
  return { markup: markup + (behind.get(pieces.length) ?? ""), text };
}

/** What opens a style, by its piece, and what closes styles, by the piece that follows. */
function stylesOf(
  pieces: readonly Piece[],
  { starts, text, dialect }: { starts: readonly number[]; text: string; dialect: Dialect },
) {
  const before = new Map<number, string>();
  const behind = new Map<number, string>();
  for (const [index, piece] of pieces.entries()) {
    if (piece.kind !== "style" || piece.close === undefined) continue;
    const from = starts[index] ?? 0;
    const to = starts[piece.close] ?? text.length;
    const around = {
      before: text.slice(0, from).slice(-1),
      inside: text.slice(from, to),
      after: text.charAt(to),
    };
    const mark = dialect.style(piece.style, around);
    if (!mark) continue;
    before.set(index, mark[0]);
    // The one that was opened last is closed first.
    behind.set(piece.close, mark[1] + (behind.get(piece.close) ?? ""));
  }
  return { before, behind };
}

/** Before which signs of the text something invisible has to stand. */
function guarded(
  pieces: readonly Piece[],
  {
    starts,
    text,
    dialect,
    before,
    behind,
  }: {
    starts: readonly number[];
    text: string;
    dialect: Dialect;
    before: ReadonlyMap<number, string>;
    behind: ReadonlyMap<number, string>;
  },
): ReadonlySet<number> {
  const found = new Set<number>();
  if (!dialect.guard) return found;
  const words: boolean[] = [];
  const marks: { readonly at: number; readonly signs: string }[] = [];
  for (const [index, piece] of pieces.entries()) {
    const at = starts[index] ?? 0;
    const own = piece.kind === "fixed" ? piece.marks : piece.kind === "mark" ? piece.markup : "";
    marks.push({ at, signs: own + (before.get(index) ?? "") + (behind.get(index) ?? "") });
    if ("text" in piece) for (let n = 0; n < piece.text.length; n += 1) words.push(piece.kind === "words");
  }
  marks.push({ at: text.length, signs: behind.get(pieces.length) ?? "" });
  let start = 0;
  for (const line of text.split("\n")) {
    const from = start;
    const end = from + line.length;
    const signs = marks.flatMap((one) => (one.at >= from && one.at <= end ? one.signs : [])).join("");
    for (const at of dialect.guard(line, (n) => words[from + n] === true, signs)) found.add(from + at);
    start = end + 1;
  }
  return found;
}

function wordsOf(text: string, start: number, invisible: ReadonlySet<number>, dialect: Dialect): string {
  let markup = "";
  let from = 0;
  for (let n = 0; n < text.length; n += 1) {
    if (!invisible.has(start + n)) continue;
    markup += dialect.escape(text.slice(from, n)) + INVISIBLE;
    from = n;
  }
  return markup + dialect.escape(text.slice(from));
}
