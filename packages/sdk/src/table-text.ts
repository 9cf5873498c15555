/** A table in columns, for a font whose characters are all as wide as each other. Pure. */
import type { Token } from "markdown-it";

interface Cell {
  readonly text: string;
  readonly right: boolean;
}

/** @param inside the tokens between `table_open` and its close */
export function tableText(inside: readonly Token[], plain: (tokens: readonly Token[]) => string): string {
  const rows = rowsOf(inside, plain);
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => width(row[column]?.text ?? ""))));
  const rule = widths.map((wide) => "-".repeat(Math.max(1, wide))).join("-|-");
  const [first = "", ...rest] = rows.map((row) => lineOf(row, widths));
  return [first, rule, ...rest].join("\n");
}

function rowsOf(tokens: readonly Token[], plain: (tokens: readonly Token[]) => string): Cell[][] {
  const rows: Cell[][] = [];
  let right = false;
  for (const token of tokens) {
    if (token.type === "tr_open") rows.push([]);
    if (token.type === "th_open" || token.type === "td_open")
      right = String(token.attrGet("style") ?? "").includes("right");
    if (token.type === "inline") rows.at(-1)?.push({ text: plain(token.children ?? []), right });
  }
  return rows;
}

function lineOf(row: readonly Cell[], widths: readonly number[]): string {
  const cells = widths.map((wide, column) => {
    const { text = "", right = false } = row[column] ?? {};
    const gap = " ".repeat(wide - width(text));
    return right ? gap + text : text + gap;
  });
  return cells.join(" | ").trimEnd();
}

/** Characters that take two places, as most fonts have it. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

function width(text: string): number {
  let sum = 0;
  for (const { segment } of GRAPHEMES.segment(text)) sum += WIDE.test(segment) ? 2 : 1;
  return sum;
}
